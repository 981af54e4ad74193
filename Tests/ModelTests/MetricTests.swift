import Foundation
import Model
import Testing

@Suite("A metric")
struct MetricTests {
  @Test("has the stable names of the contract")
  func names() {
    #expect(
      Metric.allCases.map(\.rawValue) == [
        "rtt_p50", "rtt_p90", "rtt_p99", "rtt_p99_9", "rtt_max", "rtt_mean", "rate", "client_cpu", "server_cpu",
        "client_switches", "server_switches",
      ])
  }

  @Test("has a title of its own, a definition and a unit", arguments: Metric.allCases)
  func complete(_ metric: Metric) {
    #expect(Metric.allCases.filter { $0.title == metric.title } == [metric])
    #expect(metric.definition.count > 20)
    #expect(metric.definition.hasSuffix("."))
    #expect(!metric.unit.rawValue.isEmpty)
  }

  @Test("is a cost, but for the rate")
  func cost() {
    #expect(Metric.allCases.filter { !$0.isCost } == [.rate])
    #expect(Metric.rate.unit == .perSecond)
  }

  @Test("is a key of JSON objects by its name")
  func key() throws {
    let json = try JSONEncoder().encode([Metric.rttP999: 1.5])
    #expect(String(decoding: json, as: UTF8.self) == #"{"rtt_p99_9":1.5}"#)
    #expect(try JSONDecoder().decode([Metric: Double].self, from: json) == [.rttP999: 1.5])
  }
}
