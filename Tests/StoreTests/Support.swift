import Foundation
import LinuxKit
import Model
import TestSupport
import Testing

@testable import Store

/// A directory of its own for one test, removed when the last reference goes.
final class ScratchDirectory: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "bench-store-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  var store: String { "\(path)/bench.sqlite" }
}

/// A store in a directory of its own.
struct TestStore {
  let directory: ScratchDirectory
  let store: RunStore

  init() throws {
    directory = try ScratchDirectory()
    store = try RunStore(path: directory.store)
  }
}

/// The error of a call that must fail.
func userError(_ body: () throws(UserError) -> some Any) -> UserError? {
  do throws(UserError) {
    _ = try body()
    return nil
  } catch {
    return error
  }
}

/// A deadline for what takes no time unless it hangs.
func farDeadline() -> UInt64 { Clock.monotonic() + 60_000_000_000 }

/// Runs SQL as another program would.
@discardableResult
func sqlite3(_ file: String, _ sql: String) throws -> String {
  try programOutput("/usr/bin/sqlite3", [file, sql]).trimmingCharacters(in: .whitespacesAndNewlines)
}

extension Trait where Self == ConditionTrait {
  /// The test looks at the file with the program `sqlite3`.
  static var requiresSQLite3: Self {
    .enabled(
      if: FileManager.default.isExecutableFile(atPath: "/usr/bin/sqlite3"), "needs sqlite3: apt-get install sqlite3")
  }

  /// The test mounts a file system.
  static var requiresMount: Self {
    .enabled(if: canMount, "needs to mount a tmpfs: run as root, with CAP_SYS_ADMIN")
  }

  /// Tried, since root in a container may be refused.
  private static var canMount: Bool {
    let path = FileManager.default.temporaryDirectory.appending(path: "bench-probe-\(UUID().uuidString)").path
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return mount("tmpfs", path, "tmpfs", 0, "size=64k") == 0 && umount2(path, 2) == 0
  }
}

/// A tiny file system of its own, unmounted when the last reference goes.
final class TinyFileSystem {
  let path: String

  init(kibibytes: Int) throws {
    path = FileManager.default.temporaryDirectory.appending(path: "bench-tiny-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try #require(mount("tmpfs", path, "tmpfs", 0, "size=\(kibibytes)k") == 0)
  }

  /// From now on nothing can be written.
  func makeReadOnly() throws {
    let remountReadOnly: UInt = 32 | 1  // MS_REMOUNT | MS_RDONLY
    try #require(mount("tmpfs", path, "tmpfs", remountReadOnly, nil) == 0)
  }

  deinit {
    // Lazily: a store may still be open in it.
    _ = umount2(path, 2)
    try? FileManager.default.removeItem(atPath: path)
  }
}

/// Records in which every value is there, and no two are alike.
enum Sample {
  static func scenario() -> Scenario {
    Scenario(
      name: "network-hop", title: "Über \"Netze\"", description: "a\nb", baseline: "native",
      environments: ["native", "veth"],
      workloads: [
        WorkloadSpec(name: "udp", kind: .udpRR, wait: .spin), WorkloadSpec(name: "tcp", kind: .tcpRR, wait: .block),
        WorkloadSpec(
          name: "files", kind: .randomIO, wait: .block,
          files: FileWork(
            size: 1 << 30, count: 3, blockSize: 8192, engine: .ioUring, access: .mixed, isDirect: true, depth: 16,
            syncEvery: 7, cache: .cold, rebuilds: 29, isPruning: true)),
      ],
      profiles: [
        .quick: Profile(
          windowMilliseconds: 150, warmupMilliseconds: 20, budgetSeconds: 50, looks: [8, 12], confidence: 0.95,
          workloads: ["udp"])
      ],
      capture: CaptureSpec(sampling: 64), imageSize: 3 << 30,
      claims: [
        ClaimSpec(
          id: "line", section: "s", statement: "t", workload: "files", metric: .openForWriting, environment: "veth",
          quantity: .slope, overWorkloads: ["files": 1_073_741_824], region: ClaimRegion(above: 1), margin: 0.5,
          supportedReason: "y", refutedReason: "n"),
        ClaimSpec(
          id: "hop", section: "s", statement: "t", workload: "udp", metric: .rttP50, environment: "veth",
          quantity: .ratio, region: ClaimRegion(above: 1.0 / 3, below: nil), margin: 0.1 + 0.2, supportedReason: "y",
          refutedReason: "n"),
      ])
  }

