internal import Testing

@Suite("Help")
struct HelpTests {
  private static let commands = [
    "run", "exec", "list", "describe", "validate", "doctor", "analyze", "report", "compare", "claims", "hops",
    "nightly", "history", "baseline", "export", "import", "prune", "cleanup",
  ]

  @Test("without arguments says what there is")
  func noArguments() throws {
    let place = try Workplace()
    let outcome = try place.bench()
    #expect(outcome.code == 0)
    #expect(outcome.errors == "")
    #expect(outcome.output == (try place.bench("--help").output))
    try expectGolden(outcome.output, "help.txt")
  }

  @Test("each command explains itself", arguments: commands)
  func subcommand(_ command: String) throws {
    let place = try Workplace()
    let outcome = try place.bench(command, "--help")
    #expect(outcome.code == 0)
    #expect(outcome.errors == "")
    #expect(outcome.output == (try place.bench("help", command).output))
    try expectGolden(outcome.output, "help-\(command).txt")
  }

  @Test("examples and tables fit a terminal of 80 columns", arguments: [[]] + commands.map { [$0] })
  func width(_ command: [String]) throws {
    let place = try Workplace()
    let help = try place.bench(command.first ?? "--help", command.isEmpty ? "--help" : "-h").output
    // The parser never breaks the line of all options.
    for line in help.split(separator: "\n") where !line.hasPrefix("USAGE:") { #expect(line.count <= 80, "\(line)") }
    // Of what is broken the rest stands at the margin.
    for example in help.split(separator: "\n\n").filter({ $0.hasPrefix("EXAMPLES") || $0.hasPrefix("EXIT STATUS") }) {
      for line in example.split(separator: "\n").dropFirst() { #expect(line.hasPrefix("  "), "\(line)") }
    }
  }

  @Test("the version is a version")
  func version() throws {
    let outcome = try Workplace().bench("--version")
    #expect(outcome.code == 0)
    #expect(outcome.output.wholeMatch(of: /\d+\.\d+\.\d+\n/) != nil, "\(outcome.output)")
  }

  @Test("completions know every command", arguments: ["bash", "zsh", "fish"])
  func completions(_ shell: String) throws {
    let outcome = try Workplace().bench("--generate-completion-script", shell)
    #expect(outcome.code == 0)
    #expect(outcome.errors == "")
    for command in Self.commands { #expect(outcome.output.contains(command)) }
    #expect(outcome.output.contains("profile"))
  }
}
