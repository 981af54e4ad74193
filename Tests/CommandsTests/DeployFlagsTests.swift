internal import Foundation
internal import Testing

/// Every command line that `deploy/`, the project's own workflow and the page about the nightly job show can be typed: its
/// subcommand and its options are in the program's help.
@Suite("Command lines of the nightly job, as they are shown")
struct DeployFlagsTests {
  private static let files = [
    "deploy/systemd/bench-nightly.service", "deploy/cron/bench-nightly", "deploy/github/nightly.yml",
    "deploy/gitlab/nightly.yml", ".github/workflows/nightly.yml", "docs/nightly.md",
  ]
  /// As `bench nightly --export` knows them.
  private static let formats: Set = [
    "junit", "github", "annotations", "openmetrics", "otava", "benchstat", "hyperfine",
  ]

  @Test("name commands and options that exist", arguments: files)
  func options(_ file: String) throws {
    let lines = Self.commandLines(try DeployTests.text(file))
    try #require(!lines.isEmpty, "\(file) shows no command line")
    let place = try Workplace()
    for line in lines {
      let help = try place.bench(line.command, "--help")
      #expect(help.code == 0, "\(file): 'bench \(line.command)' does not exist")
      let known = Set(help.output.matches(of: /--[a-z][a-z-]*/).map { String($0.0) })
      for option in line.options { #expect(known.contains(option), "\(file): bench \(line.command) \(option)") }
      for format in line.formats {
        #expect(Self.formats.contains(format) && help.output.contains(format), "\(file): --export \(format)")
      }
    }
  }

  @Test("are found in every place that can be copied")
  func reading() {
    let lines = Self.commandLines(
      """
      # A comment about bench nightly --bogus is none.
      ExecStart=/usr/local/bin/bench nightly --quiet --export junit=%S/x.xml
      10 4 * * * root said=$(bench nightly --wait 30min 2>&1) || echo "$said"
                sudo .build/release/bench nightly --store "$STORE" \\
                  --export annotations=- || code=$?
            sudo bench baseline set latest
      """)
    #expect(lines.map(\.command) == ["nightly", "nightly", "nightly", "baseline"])
    #expect(lines.map(\.options) == [["--quiet", "--export"], ["--wait"], ["--store", "--export"], []])
    #expect(lines.map(\.formats) == [["junit"], [], ["annotations"], []])
  }

  private struct CommandLine {
    var command: String
    var options: [String]
    var formats: [String]
  }

  /// Lines that call `bench`: after a path, `sudo`, `$(`, `=` or at the beginning, with their continuations.
  private static func commandLines(_ text: String) -> [CommandLine] {
    let joined = text.replacing(/\\\n\s*/, with: " ").replacing(/\n +(?=--[a-z])/, with: " ")
    return joined.split(separator: "\n").filter { !$0.trimmingCharacters(in: .whitespaces).hasPrefix("#") }.flatMap {
      line in
      line.matches(of: /(?:^|\$\(|=|\/|sudo )\s*(?:[\/.a-z]*\/)?bench ([a-z]+)((?: [^|)#`;]*)?)/).map { match in
        let words = match.2.split(separator: " ").map(String.init)
        let exports = zip(words, words.dropFirst()).filter { $0.0 == "--export" }.map(\.1)
        return CommandLine(
          command: String(match.1),
          options: words.filter { $0.hasPrefix("--") }.map { String($0.prefix { $0 != "=" }) },
          formats: exports.map { String($0.prefix { $0 != "=" }) })
      }
    }
  }
}
