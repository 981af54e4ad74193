import Environments
import Foundation
import LinuxKit
import Model
import Testing
import WorkerProtocol

@testable import Harness

@Suite("A window's samples become a trial")
struct ReductionTests {
  private func trial(
    _ samples: [UInt32], workload: WorkloadSpec = WorkloadSpec(name: "udp", kind: .udpRR, wait: .spin),
    change: (inout MeasuredWindow) -> Void = { _ in }
  ) throws -> Trial {
    var client = ClientResult()
    client.windowNanoseconds = 500_000_000
    client.samples = samples.count
    client.sent = UInt64(samples.count) + 3
    client.lost = 2
    client.late = 1
    client.duplicate = 4
    client.foreign = 5
    client.cpuNanoseconds = 400_000_000
    client.voluntarySwitches = 30
    client.involuntarySwitches = 10
    let directory = try ScratchDirectory()
    let journal = try Journal(runID: "r", directory: directory.path)
    let counters = try NativeLoopback().build(with: HostResources(journal: journal)).readCounters()
    var window = MeasuredWindow(
      started: Date(timeIntervalSince1970: 5), client: client, samples: samples, serverCPUNanoseconds: 300_000_000,
      serverSwitches: 20, countersBefore: counters, countersAfter: counters,
      noise: TrialNoise(stealShare: 0.5))
    change(&window)
    return TrialReduction(window: window, workload: workload).trial(
      block: 3, position: 2, slot: .init(environment: "veth", workload: "udp", isControl: true),
      attestation: Attestation(hops: [], failures: ["f"]))
  }

  @Test("quantiles by nearest rank, rate, CPU time and switches per round trip")
  func values() throws {
    // 1…200 000 ns, in an order that is not theirs.
    let trial = try trial((0..<200_000).map { UInt32(($0 * 7919) % 200_000 + 1) })
    #expect(trial.values[.rttP50] == 100_000)
    #expect(trial.values[.rttP90] == 180_000)
    #expect(trial.values[.rttP99] == 198_000)
    #expect(trial.values[.rttP999] == 199_800)
    #expect(trial.values[.rttMax] == 200_000)
    #expect(trial.values[.rttMean] == 100_000.5)
    #expect(trial.values[.rate] == 400_000)
    #expect(trial.values[.clientCPU] == 2000)
    #expect(trial.values[.serverCPU] == 1500)
    #expect(trial.values[.clientSwitches] == 40.0 / 200_000)
    #expect(trial.values[.serverSwitches] == 20.0 / 200_000)
    #expect(trial.values[.totalCPU] == 3500)
    #expect(trial.unavailable[.proxyCPU] == "no proxy is in the path")
    #expect(trial.unavailable[.deviceTransmissions] == "not counted in this trial")
    #expect(Set(trial.values.keys).union(trial.unavailable.keys) == Set(WorkloadSpec.Kind.udpRR.metrics))
    #expect(trial.histogram.total == 200_000)
  }

  @Test("what names the trial, and what became of its messages, is kept")
  func head() throws {
    let trial = try trial([1, 2, 3])
    #expect(trial.block == 3 && trial.position == 2 && trial.environment == "veth" && trial.isControl)
    #expect(trial.workload == "udp" && trial.windowNanoseconds == 500_000_000)
    #expect(trial.started == Date(timeIntervalSince1970: 5))
    #expect(trial.messages == MessageCounts(sent: 6, completed: 3, lost: 2, late: 1, duplicate: 4, foreign: 5))
    #expect(trial.attestation.failures == ["f"] && trial.noise.stealShare == 0.5)
  }

  @Test(
    "a quantile needs 100 samples beyond it",
    arguments: [(Metric.rttP50, 200), (.rttP90, 1000), (.rttP99, 10_000), (.rttP999, 100_000)])
  func tail(_ metric: Metric, _ needed: Int) throws {
    let enough = try trial([UInt32](repeating: 9, count: needed))
    #expect(enough.values[metric] == 9 && enough.unavailable[metric] == nil)
    let few = try trial([UInt32](repeating: 9, count: needed - 1))
    #expect(few.values[metric] == nil)
    #expect(few.unavailable[metric] == "\(needed - 1) round trips in the window, and \(needed) are needed")
    // Enough for the mean in any case.
    #expect(few.values[.rttMean] == 9)
  }

