internal import Foundation
internal import TestSupport
internal import Testing

@testable import Commands

/// Whole runs. One after another: two on one host would measure each other.
@Suite("Commands of one's own", .serialized)
struct ExecTests {
  @Test("are timed, and what they report is in the result", .requiresNetworkNamespaces)
  func wholeRun() throws {
    let place = try Workplace()
    let run = try place.bench(
      "exec", "--env", "native,netns", "--blocks", "8", "--reported", "score: ([0-9]+)", "--seed",
      "3", "--no-report",
      "--json", "result.json", "--", "sh", "-c", "echo 'score: 41'; echo 'score: 42'")
    #expect(run.code == 0 || run.code == 3, "\(run.status): \(run.errors)")
    #expect(run.output.contains("number reported by the client"))
    let result = try place.data("result.json")
    #expect(try ResultSchema.problems(of: result) == [])
    let root = try #require(try JSONSerialization.jsonObject(with: result) as? [String: Any])
    let series = try #require(root["series"] as? [[String: Any]])
    for environment in ["native", "netns"] {
      func values(_ metric: String) -> [Double]? {
        series.first {
          $0["environment"] as? String == environment && $0["metric"] as? String == metric
        }?["trials"]
          as? [Double]
      }
      #expect(values("reported") == [Double](repeating: 42, count: 8))
      #expect(values("duration")?.allSatisfy { $0 > 100_000 } == true)
    }
    let summary = try #require(root["run"] as? [String: Any])
    #expect(
      summary["command"] as? String
        == "bench exec --env native,netns --blocks 8 --reported 'score: ([0-9]+)' --seed 3 -- sh -c "
        + "'echo '\\''score: 41'\\''; echo '\\''score: 42'\\'''")
  }

  @Test(
    "that are not said rightly are wrong usage, in words",
    arguments: [
      (["--env", "native", "--"], "Name the client's command after '--'."),
      (
        ["--env", "native", "--blocks", "7", "--", "true"],
        "--blocks takes 8 or more: fewer give no interval."
      ),
      (
        ["--env", "nativ,netns", "--", "true"],
        "there is no environment 'nativ' (did you mean 'native'?)"
      ),
      (
        ["--env", "native", "--reported", "[0-9]+", "--", "true"],
        "--reported needs a group in parentheses"
      ),
      (
        ["--env", "native", "--reported", "([0-9", "--", "true"],
        "--reported is no regular expression"
      ),
      (
        ["--env", "native", "--server", "sh -c 'x", "--", "true"],
        "--server: a quote or a backslash"
      ),
      (["--env", "native", "--server", " ", "--", "true"], "--server is empty"),
      (["--env", "native", "--family", "ipv5", "--", "true"], "ipv5"),
      (["--env", "native,gvisor", "--server", "x", "--", "true"], "environment 'gvisor'"),
    ])
  func usage(_ words: [String], _ reason: String) throws {
    let place = try Workplace()
    let outcome = try place.run(program: try Executable.path(), ["exec"] + words)
    #expect(outcome.code == 64, "\(outcome.errors)")
    #expect(outcome.errors.contains(reason), "\(outcome.errors)")
  }

  @Test("whose program is not there end the run with its name")
  func missingProgram() throws {
    let place = try Workplace()
    let outcome = try place.bench(
      "exec", "--env", "native", "--no-report", "--", "/no/such/program")
    #expect(outcome.code == 70)
    #expect(
      outcome.errors.contains("exec /no/such/program: No such file or directory"),
      "\(outcome.errors)")
    #expect(place.names(in: "journal") == [])
  }
}

@Suite("A command line")
struct ShellWordsTests {
  @Test(
    "is cut as a POSIX shell cuts it",
    arguments: [
      ("a b  c", ["a", "b", "c"]), (" a\tb\n", ["a", "b"]), ("'a b' \"c d\"", ["a b", "c d"]),
      ("a'b'\"c\"d", ["abcd"]),
      ("''", [""]), ("x \"\"", ["x", ""]), (#"a\ b"#, ["a b"]), (#"'a\b'"#, [#"a\b"#]),
      (#""a\"b""#, [#"a"b"#]),
      (#""a\nb""#, [#"a\nb"#]), ("$HOME *", ["$HOME", "*"]), ("{server_port}", ["{server_port}"]),
    ])
  func split(_ text: String, _ words: [String]) throws {
    #expect(try ShellWords.split(text, option: "--x") == words)
  }

  @Test(
    "that is pasted into a shell again gives the same words",
    arguments: [
      ["a"], ["a b", ""], ["it's", "\"", "\\", "$x", "`y`", "a;b", "{p}"],
    ])
  func roundTrip(_ words: [String]) throws {
    #expect(try ShellWords.split(ShellWords.joined(words), option: "--x") == words)
  }
}
