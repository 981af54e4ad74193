internal import ArgumentParser
internal import Environments
internal import Harness
internal import Model

struct ExecCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exec", abstract: "Time your own server and client in each environment.",
    discussion: """
      In each trial the server is started where the environment has its server, and the client, once the server's port \
      is open, where it has its client. {server_address} and {server_port} are filled in: for the server where it is \
      to listen, for the client where it is to connect. Trials come in randomised blocks with an A/A control, as in \
      'bench run'. In a container the commands see this host's programs, read-only.

      EXAMPLES
        sudo bench exec --env native,veth,docker-bridge \\
          --server 'redis-server --bind {server_address}
            --port {server_port} --protected-mode no' \\
          --reported 'SET: ([0-9.]+) requests per second' \\
          -- redis-benchmark -h {server_address} -p {server_port} -t set -n 20000 -q
        sudo bench exec --env native,netns -- sh -c 'exit 0'
      """)

  @Option(
    name: .customLong("env"),
    help: ArgumentHelp("The environments; the first one is what the others are compared with.", valueName: "a,b"))
  var environments: WordList

  @Option(help: ArgumentHelp("The server's command, as in a shell but without one.", valueName: "command"))
  var server: String?

  @Option(
    help: ArgumentHelp(
      "A regular expression; its first group is the number that the client reports.", valueName: "pattern"))
  var reported: String?

  @Option(help: ArgumentHelp("How many blocks: one trial of every environment each.", valueName: "n"))
  var blocks = 8

  @Option(help: ArgumentHelp("The most time that all may take, in seconds.", valueName: "s"))
  var budget = 600

  @OptionGroup var measuring: MeasuringOptions

  @Argument(
    parsing: .postTerminator, help: ArgumentHelp("The client's program and its arguments.", valueName: "client"))
  var client: [String] = []

  func validate() throws {
    if client.isEmpty { throw ValidationError("Name the client's command after '--'.") }
    if blocks < 8 { throw ValidationError("--blocks takes 8 or more: fewer give no interval.") }
    if budget < 1 { throw ValidationError("--budget takes a number of seconds of 1 or more.") }
  }

  func run() throws {
    let plan = try plan()
    try measuring.measure([plan]) { plan in
      var words = ["bench", "exec", "--env", environments.words.joined(separator: ","), "--blocks", "\(blocks)"]
      if budget != 600 { words += ["--budget", "\(budget)"] }
      if let server { words += ["--server", server] }
      if let reported { words += ["--reported", reported] }
      return ShellWords.joined(words + measuring.repetition(of: plan) + ["--"] + client)
    }
  }

  private func plan() throws(UserError) -> RunPlan {
    for name in environments.words where EnvironmentRegistry.definition(named: name) == nil {
      let hint = Suggestion.nearest(to: name, among: EnvironmentRegistry.names).map { " (did you mean '\($0)'?)" } ?? ""
      throw UserError(
        .usage, "there is no environment '\(name)'\(hint)", remedy: "'bench list' shows what there is")
    }
    if let reported {
      do throws(ReportedNumber.Problem) { _ = try ReportedNumber(pattern: reported) } catch {
        throw UserError(.usage, "--reported \(error.description)", remedy: "for instance 'rate: ([0-9.]+)'")
      }
    }
    let commands = WorkloadSpec.Commands(
      server: try server.map { text throws(UserError) in try ShellWords.split(text, option: "--server") },
      client: client, reported: reported)
    // As a scenario orders them: the baseline first, the rest as they were named.
    var names: [String] = []
    for name in environments.words where !names.contains(name) { names.append(name) }
    let program = client[0].split(separator: "/").last.map(String.init) ?? client[0]
    let scenario = Scenario(
      name: "exec", title: "\(program) in \(names.count == 1 ? "one environment" : "\(names.count) environments")",
      description: "The user's own commands: \(ShellWords.joined(client))"
        + (server.map { "; server: \($0)" } ?? ""),
      baseline: names[0], environments: names,
      workloads: [WorkloadSpec(name: "exec", kind: .exec, wait: .block, commands: commands)],
      profiles: [
        .standard: Profile(windowMilliseconds: 0, warmupMilliseconds: 0, budgetSeconds: budget, looks: [blocks])
      ],
      claims: [])
    return try RunPlan(
      scenario: scenario, profile: .standard, family: measuring.family, seed: measuring.session.drawnSeed())
  }
}
