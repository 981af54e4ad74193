internal import Analysis
internal import ArgumentParser
internal import Capture
internal import Foundation
internal import LinuxKit
internal import Model
internal import PlainText
internal import Reports
internal import Store

struct HopsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hops", abstract: "Where the time goes between taps: of capture files, or of a stored run.",
    discussion: """
      Joins the packets of pcap and pcapng files by what no hop changes, and prints how long each hop took. Anybody's \
      capture of UDP or TCP will do; it takes no root. Each interface of each file is a tap.

      EXAMPLES
        bench hops client.pcap server.pcap     two captures of the same traffic
        bench hops all.pcapng --json -         one capture of several interfaces
        ssh host tcpdump -w - … | bench hops here.pcap -
        bench hops latest                      what the last run saw inside
      """)

  enum Order: String, ExpressibleByArgument, CaseIterable {
    case inferred, given
  }

  @Argument(
    help: ArgumentHelp(
      "Capture files (- is stdin), or one run: its id, the beginning of one, or 'latest'.",
      valueName: "file"))
  var files: [String]

  @Option(
    name: .customLong("json"),
    help: ArgumentHelp("Write the result (bench.hops/1) to a file; - is stdout.", valueName: "file"))
  var json: String?

  @Option(
    help: ArgumentHelp(
      "How long, by the captures' clock, a packet is looked for at other taps.", valueName: "seconds"))
  var horizon = 10.0

  @Option(
    help: ArgumentHelp(
      "given: taps are in the order of the arguments, client first. inferred: by the times.", valueName: "order"))
  var order = Order.inferred

  @OptionGroup var store: StoreOptions

  func validate() throws {
    if files.isEmpty { throw ValidationError("Name capture files, or a run.") }
    if files.count(where: { $0 == "-" }) > 1 { throw ValidationError("stdin (-) can be read once only.") }
    guard horizon >= 0.000_001, horizon <= 86_400 else {
      throw ValidationError("--horizon \(horizon) is not between 0.000001 and 86400 seconds.")
    }
  }

  func run() throws {
    try RunOutputs(json: json, reports: nil, environment: Program.environment).check()
    if files.count == 1, files[0] != "-", !FileManager.default.fileExists(atPath: files[0]) {
      return try storedRun(files[0])
    }
    for file in files where file != "-" { try Self.check(file) }
    var options = FileHops.Options()
    options.horizon = Int64(horizon * 1e9)
    options.isOrderGiven = order == .given
    let (result, errors) = FileHops.analyze(files, options)
    // Where nothing could be read, the errors say all that there is to say.
    if result.files.contains(where: { $0.packets > 0 }) || errors.isEmpty { try write(result) }
    for error in errors { Console.error("bench: \(Self.text(error))") }
    if let worst = errors.map(Self.status).max() { throw ExitStatusError(status: worst) }
  }

  private static func check(_ file: String) throws(UserError) {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: file, isDirectory: &isDirectory) else {
      throw UserError(
        .badInput, "there is no file \(InertText.line(file))", remedy: "name capture files, pcap or pcapng")
    }
    if isDirectory.boolValue {
      throw UserError(.badInput, "\(InertText.line(file)) is a directory", remedy: "name the capture files in it")
    }
  }

  private func write(_ result: FileHopsResult) throws {
    if json == "-" { return Console.output(try HopsTable.json(result)) }
    if let json { try ReportWriter.replace(json, with: Data(try HopsTable.json(result).utf8)) }
    let environment = Program.environment
    Console.output(
      HopsTable.render(
        result, width: Console.width(environment: environment),
        color: Console.isColored(descriptor: 1, environment: environment)))
  }

  /// A path may hold anything; its lines stay one paragraph.
  private static func text(_ error: CaptureFileError) -> String {
    error.description.split(separator: "\n").map { InertText.line(String($0)) }.joined(separator: "\n")
  }

  private static func status(_ error: CaptureFileError) -> ExitStatus {
    error.cause?.isPermission == true ? .notPermitted : .badInput
  }

  /// The waterfalls of a run's own taps.
  private func storedRun(_ id: String) throws {
    let result: RunResult
    do throws(UserError) {
      result = RunAnalysis.analyze(try RunStore.openReadOnly(path: store.resolvedPath).run(id))
    } catch {
      // What looks like a path was meant to be one.
      if id.contains("/") || id.contains(".") { try Self.check(id) }
      throw error
    }
    if json != nil {
      throw UserError(
        .usage, "--json goes with capture files",
        remedy: "'bench analyze \(InertText.name(id)) --json FILE' writes a run")
    }
    let environment = Program.environment
    Console.output(
      TerminalTable.waterfalls(
        result, width: Console.width(environment: environment),
        color: Console.isColored(descriptor: 1, environment: environment)))
  }
}