  @Test("a window without a round trip yields nothing, and no zeros")
  func empty() throws {
    let trial = try trial([])
    #expect(trial.values.isEmpty)
    #expect(Set(trial.unavailable.keys) == Set(WorkloadSpec.Kind.udpRR.metrics))
    #expect(trial.unavailable[.rate] == "no operation was completed in the window")
  }

  @Test("what the host does not tell is unavailable")
  func silentHost() throws {
    let trial = try trial([1, 2, 3]) { $0.serverSwitches = nil }
    #expect(trial.values[.serverSwitches] == nil && trial.unavailable[.serverSwitches] == "the host does not tell")
  }

  @Test("a stream's numbers are those of what arrived")
  func stream() throws {
    let trial = try trial([], workload: WorkloadSpec(name: "s", kind: .udpStream, wait: .block, size: 1000)) { window in
      window.client.sent = 1000
      window.server.windowMessages = 900
      window.server.windowBytes = 900_000
      window.proxyCPUNanoseconds = 200_000_000
      window.softirqTicks = 10
    }
    #expect(trial.values[.rate] == 1800 && trial.values[.loss] == 0.1)
    #expect(trial.values[.throughput] == 14_400_000.0)
    // 400 ms of the client, 300 of the server, 200 of proxies, 10 ticks of softirq.
    let softirq = 10 * 1e9 / Double(ProcessorTime.ticksPerSecond)
    #expect(trial.values[.totalCPU] == (900_000_000 + softirq) / 900)
    #expect(trial.values[.cpuPerByte] == (900_000_000 + softirq) / 900_000)
    #expect(trial.values[.proxyCPU] == 200_000_000.0 / 900 && trial.values[.softirqCPU] == softirq / 900)
    #expect(trial.messages.lost == 100 && trial.messages.completed == 900)
    #expect(trial.values[.rttP50] == nil && trial.unavailable[.rttP50] == nil, "a stream has no round trips")
  }

  @Test("a quantile is unavailable where too many requests were never answered")
  func unanswered() throws {
    let samples = [UInt32](repeating: 9, count: 200_000)
    func open(lost: UInt64) throws -> Trial {
      try trial(samples, workload: WorkloadSpec(name: "o", kind: .udpOpen, wait: .block, rate: 1000)) { window in
        window.client.hasServiceTimes = true
        window.client.sent = 200_000 + lost
        window.client.lost = lost
        window.serviceTimes = [UInt32](repeating: 5, count: 200_000)
      }
    }
    let none = try open(lost: 0)
    #expect(none.values[.rttP999] == 9 && none.values[.serviceP999] == 5 && none.values[.loss] == 0)
    let some = try open(lost: 1000)
    #expect(some.values[.rttP50] == 9 && some.values[.rttP90] == 9 && some.values[.rttP99] == 9)
    #expect(some.values[.rttP999] == nil && some.values[.serviceP999] == nil)
    #expect(
      some.unavailable[.rttP999]
        == "1000 of 201000 requests were never answered, more than the quantile leaves out")
  }

  @Test("what the kernel counted is divided by the operations, and says nothing of a loop that polls")
  func events() {
    let counted: [(event: KernelEvent, count: EventCounters.Count)] = [
      (.deviceTransmissions, .value(8000)), (.systemCalls, .value(5000)), (.skbAllocations, .unavailable("why")),
    ]
    func counts(_ wait: WorkloadSpec.WaitMode) -> [Metric: EventCount] {
      EventReduction.counts(counted, operations: 2000, workload: WorkloadSpec(name: "u", kind: .udpRR, wait: wait))
    }
    #expect(
      counts(.block) == [
        .deviceTransmissions: .value(4), .systemCalls: .value(2.5), .skbAllocations: .unavailable("why"),
      ])
    #expect(counts(.spin)[.deviceTransmissions] == .value(4))
    #expect(counts(.spin)[.systemCalls] != .value(2.5))
  }
}
