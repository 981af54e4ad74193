public import ArgumentParser

/// The root of the command line.
public struct BenchCommand: ParsableCommand {
  /// The version of the program, as in CHANGELOG.md.
  public static let version = "0.1.0"

  public static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "What does a container cost on this host? Measured, with an interval and a verdict.",
    discussion: """
      Runs the same worker natively, in network namespaces, across veth pairs, bridges, address translation, overlays \
      and container engines, in randomised blocks with an A/A control, and holds the results against claims.

      EXAMPLES
        sudo bench run network-hop           measure, print the table, write reports
        sudo bench run network-hop --profile standard   minutes instead of one
        bench run network-hop --env native   what is possible without root
        bench describe network-hop           what it would do, and how long it takes
        sudo bench exec --env native,veth -- CLIENT   time a command of your own
        bench report latest                  write the last run's reports again
        bench compare A B                    two runs, or the files of two hosts
        bench claims                         the article's claims on this host
        sudo bench nightly                   the regression job
        bench history                        what the nights have said
        bench hops a.pcap b.pcap             the time from capture to capture
        sudo bench doctor                    what this host can measure

      EXIT STATUS
        0   done                        69  the host lacks something
        1   a regression                70  internal error
        3   no verdict could be had     77  not permitted
        64  usage                       130 interrupted (and cleaned up)
        65  bad input file
      """,
    version: version,
    subcommands: [
      RunCommand.self, ExecCommand.self, ListCommand.self, DescribeCommand.self, ValidateCommand.self,
      DoctorCommand.self,
      AnalyzeCommand.self, ReportCommand.self, CompareCommand.self, ClaimsCommand.self, HopsCommand.self,
      NightlyCommand.self,
      HistoryCommand.self, BaselineCommand.self, ExportCommand.self, ImportCommand.self, PruneCommand.self,
      CleanupCommand.self,
    ])

  public init() {}
}
