import Foundation
import Model
import Testing

@Suite("A measured value in JSON")
struct MeasuredCodingTests {
  private func json(_ value: some Encodable) throws -> String {
    String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
  }

  @Test("is the value itself")
  func value() throws {
    let measured = Measured.value([1.5, 2.5])
    #expect(try json(measured) == "[1.5,2.5]")
    #expect(try JSONDecoder().decode(Measured<[Double]>.self, from: Data("[1.5,2.5]".utf8)) == measured)
  }

  @Test("is the reason where there is none")
  func unavailable() throws {
    let measured = Measured<[Double]>.unavailable("no libpcap")
    #expect(try json(measured) == #"{"unavailable":"no libpcap"}"#)
    #expect(
      try JSONDecoder().decode(Measured<[Double]>.self, from: Data(#"{"unavailable":"no libpcap"}"#.utf8)) == measured)
  }

  @Test("may be an object, and a number of 0 stays one")
  func objectAndZero() throws {
    let measured = Measured.value(["a": 1])
    #expect(try JSONDecoder().decode(Measured<[String: Int]>.self, from: JSONEncoder().encode(measured)) == measured)
    #expect(try json([Measured.value(0)]) == "[0]")
  }

  @Test("is refused where it is neither", arguments: ["{}", "\"x\"", "null", #"{"unavailable":5}"#])
  func neither(_ json: String) {
    #expect(throws: (any Error).self) { try JSONDecoder().decode(Measured<[Double]>.self, from: Data(json.utf8)) }
  }
}

@Suite("A result in JSON")
struct ResultCodingTests {
  private static let interval = IntervalEstimate(
    estimate: 1.25, low: 1.2, high: 1.3, confidence: 0.99, n: 12, method: "wilcoxon", minimumDetectableEffect: 0.04,
    lag1: 0.1, mergedBlocks: 1)

  private static let level = LevelEstimate(estimate: 9, low: 8, high: 10, confidence: 0.99, n: 12)

  /// A result in which every optional value is present.
  private static let full: RunResult = {
    let claim = ClaimSpec(
      id: "net-hop", section: "Networks", statement: "A hop costs.", workload: "udp", metric: .rttP50,
      environment: "bridge", quantity: .ratio, region: ClaimRegion(above: 1.1, below: 9), margin: 0.1,
      supportedReason: "It does.", refutedReason: "It does not.")
    return RunResult(
      run: RunSummary(
        id: "20261124-031541-7f3a", scenario: "network-hop", title: "T", description: "D", profile: .quick, seed: .max,
        started: Date(timeIntervalSinceReferenceDate: 1), finished: Date(timeIntervalSinceReferenceDate: 2),
        host: HostFacts(
          hostname: "h", kernel: "6.1", architecture: "x86_64", distribution: "d", cpuModel: "c", cpuCount: 2,
          memoryBytes: 1, virtualization: "kvm", clockSource: "tsc", governor: "performance",
          mitigations: ["spectre_v2": "on"], clientCPU: 0, serverCPU: 1, nativeBurdens: ["br_netfilter"]),
        workerSHA256: "ab", version: "0.1", command: "bench run", exit: .completed, stopReason: "verdicts reached",
        baseline: "native", windowMilliseconds: 150, validBlocks: 12, voidedBlocks: 1, injection: "1us"),
      environments: [
        EnvironmentRecord(
          name: "veth", summary: "s", layer: "l", unavailable: "u", reference: "native", details: ["on ext4"])
      ],
      workloads: [
        WorkloadSpec(name: "udp", kind: .udpRR, wait: .spin),
        WorkloadSpec(name: "files", kind: .copyUp, wait: .block, files: FileWork()),
      ],
      series: [
        SeriesResult(
          environment: "veth", workload: "udp", metric: .rttP50, trials: [1, 2], median: 1.5, ratio: interval,
          difference: interval,
          reference: ReferenceComparison(
            environment: "native", ratio: interval, difference: interval, direction: .lower, note: "n"),
          direction: .higher, qValue: 0.01, note: "n")
      ],
      control: [
        ControlResult(
          workload: "udp", metric: .rttP50, trials: [1, 2], median: 1.5, ratio: interval, difference: interval,
          isPassed: true, reason: "r")
      ],
      ladders: [
        LadderResult(
          workload: "udp", metric: .rttP50,
          steps: [.init(from: "native", to: "veth", layer: "l", ratio: interval, difference: interval)],
          ratioResidual: 0.1, differenceResidual: 2)
      ],
      hops: .value([
        HopResult(
          environment: "veth", workload: "udp", index: 0, leg: .request, kind: .stackDown, from: "a", to: "b",
          p50: .value(level), p90: .value(level), p99: .unavailable("too few"))
      ]),
      waterfalls: [
        WaterfallResult(
          environment: "veth", workload: "udp", sampling: 64,
          points: [Waypoint(namespace: "client", name: "client", source: .application, event: .send)], trials: 12,
          excluded: ["block 3: full"], sampled: 100, matched: 99, unmatched: ["not seen": 1],
          taps: [
            TapReading(
              namespace: "client", interface: "client0", packets: 9, used: 2, outside: 3, duplicates: 1, foreign: 1,
              undecodable: 2, dropped: 4, interfaceDropped: 5)
          ], roundTrip: .value(level), observed: .value(level), sum: 9, residual: -0.01, requestClosure: 40,
          tax: [.init(metric: .rttP50, ratio: interval, difference: interval, note: "n")])
      ],
      lines: [
        LineResult(
          environment: "veth", metric: .openForWriting,
          points: [.init(workload: "files", size: 4096, median: 2, low: 1, high: 3, breakEvenWrites: 9)],
          intercept: interval, slope: interval, note: "n")
      ],
      growth: [
        GrowthResult(
          environment: "veth", workload: "files",
          steps: [ImageUsage(total: 4, reclaimable: 3, shared: 2, unique: 1)], isMonotonic: true)
      ],
      claims: [ClaimResult(spec: claim, verdict: .supported, reason: "r", interval: interval, adjustedP: 0.02)],
      voided: [VoidedBlock(block: 3, reasons: ["steal"])],
      noise: NoiseSummary(
        overall: .quiet, blocks: ["quiet": 12], stealShare: 0, foreignCPUShare: 0.1, runDelayShare: 0.2,
        canaryVariation: 0.3, withVoided: [.init(claim: "net-hop", interval: interval)]),
      warnings: ["w"])
  }()

  private static func object(_ result: RunResult) throws -> Any {
    try JSONSerialization.jsonObject(with: JSONEncoder().encode(result))
  }

  /// The keys of all objects, but not of dictionaries whose keys are data.
  private static func keys(_ json: Any) -> Set<String> {
    if let list = json as? [Any] { return list.reduce(into: []) { $0.formUnion(keys($1)) } }
    guard let object = json as? [String: Any] else { return [] }
    return object.reduce(into: Set(object.keys)) { result, entry in
      if !["blocks", "mitigations", "unmatched"].contains(entry.key) { result.formUnion(keys(entry.value)) }
    }
  }

  @Test("has the top-level keys of the contract")
  func topLevel() throws {
    let object = try #require(try Self.object(Self.full) as? [String: Any])
    #expect(
      Set(object.keys) == [
        "schema", "run", "environments", "workloads", "series", "control", "ladders", "hops", "waterfalls",
        "lines", "growth", "claims", "voided", "noise", "warnings",
      ])
    #expect(object["schema"] as? String == "bench.run/1")
    let run = try #require(object["run"] as? [String: Any])
    #expect(
      Set(run.keys).isSuperset(of: [
        "id", "scenario", "profile", "seed", "started", "finished", "host", "worker_sha256", "exit",
      ]))
  }

  @Test("spells every key in lower case with underscores")
  func snakeCase() throws {
    let camel = Self.keys(try Self.object(Self.full)).filter { key in
      !key.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5f }
    }
    #expect(camel.sorted() == [])
  }

  @Test("is read back as it was")
  func roundTrip() throws {
    let json = try JSONEncoder().encode(Self.full)
    #expect(try JSONDecoder().decode(RunResult.self, from: json) == Self.full)
  }

  @Test("of a version that knew no waterfalls is read")
  func withoutWaterfalls() throws {
    var object = try #require(try Self.object(Self.full) as? [String: Any])
    object["waterfalls"] = nil
    let result = try JSONDecoder().decode(RunResult.self, from: JSONSerialization.data(withJSONObject: object))
    var expected = Self.full
    expected.waterfalls = []
    #expect(result == expected)
  }

  @Test("of a version that knew no files and images is read")
  func withoutFiles() throws {
    var expected = Self.full
    expected.lines = nil
    expected.growth = nil
    expected.environments[0].reference = nil
    expected.environments[0].details = nil
    expected.series[0].reference = nil
    expected.workloads.removeLast()
    let object = try #require(try Self.object(expected) as? [String: Any])
    #expect(Set(object.keys).isDisjoint(with: ["lines", "growth"]))
    #expect((object["workloads"] as? [[String: Any]])?.first?["files"] == nil)
    #expect((object["environments"] as? [[String: Any]])?.first?.count == 4)
    #expect(try JSONDecoder().decode(RunResult.self, from: JSONEncoder().encode(expected)) == expected)
  }

  @Test("leaves out what is not there")
  func absent() throws {
    var result = Self.full
    result.run.finished = nil
    result.hops = .unavailable("no capture")
    result.series[0].ratio = nil
    let object = try #require(try Self.object(result) as? [String: Any])
    #expect((object["run"] as? [String: Any])?["finished"] == nil)
    #expect((object["hops"] as? [String: String]) == ["unavailable": "no capture"])
    #expect((object["series"] as? [[String: Any]])?.first?["ratio"] == nil)
    let json = try JSONEncoder().encode(result)
    #expect(!String(decoding: json, as: UTF8.self).contains("null"))
  }
}

@Suite("A user error")
struct UserErrorTests {
  @Test("shows the remedy below the message")
  func description() {
    #expect(UserError(.usage, "what", remedy: "do this").description == "what\ndo this")
    #expect(UserError(.usage, "what").description == "what")
  }

  @Test("carries one of the exit codes of the contract")
  func exitCodes() {
    #expect(ExitStatus.allCases.map(\.rawValue) == [0, 1, 3, 64, 65, 69, 70, 77, 130])
  }
}
