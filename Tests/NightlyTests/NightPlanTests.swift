import Environments
import Foundation
import Harness
import Model
import Testing

@testable import Nightly

@Suite("The plan of a night")
struct NightPlanTests {
  private static func scenario(
    _ name: String, _ workloads: [WorkloadSpec] = [WorkloadSpec(name: "udp", kind: .udpRR, wait: .spin)]
  ) -> Scenario {
    Scenario(
      name: name, title: name, description: "", baseline: "native", environments: ["native", "veth", "bridge"],
      workloads: workloads,
      profiles: [.quick: Profile(windowMilliseconds: 200, warmupMilliseconds: 20, budgetSeconds: 60)],
      claims: [
        ClaimSpec(
          id: "bridge-costs", section: "s", statement: "s", workload: "udp", metric: .rttP50, environment: "bridge",
          quantity: .ratio, region: ClaimRegion(above: 1), margin: 0.2, supportedReason: "s",
          refutedReason: "r")
      ])
  }

  private static func exec(_ name: String, _ program: String) -> WorkloadSpec {
    WorkloadSpec(name: name, kind: .exec, wait: .block, commands: .init(server: nil, client: [program]))
  }

  private static func suite(_ entries: [NightSuite.Entry], selfTest: String = "udp") -> NightSuite {
    NightSuite(
      name: "mine", title: "Mine", budgetSeconds: 600,
      selfTest: NightSuite.SelfTest(scenario: "net", workload: selfTest), entries: entries)
  }

  private static func plan(
    _ suite: NightSuite, seed: UInt64 = 1, _ scenarios: [Scenario] = [scenario("net")]
  ) throws(UserError) -> NightPlan {
    try NightPlan(suite: suite, path: "mine.yaml", seed: seed) { name throws(UserError) in
      guard let found = scenarios.first(where: { $0.name == name }) else {
        throw UserError(.usage, "unknown scenario '\(name)'")
      }
      return found
    }
  }

  private static let worker = Result { try WorkerBinary(path: "/bin/true") }

