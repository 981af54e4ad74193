internal import ArgumentParser
internal import Harness
internal import Model

/// What a run and a night take alike.
struct SessionOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The seed of the random order; the same seed gives the same order.", valueName: "n"))
  var seed: UInt64?

  @Option(help: ArgumentHelp("The CPUs of client and server, for instance 2,3.", valueName: "a,b"))
  var cpus: WordList?

  @Option(name: .customLong("report"), help: ArgumentHelp("Where the reports go.", valueName: "directory"))
  var reports = "reports"

  @Flag(help: "Write no reports.")
  var noReport = false

  @Flag(help: "No progress on stderr.")
  var quiet = false

  @OptionGroup var store: StoreOptions

  /// Drawn once, so that the command that does it again can name it.
  func drawnSeed() -> UInt64 { seed ?? UInt64.random(in: 1...999_999_999) }

  func processors() throws(UserError) -> Processors {
    try Processors.choose(requested: try cpus.map { list throws(UserError) in try Self.numbers(list.words) })
  }

  /// Where results go.
  /// - Parameter json: a file for the result; `-` is stdout.
  func outputs(json: String?, packets: String? = nil) -> RunOutputs {
    RunOutputs(json: json, reports: noReport ? nil : reports, packets: packets, environment: Program.environment)
  }

  /// The words that repeat what was chosen here.
  /// - Parameter seed: the one that was drawn.
  func repetition(seed: UInt64) -> [String] {
    var words = ["--seed", "\(seed)"]
    if let cpus { words += ["--cpus", cpus.words.joined(separator: ",")] }
    return words
  }

  private static func numbers(_ words: [String]) throws(UserError) -> [Int] {
    try words.map { word throws(UserError) in
      guard let number = Int(word), number >= 0 else {
        throw UserError(.usage, "'\(word)' is no CPU number", remedy: "write for instance --cpus 2,3")
      }
      return number
    }
  }
}
