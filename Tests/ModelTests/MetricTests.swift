import Foundation
import Model
import Testing

@Suite("A metric")
struct MetricTests {
  @Test("has the stable names of the contract")
  func names() {
    #expect(
      Metric.allCases.map(\.rawValue) == [
        "rtt_p50", "rtt_p90", "rtt_p99", "rtt_p99_9", "rtt_max", "rtt_mean", "service_p50", "service_p99",
        "service_p99_9", "rate", "throughput", "loss", "duration", "reported", "client_cpu", "server_cpu", "proxy_cpu",
        "softirq_cpu", "total_cpu", "cpu_per_byte", "proxy_memory", "client_switches", "server_switches",
        "device_transmissions", "device_receptions", "softirqs", "context_switches", "system_calls", "skb_allocations",
        "skb_frees", "instructions", "cycles",
      ])
  }

  @Test("has a title of its own, a definition and a unit", arguments: Metric.allCases)
  func complete(_ metric: Metric) {
    #expect(Metric.allCases.filter { $0.title == metric.title } == [metric])
    #expect(metric.definition.count > 20)
    #expect(metric.definition.hasSuffix("."))
    #expect(!metric.unit.rawValue.isEmpty)
  }

  @Test("is a cost, but for rates")
  func cost() {
    #expect(Metric.allCases.filter { !$0.isCost } == [.rate, .throughput, .reported])
    #expect(Metric.rate.unit == .perSecond && Metric.throughput.unit == .bitsPerSecond)
  }

  @Test("that is a count is of something per operation")
  func counts() {
    let counts = Metric.allCases.filter(\.isCount)
    #expect(counts.count == 9)
    #expect(counts.allSatisfy { $0.unit == .perRoundTrip && $0.isCost })
  }

  @Test("is named by what the workload repeats")
  func titles() {
    #expect(Metric.rttP99.title(for: .udpRR) == "round trip p99")
    #expect(Metric.rttP99.title(for: .tcpCRR) == "transaction p99")
    #expect(Metric.rttP99.title(for: .udpOpen) == "response time p99")
    #expect(Metric.rate.title(for: .tcpCRR) == "transactions per second")
    #expect(Metric.rate.title(for: .udpStream) == "messages per second")
    #expect(Metric.softirqs.title(for: .tcpStream) == "network softirqs per message")
    for kind in WorkloadSpec.Kind.allCases {
      let titles = kind.metrics.map { $0.title(for: kind) }
      #expect(Set(titles).count == titles.count, "each row of a table has a name of its own")
      #expect(kind.metrics.contains(kind.headline))
      #expect(Set(kind.metrics).count == kind.metrics.count)
    }
  }

  @Test("is a key of JSON objects by its name")
  func key() throws {
    let json = try JSONEncoder().encode([Metric.rttP999: 1.5])
    #expect(String(decoding: json, as: UTF8.self) == #"{"rtt_p99_9":1.5}"#)
    #expect(try JSONDecoder().decode([Metric: Double].self, from: json) == [.rttP999: 1.5])
  }
}
