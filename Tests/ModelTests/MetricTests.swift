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
        "open_for_writing", "first_write", "last_write", "first_sync", "first_durable", "second_write",
        "second_durable", "metadata_change", "bytes_written", "bytes_allocated", "bytes_shared", "bytes_copied",
        "bytes_taken", "bytes_to_device", "write_amplification", "space_amplification", "io_p50", "io_p90", "io_p99",
        "io_p99_9", "iops", "bandwidth", "sync_p50", "sync_p99", "cpu_per_operation", "lookup_time",
        "missing_lookup_time", "open_time", "list_time", "create_time", "unlink_time", "rename_time",
        "rename_directory_time", "chmod_time", "private_fault", "shared_fault", "commit_p50", "commit_p99",
        "commit_rate", "images_total", "images_reclaimable", "images_shared", "images_unique", "reclaimable_share",
        "growth_per_rebuild",
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
    #expect(
      Metric.allCases.filter { !$0.isCost } == [
        .rate, .throughput, .reported, .bytesShared, .iops, .bandwidth, .commitRate, .imagesShared,
      ])
    #expect(Metric.rate.unit == .perSecond && Metric.throughput.unit == .bitsPerSecond)
    #expect(Metric.bandwidth.unit == .bytesPerSecond && Metric.openForWriting.unit == .nanoseconds)
  }

  @Test("that is a count is of events for each operation, or of bytes")
  func counts() {
    let events = Metric.allCases.filter(\.isEventCount)
    #expect(events.count == 9 && events.allSatisfy { $0.isCount && $0.unit == .perRoundTrip && $0.isCost })
    let bytes = Metric.allCases.filter { $0.isCount && !$0.isEventCount }
    #expect(bytes.allSatisfy { $0.unit == .bytes || $0.unit == .one })
    // A journal decides with, and it writes when it likes.
    #expect(!Metric.bytesToDevice.isCount && !Metric.writeAmplification.isCount && bytes.contains(.bytesCopied))
  }

  @Test(
    "of a kind is of its own sort: no round trips of files, no bytes of packets", arguments: WorkloadSpec.Kind.allCases)
  func sorts(_ kind: WorkloadSpec.Kind) {
    #expect((kind.field == .network) == kind.metrics.contains(.clientCPU))
    #expect(kind.field != .network || !kind.metrics.contains(.bytesToDevice))
    #expect(kind.isTimed == (kind.headline == .rttP50) && (kind.field == .network || !kind.isUDP))
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