  static func run(_ id: String, started: Date = Date(timeIntervalSinceReferenceDate: 817_000_000.123_456_7))
    -> RunRecord
  {
    RunRecord(
      id: id, scenario: scenario(), profileName: .quick,
      profile: Profile(windowMilliseconds: 151, warmupMilliseconds: 21, budgetSeconds: 51),
      environments: [
        EnvironmentRecord(name: "native", summary: "s", layer: "l"),
        EnvironmentRecord(
          name: "veth", summary: "s", layer: "l", unavailable: "not permitted", reference: "native",
          details: ["mkfs.ext4 1.47", "on ext4"]),
      ],
      workloads: ["udp"], capture: .value(CaptureSpec(sampling: 32)), seed: .max - 1, started: started,
      host: HostFacts(
        hostname: "h", kernel: "6.1", architecture: "x86_64", distribution: "Debian", cpuModel: "c", cpuCount: 2,
        memoryBytes: .max, virtualization: "kvm", clockSource: "tsc", governor: "performance",
        mitigations: ["spectre_v2": "on", "meltdown": "off"], clientCPU: 0, serverCPU: 1,
        nativeBurdens: ["br_netfilter is loaded"]),
      workerSHA256: "ab12", version: "0.1.0", command: "bench run network-hop --seed 1", warnings: ["w"],
      injection: "1us", referenceWorkerSHA256: "cd34")
  }

  static func trial(
    block: Int, position: Int, environment: String = "veth", isControl: Bool = false, isCaptured: Bool = false,
    samples: [UInt32] = [1, 2, 2, 9], growth: [ImageUsage]? = nil
  ) -> Trial {
    Trial(
      block: block, position: position, environment: environment, isControl: isControl, isCaptured: isCaptured,
      workload: "udp",
      started: Date(timeIntervalSince1970: 1_795_000_000.987_654_3 + Double(position) / 7),
      windowNanoseconds: 150_000_001,
      values: [.rttP50: 10_123.000_000_1, .rate: 1.0 / 3, .rttMean: .leastNonzeroMagnitude, .clientCPU: -0.0],
      unavailable: [.serverSwitches: "not permitted", .serverCPU: ""], histogram: LatencyHistogram(samples: samples),
      messages: MessageCounts(sent: .max, completed: 2, lost: 3, late: 4, duplicate: 5, foreign: 6),
      attestation: Attestation(
        hops: [
          .init(namespace: "client", interface: "veth0", isDeclared: true, expected: 10, transmitted: 11, received: 12)
        ], failures: ["too few packets on veth0"]),
      noise: TrialNoise(
        stealShare: 0.1, foreignCPUShare: 1.0 / 7, runDelayShare: nil, canaryNanoseconds: 12_345.678,
        clockStepNanoseconds: -5),
      hops: isCaptured ? hops : nil, growth: growth)
  }

  private static let hops = TrialHops(
    sampling: 64,
    points: [
      Waypoint(namespace: "client", name: "client", source: .application, event: .send),
      Waypoint(namespace: "client", name: "client0", source: .tap, event: .send),
    ], hops: [HopQuantiles(p50: 1.0 / 3, p90: -7)], roundTrip: HopQuantiles(p50: 9_000), sampled: 10, matched: 9,
    unmatched: ["not seen at client0": 1], requestClosure: 41.5,
    taps: [
      TapReading(
        namespace: "client", interface: "client0", packets: 9, used: 2, outside: 3, duplicates: 1, foreign: 1,
        undecodable: 2, dropped: 4, interfaceDropped: 5)
    ], objections: ["4 packets did not fit"])
}
