import Foundation
import Model
import TestSupport
import Testing

@testable import Reports

@Suite("The index page")
struct IndexTests {
  /// `count` runs of one scenario, an hour apart, of which each fifth is invalid.
  static func runs(_ count: Int, environments: Int = 4) -> [RunResult] {
    let names = ["native"] + (1..<environments).map { "environment-\($0)" }
    return (0..<count).map { number in
      let drift = 1 + 0.004 * Double(number % 7)
      return Variants.changed { result in
        result.run.id = "run-\(number)"
        result.run.started = Fixture.start.addingTimeInterval(3_600 * Double(number))
        result.environments = names.map { EnvironmentRecord(name: $0, summary: "", layer: "") }
        result.workloads = [WorkloadSpec(name: "udp-rr-spin", kind: .udpRR, wait: .spin)]
        result.series = names.enumerated().map { index, name in
          let estimate = (1 + 0.05 * Double(index)) * drift
          return SeriesResult(
            environment: name, workload: "udp-rr-spin", metric: .rttP50, trials: [], median: 8_000,
            ratio: index == 0 ? nil : Fixture.ratio(estimate, estimate - 0.02, estimate + 0.03))
        }
        result.control = [Fixture.control("udp-rr-spin", (1, 0.99, 1.01))]
        result.control[0].isPassed = number % 5 != 4
      }
    }
  }

  static func entries(_ results: [RunResult]) -> [IndexEntry] {
    results.map { IndexEntry($0, links: [("HTML", "\($0.run.id).html"), ("JSON", "\($0.run.id).json")]) }
  }

  private func visible(_ html: String) throws -> String {
    let body = try #require(html.range(of: "<body>"))
    return String(html[body.upperBound...]).replacing(/<[^>]*>/, with: "")
  }

  @Test("takes from a result what reports say of it")
  func entry() {
    let entry = IndexEntry(Fixture.result, links: [("HTML", "a.html")])
    #expect(entry.verdicts == [.supported: 1, .refuted: 1] && entry.validityHeading == nil)
    #expect(entry.headlines.map(\.environment) == ["netns", "veth", "bridge", "netns", "veth", "bridge"])
    #expect(entry.headlines[2].estimate == 1.302 && entry.headlines[2].low == 1.281 && entry.headlines[2].high == 1.331)
    #expect(entry.headlines.allSatisfy { $0.isValid && $0.reference == "native" && $0.metric == "round trip p50" })

    let half = IndexEntry(Variants.oneFailedControl, links: [])
    #expect(half.validityHeading == "No verdict can be had from tcp-rr-spin")
    #expect(half.headlines.map(\.isValid) == [true, true, true, false, false, false])
    #expect(IndexEntry(Variants.manyVoided, links: []).verdicts == [.inconclusive: 2])
    #expect(IndexEntry(Variants.injected, links: []).headlines.allSatisfy { !$0.isValid })
    #expect(IndexEntry(Variants.empty, links: []).headlines.isEmpty)
  }

