import Foundation
import Model
import PlainText
import Testing

@testable import Reports

@Suite("Kinds of workloads")
struct KindTests {
  typealias Format = EveryFormatTests.Format

  static let all = [
    Synthetic.ladder, Synthetic.stream, Synthetic.open, Synthetic.exec, Synthetic.slope, Synthetic.large,
  ]

  private func text(_ format: Format, _ result: RunResult) throws -> String {
    try format.text(result).replacing(/[ \u{A0}\n]+/, with: " ")
  }

  @Test("of which more is better say so, and call more faster", arguments: Format.allCases)
  func throughput(format: Format) throws {
    let text = try text(format, Synthetic.stream)
    #expect(text.contains("larger is better"))
    #expect(text.contains("Gbit/s") && text.contains("Mbit/s") && text.contains("ns/byte"))
    let table = Presentation(Synthetic.stream).table("tcp-stream", .throughput)
    #expect(table.rows.map(\.outcome.text) == ["baseline", "▲ faster", "▼ slower", "▼ slower"])
    #expect(table.rows.map(\.median) == ["41.2", "43.7", "37.5", "13.2"])
    #expect(table.aside == "Gbit/s, larger is better")
  }

  @Test("have words for more and less that fit them")
  func comparatives() {
    for (metric, above) in [
      (Metric.rttP50, "slower"), (.duration, "slower"), (.serviceP99, "slower"), (.rate, "faster"),
      (.throughput, "faster"), (.reported, "higher"), (.loss, "more"), (.cpuPerByte, "more"), (.proxyMemory, "more"),
      (.deviceTransmissions, "more"), (.totalCPU, "more"), (.openForWriting, "slower"), (.iops, "faster"),
      (.bandwidth, "faster"), (.commitP99, "slower"), (.bytesCopied, "more"), (.cpuPerOperation, "more"),
    ] {
      #expect(metric.comparatives.above == above, "\(metric)")
    }
    #expect(
      Metric.allCases.filter(\.isBetterLarger)
        == [.rate, .throughput, .bytesShared, .iops, .bandwidth, .commitRate, .imagesShared])
  }

  @Test("that are streams or commands have no chart of percentiles", arguments: [Synthetic.stream, Synthetic.exec])
  func percentiles(result: RunResult) throws {
    let html = try HTMLReport.render(result)
    #expect(!html.contains("Latency percentiles"))
    // A ladder and the trials of each workload.
    #expect(html.ranges(of: "<figure id=\"ladder-").count == result.workloads.count)
    #expect(html.ranges(of: "<figure id=\"trials-").count == result.workloads.count)
    let title =
      result.workloads[0].kind == .exec ? "set in block order, duration" : "tcp-stream in block order, throughput"
    #expect(html.contains("Trials of \(title)"))
  }

  @Test("that are open loops show response time beside service time", arguments: Format.allCases)
  func open(format: Format) throws {
    let text = try text(format, Synthetic.open)
    #expect(text.contains("Response time beside service time"))
    let beside = try #require(SideBySide(Presentation(Synthetic.open), "http-open"))
    #expect(
      beside.columns.prefix(6).map(\.title) == [
        "response p50, µs", "response p99, µs", "response p99.9, µs", "service p50, µs", "service p99, µs",
        "service p99.9, µs",
      ])
    #expect(beside.rows[2].cells.prefix(4).map(\.median) == ["412.0", "700", "1648", "301.0"])
    #expect(beside.rows[1].cells.last?.median == "9.00")
    #expect(beside.columns.last?.title == "memory of the proxies, MiB")
    #expect(beside.rows[0].cells.last?.median == "–")
  }

  @Test("that are commands show their duration, what they reported and their CPU", arguments: Format.allCases)
  func exec(format: Format) throws {
    let text = try text(format, Synthetic.exec)
    for part in [
      "number reported by the client", "61\u{202F}710", "0.510×", "[0.502, 0.518]", "▼ lower", "CPU of the commands",
      "client CPU", "1620",
    ] {
      #expect(text.contains(part), "\(format) lacks \(part)")
    }
    #expect(!text.contains("CPU per round trip"))
  }

  @Test("are answered in their own words")
  func answers() {
    func answer(_ result: RunResult) -> String {
      (Presentation(result).answer.first ?? "").replacing("\u{A0}", with: " ")
    }
    #expect(
      answer(Synthetic.stream)
        == "On this host a stream in vxlan carries 0.320× as much as in native (99 % CI 0.315 to 0.325): 28.0 Gbit/s less "
        + "(27.4 to 28.6) than the 41.2 Gbit/s of native.")
    #expect(
      answer(Synthetic.open).hasPrefix("On this host a request with its reply in sidecar-http-2 takes 4.90× as long"))
    #expect(answer(Synthetic.exec).hasPrefix("On this host the command in docker-userland-proxy takes 1.96× as long"))
    #expect(answer(Synthetic.ladder).hasPrefix("On this host a round trip in docker-published takes 2.27× as long"))
  }

  @Test("have a claim's other side and the published numbers beside ours", arguments: Format.allCases)
  func claims(format: Format) throws {
    let text = try text(format, Synthetic.exec)
    for part in [
      "against docker-published", "SET 121 803 requests/s native, 51 282 behind the proxy: 0.42×",
      "moby#11911, 2015", "Redis behind NAT: 0.81× to 0.97×", "Felter et al., ISPASS 2015", "0.61× [0.60, 0.63]",
    ] {
      #expect(text.contains(part), "\(format) lacks \(part)")
    }
    if format != .terminal { #expect(text.contains("docker-userland-proxy ÷ docker-published lies below 0.90×")) }
  }

  @Test("have slopes with the unit of what grows", arguments: Format.allCases)
  func slope(format: Format) throws {
    let text = try text(format, Synthetic.slope)
    #expect(text.contains("12.3 ns per rule [11.9, 12.7]"))
    #expect(text.contains(format == .markdown ? "| 0.42 ns per rule |" : "detectable from 0.42 ns per rule"))
    #expect(text.contains("with the voided blocks put back: 12.4 ns per rule [11.9, 12.9]"))
    if format != .terminal {
      #expect(
        text.contains(
          "its growth with each rule (rules-0 = 0, rules-1000 = 1000, rules-30000 = 30\u{202F}000) lies above 0.50 ns per rule"
        ))
    }
  }

  @Test("name IPv6 at the head, and IPv4 only where all is told", arguments: Format.allCases)
  func family(format: Format) throws {
    #expect(try text(format, Synthetic.ladder).contains("IPv6"))
    #expect(try !text(format, Synthetic.stream).contains("IPv6"))
    if format != .terminal { #expect(try text(format, Fixture.result).contains("IPv4")) }
  }

  @Test("equal their goldens", arguments: ["stream", "open", "exec", "slope"])
  func goldens(name: String) throws {
    let results = [
      "stream": Synthetic.stream, "open": Synthetic.open, "exec": Synthetic.exec, "slope": Synthetic.slope,
    ]
    let text = TerminalTable.render(try #require(results[name]), width: 100, color: false)
    try expectGolden(section(text, "canary variation", "\nUnavailable"), "kind-\(name).txt")
  }

  @Test("keep to the width", arguments: [40, 60, 80, 99, 120, 147, 160])
  func width(width: Int) {
    for result in Self.all {
      for line in TerminalTable.render(result, width: width, color: false).split(separator: "\n") {
        #expect(String(line).terminalWidth <= width, "\(line)")
      }
    }
  }

  @Test("of the largest run stay foldable")
  func large() throws {
    let html = try HTMLReport.render(Synthetic.large)
    #expect(html.utf8.count < 3_000_000)
    // Waterfalls, trials, further ladders and series are folded.
    #expect(html.ranges(of: "<details").count > 20 + 6 * 3)
    #expect(html.ranges(of: "<details").count == html.ranges(of: "</details>").count)
    #expect(html.ranges(of: "<table").count == html.ranges(of: "</table>").count)
    let ids = html.matches(of: /\sid="([^"]*)"/).map { String($0.1) }
    #expect(Set(ids).count == ids.count)
    #expect(html.contains("details class=\"series long\"") || html.contains("class=\"series long\""))
  }
}
