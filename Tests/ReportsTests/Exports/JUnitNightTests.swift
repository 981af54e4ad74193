import Foundation
import Model
import PlainText
import Testing

@testable import Reports

@Suite("A night as JUnit's XML")
struct JUnitNightTests {
  private func suite(_ result: NightResult) throws -> XMLTree.Element {
    let root = try XMLTree.parse(NightExport.render(.junit, night: result, runs: [], history: []))
    try JUnitShape.check(root)
    return try #require(root.all("testsuite").first)
  }

  /// By "class name".
  private func outcomes(_ suite: XMLTree.Element) -> [String: String] {
    Dictionary(
      uniqueKeysWithValues: suite.all("testcase").map { test in
        (
          "\(test.attributes["classname"] ?? "") \(test.attributes["name"] ?? "")",
          test.children.first { $0.name != "system-out" }?.name ?? "passed"
        )
      })
  }

  private func message(_ suite: XMLTree.Element, _ name: String) throws -> String {
    let test = try #require(
      suite.all("testcase").first { "\($0.attributes["classname"] ?? "") \($0.attributes["name"] ?? "")" == name })
    return try #require(test.children.first { $0.name != "system-out" }?.attributes["message"])
  }

  @Test("passes every series of a clean night, and skips those that have too little history")
  func clean() throws {
    let suite = try suite(ExportNights.clean)
    let outcomes = outcomes(suite)
    // Ten series, the self-test, and the comparison in slirp, of which tonight has no series.
    #expect(outcomes.count == 12)
    #expect(outcomes["network-hop.udp-rr-spin.macvlan rtt_p50 overhead"] == "skipped")
    #expect(outcomes["network-hop.udp-rr-spin.slirp rtt_p50 against the pinned worker"] == "skipped")
    #expect(outcomes.values.count { $0 == "passed" } == 10)
    #expect(outcomes["bench.nightly detector self-test"] == "passed")
    #expect(suite.attributes["name"] == "nightly" && suite.attributes["time"] == "1800.500")
    #expect(
      try message(suite, "network-hop.udp-rr-spin.macvlan rtt_p50 overhead") == "collecting: 7 of 20 nights are there")
    let output = try #require(
      suite.all("testcase").first { $0.attributes["classname"] == "network-hop.udp-rr-spin.veth" }?.all("system-out")
        .first
    ).text
    #expect(output.contains("tonight: 1.12× [1.10, 1.14]") && output.contains("today's ÷ the pinned worker's 1.00×"))
  }

  @Test("fails each series that is worse, with its number, interval and p, and nothing else")
  func regression() throws {
    let suite = try suite(ExportNights.regression)
    #expect(
      Set(outcomes(suite).filter { $0.value == "failure" }.keys) == [
        "network-hop.udp-rr-spin.veth rtt_p50 overhead", "network-hop.udp-rr-spin.bridge softirqs count",
        "network-hop.udp-rr-spin.slirp rtt_p50 against the pinned worker",
      ])
    #expect(suite.attributes["failures"] == "3" && suite.attributes["errors"] == "0")
    let message = try message(suite, "network-hop.udp-rr-spin.veth rtt_p50 overhead")
    for part in [
      "worse: 1.21× [1.19, 1.23]", "before: 1.09×", "p < 0.0001", "1.10× [1.08, 1.12], n = 16", "(Holm)",
      "16 of 16 blocks",
    ] {
      #expect(message.contains(part), "\(message)")
    }
    #expect(try self.message(suite, "network-hop.udp-rr-spin.bridge softirqs count").contains("worse: 5; before: 4"))
  }

  @Test("fails a headline that only the level of the baseline follows")
  func baseline() throws {
    let night = ExportNights.verdict(.regression, "Worse: native.") {
      $0.confirmations[1] = ExportNights.confirmation("native", 1.2, isWorse: true)
    }
    #expect(outcomes(try suite(night))["network-hop.udp-rr-spin.native rtt_p50 level"] == "failure")
  }

  @Test("never shows a regression as a pass: a night that names none fails by itself")
  func unnamed() throws {
    let night = ExportNights.verdict(.regression, "Worse, somehow.")
    #expect(outcomes(try suite(night))["bench.nightly verdict"] == "failure")
  }

  @Test("skips what an inconclusive night cannot say, with the reason")
  func inconclusive() throws {
    let suite = try suite(ExportNights.inconclusive)
    let outcomes = outcomes(suite)
    #expect(outcomes["network-hop.udp-rr-spin.netns rtt_p50 overhead"] == "skipped")
    #expect(outcomes["network-hop.udp-rr-spin.native rate level"] == "passed")
    #expect(!outcomes.values.contains("failure") && !outcomes.values.contains("error"))
    #expect(try message(suite, "network-hop.udp-rr-spin.veth rtt_p50 overhead") == "open: no time was left")
    #expect(
      try message(suite, "network-hop.udp-rr-spin.netns rtt_p50 overhead")
        == "inconclusive: The host was disturbed: steal of 7 %.")
  }

  @Test("makes one error of a blind night, and skips all else")
  func blind() throws {
    let suite = try suite(ExportNights.blind)
    let outcomes = outcomes(suite)
    #expect(outcomes["bench.nightly detector self-test"] == "error" && suite.attributes["errors"] == "1")
    #expect(outcomes.values.count { $0 == "skipped" } == outcomes.count - 1)
    #expect(try message(suite, "bench.nightly detector self-test") == "detector blind: the interval contains 1")
  }

  @Test("names what a new epoch began with")
  func epoch() throws {
    let suite = try suite(ExportNights.newEpoch)
    let properties = suite.all("properties")[0].children.filter { $0.attributes["name"] == "new epoch" }
    #expect(properties.map { $0.attributes["value"] } == ["kernel: 6.12.0-1-amd64 → 6.18.0-3-amd64"])
    #expect(outcomes(suite)["network-hop.udp-rr-spin.bridge rtt_p50 overhead"] == "passed")
  }

  @Test("keeps hostile text in its place", arguments: Hostile.texts)
  func hostile(_ text: String) throws {
    let suite = try suite(ExportNights.saying(text))
    #expect(suite.all("testcase").count == 12)
    #expect(suite.all("testcase").allSatisfy { $0.children.allSatisfy { $0.children.isEmpty } })
    #expect(suite.attributes["name"] == InertText.name(text))
  }

  @Test("is what Jenkins' schema wants, and so is the report of a run", .requiresReaders)
  func schema() throws {
    var documents = ExportNights.all.mapValues { JUnitNight.render($0) }
    for (index, text) in Hostile.texts.enumerated() {
      documents["hostile \(index)"] = JUnitNight.render(ExportNights.saying(text))
    }
    documents["run"] = JUnitReport.render(Fixture.result)
    documents["failed run"] = JUnitReport.render(Variants.failedControl)
    let directory = FileManager.default.temporaryDirectory.appending(path: "bench-junit-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let files = try documents.map { name, document in
      let file = directory.appending(path: "\(name).xml")
      try Data(document.utf8).write(to: file)
      return file.path(percentEncoded: false)
    }
    try Readers.run(Readers.xmllint, ["--noout", "--nonet", "--schema", Readers.junitSchema] + files)
    // The schema is not one that takes anything.
    _ = try Readers.withFile("<testsuites><testsuite name=\"x\"/></testsuites>") { path in
      #expect(throws: Readers.Failure.self) {
        try Readers.run(Readers.xmllint, ["--noout", "--nonet", "--schema", Readers.junitSchema, path])
      }
    }
  }
}