  @Test("holds layers against what lies under them")
  func references() throws {
    let headlines = IndexEntry(StorageRuns.small, links: []).headlines
    let overlay = try #require(headlines.first { $0.environment == "overlayfs-xfs" })
    #expect(overlay.reference == "plain-xfs")
    let series = try #require(
      StorageRuns.small.series.first {
        $0.environment == "overlayfs-xfs" && $0.workload == overlay.workload && $0.reference != nil
      })
    #expect(overlay.estimate == series.reference?.ratio?.estimate)
  }

  @Test("lists runs newest first, whatever the order that they come in")
  func order() throws {
    let entries = Self.entries(Self.runs(6))
    let html = try IndexPage.render(entries.reversed())
    #expect(try html == IndexPage.render(entries))
    let table = try #require(html.range(of: "<table class=\"stack\">"))
    let ids = html[table.lowerBound...].matches(of: /<bdi>(run-[0-9])<\/bdi>/).map { String($0.1) }
    #expect(ids == ["run-5", "run-4", "run-3", "run-2", "run-1", "run-0"])
  }

  @Test("says of each run what came of it, in words and shapes")
  func rows() throws {
    var runs = Self.runs(5)
    runs[1].run.exit = .interrupted
    let text = try visible(try IndexPage.render(Self.entries(runs))).replacing("\u{A0}", with: " ")
    for part in [
      "✓valid", "✗No verdict can be had from this run", "✓1 supported", "✗1 refuted", "?2 inconclusive", "interrupted",
      "12 valid, 1 voided", "5 runs of 1 scenario on 1 host", "2026-11-24 03:15:41 UTC", "standard", "build-07",
    ] {
      #expect(text.contains(part), "it lacks \(part)")
    }
  }

  @Test("draws each environment from run to run, with its newest number and all of them behind it")
  func trends() throws {
    let html = try IndexPage.render(Self.entries(Self.runs(5)))
    #expect(html.ranges(of: "<svg class=\"chart spark\" role=\"img\" aria-labelledby=").count == 3)
    #expect(html.ranges(of: "<desc").count == 3)
    // Four solid dots and a hollow one in each.
    let solid = html.matches(of: /class="run-dot"[^>]* d="([^"]*)"/).map { $0.1.count { $0 == "M" } }
    let hollow = html.matches(of: /class="run-hole"[^>]* d="([^"]*)"/).map { $0.1.count { $0 == "M" } }
    #expect(solid == [4, 4, 4] && hollow == [1, 1, 1])
    #expect(html.contains("1.07× <span class=\"ci\">[1.05, 1.10]</span>"))
    #expect(html.contains("newest bears no verdict; 1.05 to 1.06 in 4\u{A0}runs, 1 more without a verdict"))
    #expect(html.ranges(of: "UTC, no verdict</th>").count == 3)
  }

  @Test("keeps hosts, Internet Protocols, profiles and workloads apart")
  func groups() throws {
    var runs = Self.runs(5)
    runs[1].run.host.hostname = "other"
    runs[2].run.family = .ipv6
    for index in runs[3].series.indices { runs[3].series[index].workload = "tcp" }
    runs[3].workloads[0].name = "tcp"
    runs[4].run.profile = .quick
    let html = try IndexPage.render(Self.entries(runs))
    #expect(html.contains("From run to run on <bdi>other</bdi>, standard profile"))
    #expect(html.contains("From run to run on <bdi>build-07</bdi>, IPv6, standard profile"))
    #expect(html.contains("From run to run on <bdi>build-07</bdi>, quick profile"))
    #expect(html.contains("1\u{A0}further workload"))
    // No two runs go together, and one goes nowhere.
    #expect(!html.contains("<svg") && html.ranges(of: "1\u{A0}run</div>").count == 15)
  }

  @Test("is not stretched by a run that bears no verdict")
  func scale() throws {
    let points = [
      Sparkline.Point(estimate: 1.1, low: 1.05, high: 1.15, isValid: true),
      Sparkline.Point(estimate: 9, low: 2, high: 40, isValid: false), nil,
    ]
    let line = Sparkline(id: "x", title: "", summary: "", points: points)
    #expect(line.range?.low == 1.05 && line.range?.high == 1.15)
    let heights = try #require(line.text).matches(of: /V([0-9.]+)/).compactMap { Double($0.1) }
    #expect(heights.count == 2 && heights.allSatisfy { (0...Sparkline.height).contains($0) })
    #expect(Sparkline(id: "x", title: "", summary: "", points: [nil]).text == nil)
  }

  @Test(
    "leads to reports beside it, and nowhere else",
    arguments: [
      ("a.html", "./a.html"), ("sub/a b.md", "./sub/a%20b.md"), ("../a.json", "../a.json"),
      ("/etc/passwd", "./etc/passwd"),
      ("//host/x", "./host/x"), ("javascript:alert(1)", "./javascript%3Aalert%281%29"),
      ("a\"b?#é", "./a%22b%3F%23%C3%A9"),
      ("", "./"),
    ])
  func links(path: String, href: String) {
    #expect(IndexPage.relative(path) == href)
  }

  @Test("has words for no run, and needs nothing but itself")
  func selfContained() throws {
    let empty = try IndexPage.render([])
    #expect(empty.contains("No run is stored.") && !empty.contains("<table"))
    let bare = try IndexPage.render([IndexEntry(Variants.empty, links: [])])
    #expect(bare.contains("none written") && bare.contains("no claim") && !bare.contains("<svg"))
    let html = try IndexPage.render(Self.entries(Self.runs(3)))
    for outside in ["http://", "https://", "<script", "<link", "<img", "@import", "url(", "<iframe"] {
      #expect(!html.contains(outside), "it has \(outside)")
    }
    #expect(html.contains("default-src 'none'"))
  }

  @Test("has headings in order, a caption on every table, heads with a scope, and every anchor once")
  func accessibility() throws {
    let html = try IndexPage.render(Self.entries(Self.runs(5)) + [IndexEntry(StorageRuns.small, links: [])])
    #expect(html.ranges(of: /<table[^>]*><caption>/).count == html.ranges(of: "<table").count)
    #expect(html.ranges(of: "<th ").count == html.ranges(of: "<th scope=").count && !html.contains("<th>"))
    let levels = html.matches(of: /<h([1-6])/).compactMap { Int($0.1) }
    #expect(levels.first == 1 && zip(levels, levels.dropFirst()).allSatisfy { $1 <= $0 + 1 })
    let ids = html.matches(of: /\sid="([^"]*)"/).map { String($0.1) }
    #expect(Set(ids).count == ids.count)
    for match in html.matches(of: /href="#([^"]*)"/) { #expect(ids.contains(String(match.1))) }
    let open = html.ranges(of: "<details").count
    #expect(open == html.ranges(of: "</details>").count && open > 0)
  }

  @Test("of 200 runs of 15 environments is small, and made within a second")
  func large() throws {
    let entries = Self.entries(Self.runs(200, environments: 15))
    var size = 0
    let time = try threadTime { size = try IndexPage.render(entries).utf8.count }
    print("200 runs of 15 environments: \(time), \(size / 1024) KiB")
    #expect(time < .seconds(1))
    #expect(size < 1_048_576)
    let cut = try IndexPage.render(Self.entries(Self.runs(203)))
    #expect(cut.contains("The newest 200 of 203 runs."))
    #expect(cut.matches(of: /<bdi>run-[0-9]+<\/bdi>/).count == 203)
  }
}