  @Test("runs a fixed number of blocks, with the suite's window, and the claims that set the margins of its controls")
  func parts() throws {
    let plan = try Self.plan(
      Self.suite([NightSuite.Entry(scenario: "net", environments: ["veth"], blocks: 10, windowMilliseconds: 50)]))
    let part = try #require(plan.parts.first)
    #expect(part.environments.map(\.name) == ["native", "veth"])
    #expect(
      part.profile.looks == [10] && part.profile.windowMilliseconds == 50 && part.profile.warmupMilliseconds == 20)
    #expect(Double(part.profile.budgetSeconds) > 2 * plan.seconds(of: part))
    #expect(part.scenario.claims.map(\.margin) == [0.2])
  }

  @Test("tests the detector on the worker against itself, slowed by a tenth")
  func selfTest() throws {
    let worker = try Self.worker.get()
    let test = try Self.plan(Self.suite([NightSuite.Entry(scenario: "net")])).selfTest(worker: worker)
    #expect(test.environments.map(\.name) == ["native"])
    #expect(test.reference?.sha256 == worker.sha256)
    #expect(test.injection == Injection(target: "native", kind: .slowdown(partsPerMillion: 100_000)))
    #expect(test.profile.looks == [16] && test.scenario.claims.isEmpty && test.profile.windowMilliseconds == 200)
    // As the confirmation, for which it vouches.
    let other = try Self.plan(
      Self.suite([NightSuite.Entry(scenario: "net", windowMilliseconds: 50, warmupMilliseconds: 5)]))
    let short = try other.selfTest(worker: worker).profile
    #expect(short.windowMilliseconds == 50 && short.warmupMilliseconds == 5)
    #expect(other.confirmation(of: 0, against: worker, tonight: worker)?.profile.windowMilliseconds == 50)
  }

  @Test("holds what the worker does against another worker, and a program against its last good build")
  func confirmation() throws {
    let worker = try Self.worker.get()
    let mixed = Self.scenario(
      "net",
      [WorkloadSpec(name: "udp", kind: .udpRR, wait: .spin), Self.exec("mine", "/new"), Self.exec("other", "/x")])
    let good = Self.scenario("good", [Self.exec("mine", "/good"), Self.exec("other", "/y")])
    let entry = NightSuite.Entry(scenario: "net", workloads: ["udp", "mine"], lastGood: "good")
    let plan = try Self.plan(Self.suite([entry]), [mixed, good])
    let both = try #require(plan.confirmation(of: 0, against: worker, tonight: worker))
    #expect(both.workloads.map(\.name) == ["udp", "mine"] && both.profile.looks == [16])
    #expect(both.scenario.claims.isEmpty)
    #expect(both.referenceCommands["mine"]?.client == ["/good"])
    // With the pinned worker itself only the program is left to compare.
    let program = try #require(plan.confirmation(of: 0, against: nil, tonight: worker))
    #expect(program.workloads.map(\.name) == ["mine"] && program.reference?.sha256 == worker.sha256)
    let plain = try Self.plan(Self.suite([NightSuite.Entry(scenario: "net", workloads: ["udp"])]), [mixed])
    #expect(plain.confirmation(of: 0, against: nil, tonight: worker) == nil)
  }

  @Test("has seeds of its own for every run, all from the night's")
  func seeds() throws {
    let worker = try Self.worker.get()
    func seeds(_ seed: UInt64) throws -> [UInt64] {
      let plan = try Self.plan(Self.suite([NightSuite.Entry(scenario: "net")]), seed: seed)
      return [
        plan.parts[0].seed, try plan.selfTest(worker: worker).seed,
        try #require(plan.confirmation(of: 0, against: worker, tonight: worker)).seed,
      ]
    }
    let first = try seeds(7)
    let other = try Self.plan(Self.suite([NightSuite.Entry(scenario: "net")]), seed: 8).seeded(7)
    let tested = try other.selfTest(worker: worker).seed
    #expect(other.seed == 7 && other.parts[0].seed == first[0] && tested == first[1])
    #expect(try seeds(7) == first)
    #expect(Set(first + (try seeds(8))).count == 6)
  }

  @Test("has a digest of the work, which the seed does not change")
  func digest() throws {
    let suite = Self.suite([NightSuite.Entry(scenario: "net", blocks: 10)])
    let digest = try Self.plan(suite).digest
    #expect(digest.count == 16)
    #expect(try Self.plan(suite, seed: 9).digest == digest)
    for other in [
      NightSuite.Entry(scenario: "net", blocks: 11),
      NightSuite.Entry(scenario: "net", environments: ["veth"], blocks: 10),
      NightSuite.Entry(scenario: "net", blocks: 10, windowMilliseconds: 201),
    ] { #expect(try Self.plan(Self.suite([other])).digest != digest) }
  }

  @Test("names the suite's file in what a scenario does not have")
  func mistakes() throws {
    let entry = NightSuite.Entry(scenario: "net")
    let cases: [(NightSuite, String)] = [
      (Self.suite([NightSuite.Entry(scenario: "net", environments: ["vteh"])]), "no environment 'vteh'"),
      (Self.suite([entry], selfTest: "tcp"), "no workload 'tcp'"),
      (Self.suite([NightSuite.Entry(scenario: "net", lastGood: "good")]), "no workload of net is of kind exec"),
    ]
    for (suite, message) in cases {
      let error = try #require(throws: UserError.self) {
        try Self.plan(suite, [Self.scenario("net"), Self.scenario("good")])
      }
      #expect(error.exitCode == .badInput && error.message.hasPrefix("mine.yaml: "), "\(error)")
      #expect(error.message.contains(message), "\(error)")
    }
    let exec = Self.scenario("net", [WorkloadSpec(name: "udp", kind: .udpRR, wait: .spin), Self.exec("mine", "/new")])
    let error = try #require(throws: UserError.self) {
      try Self.plan(
        Self.suite([NightSuite.Entry(scenario: "net", lastGood: "good")]), [exec, Self.scenario("good")])
    }
    #expect(error.message.contains("scenario 'good' has no workload 'mine' of kind exec"))
  }
}

@Suite("The fingerprint of an epoch")
struct EpochFingerprintTests {
  private static let host = HostFacts(
    hostname: "h", kernel: "6.1", architecture: "x86_64", cpuModel: "c", cpuCount: 2, memoryBytes: 8 << 30,
    mitigations: ["b": "on", "a": "off"])

  @Test("stays the same for the same host, whatever the order of a dictionary")
  func same() {
    let facts = EpochFingerprint.facts(Self.host, engines: [], suite: "s")
    for _ in 0..<20 {
      var host = Self.host
      host.mitigations = ["a": "off", "b": "on"]
      #expect(EpochFingerprint.facts(host, engines: [], suite: "s") == facts)
    }
    var host = Self.host
    host.memoryBytes = 8 << 30 - 40_960
    #expect(EpochFingerprint.facts(host, engines: [], suite: "s") == facts)
  }

  @Test("names what has changed, with both values")
  func changes() {
    let before = EpochFingerprint.facts(Self.host, engines: [], suite: "s")
    var host = Self.host
    host.kernel = "6.2"
    let after = EpochFingerprint.facts(host, engines: [], suite: "t")
    let changes = EpochFingerprint.changes(from: before, to: after)
    #expect(changes.map(\.subject) == ["kernel", "suite"])
    #expect(changes.first { $0.subject == "kernel" } == FactDifference(.host, "kernel", a: "6.1", b: "6.2"))
    #expect(changes.first { $0.subject == "suite" } == FactDifference(.work, "suite", a: "s", b: "t"))
    #expect(EpochFingerprint.changes(from: before, to: before) == [])
  }
}
