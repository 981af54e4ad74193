import Environments
import Foundation
import Model
import Scenarios
import Testing

@testable import Harness

@Suite("Plan")
struct PlanTests {
  private let scenario = Scenario.tiny(
    environments: ["native", "netns", "veth", "bridge"],
    workloads: [
      WorkloadSpec(name: "udp-rr-spin", kind: .udpRR, wait: .spin),
      WorkloadSpec(name: "tcp-rr-spin", kind: .tcpRR, wait: .spin),
    ])
  private var available: [String] { scenario.environments }

  private func plan(seed: UInt64, environments: [String]? = nil, workloads: [String]? = nil) throws -> RunPlan {
    try RunPlan(
      scenario: scenario, profile: .quick, environments: environments, workloads: workloads, seed: seed)
  }

  @Test("a block has every environment and the twin once for each workload")
  func slots() throws {
    for seed in 0..<20 {
      for index in 0..<20 {
        let order = try plan(seed: UInt64(seed)).order(of: index, available: available)
        #expect(order.count == 10)
        for workload in ["udp-rr-spin", "tcp-rr-spin"] {
          for environment in available {
            #expect(order.count { $0 == .init(environment: environment, workload: workload, isControl: false) } == 1)
          }
          #expect(order.count { $0 == .init(environment: "native", workload: workload, isControl: true) } == 1)
        }
      }
    }
  }

  @Test("what is compared stands together: a workload's trials follow each other, and the workloads change places")
  func grouped() throws {
    var first: Set<String> = []
    for index in 0..<20 {
      let order = try plan(seed: 3).order(of: index, available: available)
      #expect(Set(order[..<5].map(\.workload)).count == 1 && Set(order[5...].map(\.workload)).count == 1)
      first.insert(order[0].workload)
    }
    #expect(first == ["udp-rr-spin", "tcp-rr-spin"])
  }

  @Test("the order depends on seed and index alone")
  func reproducible() throws {
    let orders = try (0..<30).map { try plan(seed: 7).order(of: $0, available: available) }
    // Backwards, with another plan value.
    for index in (0..<30).reversed() {
      #expect(try plan(seed: 7).order(of: index, available: available) == orders[index])
    }
    var other = try plan(seed: 7)
    other.profile.windowMilliseconds = 999
    #expect(other.order(of: 3, available: available) == orders[3])
    #expect(Set(orders.map { $0.map { "\($0)" }.joined() }).count > 25, "blocks differ")
    let others = try (0..<30).map { try plan(seed: 8).order(of: $0, available: available) }
    #expect(zip(orders, others).count { $0 == $1 } < 3, "seeds differ")
    // Blocks of neighbouring seeds must not be each other's shifted by one.
    #expect(zip(orders.dropFirst(), others).count { $0 == $1 } < 3)
  }

  @Test("every slot is equally often first, and last")
  func uniform() throws {
    var first: [String: Int] = [:]
    var last: [String: Int] = [:]
    let blocks = 4000
    for seed in 0..<(blocks / 8) {
      let plan = try plan(seed: UInt64(seed), workloads: ["udp-rr-spin"])
      for index in 0..<8 {
        let order = plan.order(of: index, available: available)
        first["\(order[0])", default: 0] += 1
        last["\(order[4])", default: 0] += 1
      }
    }
    // 800 each are expected, give or take 25; the seeds are fixed.
    for counts in [first, last] {
      #expect(counts.count == 5)
      #expect(counts.values.allSatisfy { (700...900).contains($0) }, "\(counts)")
    }
  }

  @Test("a selection keeps the ladder's order, and the baseline")
  func selection() throws {
    let chosen = try plan(seed: 1, environments: ["bridge", "netns"], workloads: ["tcp-rr-spin"])
    #expect(chosen.environments.map(\.name) == ["native", "netns", "bridge"])
    #expect(chosen.workloads.map(\.name) == ["tcp-rr-spin"])
    #expect(try plan(seed: 1).environments.map(\.name) == available)
  }

  @Test("a profile's own workloads are those that run, unless others are asked for")
  func profileWorkloads() throws {
    var limited = scenario
    limited.profiles[.quick]?.workloads = ["tcp-rr-spin"]
    #expect(try RunPlan(scenario: limited, profile: .quick, seed: 1).workloads.map(\.name) == ["tcp-rr-spin"])
    #expect(
      try RunPlan(scenario: limited, profile: .quick, workloads: ["udp-rr-spin"], seed: 1).workloads.map(\.name)
        == ["udp-rr-spin"])
  }

  @Test("a profile's own environments are those that run, unless others are asked for")
  func profileEnvironments() throws {
    var limited = scenario
    limited.profiles[.quick]?.environments = ["native", "veth"]
    #expect(try RunPlan(scenario: limited, profile: .quick, seed: 1).environments.map(\.name) == ["native", "veth"])
    #expect(
      try RunPlan(scenario: limited, profile: .quick, environments: ["bridge"], seed: 1).environments.map(\.name)
        == ["native", "bridge"])
  }

  @Test("the project's own scenarios have every profile, and can be planned in each")
  func ownScenarios() throws {
    let catalogue = ScenarioCatalogue(directories: [repository.appending(path: "scenarios").path])
    let entries = catalogue.entries(knownEnvironments: EnvironmentRegistry.names)
    #expect(entries.count >= 7)
    for entry in entries {
      let scenario = try entry.content.get()
      #expect(scenario.name == entry.name, "a scenario is named by its file")
      #expect(Set(scenario.profiles.keys) == Set(ProfileName.allCases), "\(entry.name) has every profile")
      for profile in ProfileName.allCases {
        let plan = try RunPlan(scenario: scenario, profile: profile, seed: 1)
        #expect(plan.environments.count > 1 && !plan.workloads.isEmpty)
      }
      for claim in scenario.claims {
        let workload = try #require(scenario.workloads.first { $0.name == claim.workload })
        #expect(workload.kind.metrics.contains(claim.metric), "\(claim.id): \(workload.kind.rawValue)")
      }
    }
  }

  @Test("names that the scenario does not have are a mistake in usage, with the nearest one")
  func unknownNames() {
    let environment = userError { () throws(UserError) in
      try RunPlan(scenario: scenario, profile: .quick, environments: ["native", "brigde"], seed: 1)
    }
    #expect(environment?.exitCode == .usage)
    #expect(environment?.message == "scenario 'tiny' has no environment 'brigde' (did you mean 'bridge'?)")
    #expect(environment?.remedy == "it has: native, netns, veth, bridge")
    let workload = userError { () throws(UserError) in
      try RunPlan(scenario: scenario, profile: .quick, workloads: ["upd-rr-spin"], seed: 1)
    }
    #expect(workload?.exitCode == .usage)
    #expect(workload?.message == "scenario 'tiny' has no workload 'upd-rr-spin' (did you mean 'udp-rr-spin'?)")
    let far = userError { () throws(UserError) in
      try RunPlan(scenario: scenario, profile: .quick, environments: ["kubernetes"], seed: 1)
    }
    #expect(far?.message == "scenario 'tiny' has no environment 'kubernetes'")
  }

  @Test("a profile that the scenario does not have")
  func unknownProfile() {
    let error = userError { () throws(UserError) in try RunPlan(scenario: scenario, profile: .thorough, seed: 1) }
    #expect(error?.exitCode == .usage)
    #expect(error?.message == "scenario 'tiny' has no profile 'thorough'" && error?.remedy == "it has: quick")
  }

  @Test("an environment that the scenario names and nobody knows")
  func unregistered() {
    let error = userError { () throws(UserError) in
      try RunPlan(scenario: .tiny(environments: ["native", "moon"]), profile: .quick, seed: 1)
    }
    #expect(error?.exitCode == .badInput)
    #expect(error?.message.contains("'moon'") == true)
  }

  @Test("a block's estimated length grows with what is in it")
  func estimate() throws {
    let all = try plan(seed: 1).estimatedBlockSeconds
    let one = try plan(seed: 1, environments: ["native"], workloads: ["udp-rr-spin"]).estimatedBlockSeconds
    #expect(all > 4.9 * one && all < 5.1 * one, "10 trials and 2")
  }
}

@Suite("Injection")
struct InjectionTests {
  @Test(
    "written as target and size",
    arguments: [
      ("control:1us", "control", .delay(nanoseconds: 1000)), ("veth:250ns", "veth", .delay(nanoseconds: 250)),
      ("native:5%", "native", .slowdown(partsPerMillion: 50_000)), ("bridge:0.5us", "bridge", .delay(nanoseconds: 500)),
      ("bridge:2.5%", "bridge", .slowdown(partsPerMillion: 25_000)), ("control:0us", "control", .delay(nanoseconds: 0)),
    ] as [(String, String, Injection.Kind)])
  func parsing(_ text: String, _ target: String, _ kind: Injection.Kind) throws {
    #expect(try Injection(parsing: text) == Injection(target: target, kind: kind))
  }

  @Test(
    "anything else is a mistake in usage",
    arguments: [
      "", ":", "control", "control:", "control:us", "control:1", "control:1ms", "control:-1us", "control:nanus", "5%",
      ":1us", "control:1us:2us", "control:infus", "control:1e30ns", "control:%",
    ])
  func mistakes(_ text: String) {
    let error = userError { () throws(UserError) in try Injection(parsing: text) }
    #expect(error?.exitCode == .usage, "\(text)")
    #expect(error?.message.contains("'\(text)'") == true && error?.remedy?.contains("control:1us") == true)
  }

  @Test("it strikes its target alone; 'control' is the twin, and the baseline is not the twin")
  func target() {
    let native = RunPlan.Slot(environment: "native", workload: "udp", isControl: false)
    let twin = RunPlan.Slot(environment: "native", workload: "udp", isControl: true)
    let veth = RunPlan.Slot(environment: "veth", workload: "udp", isControl: false)
    func struck(_ target: String) -> [Bool] {
      [native, twin, veth].map { Injection(target: target, kind: .delay(nanoseconds: 1)).applies(to: $0) }
    }
    #expect(struck("control") == [false, true, false])
    #expect(struck("native") == [true, false, false])
    #expect(struck("veth") == [false, false, true])
  }

  @Test("one that strikes nothing is a mistake in usage: a detector would be tested by nothing")
  func nobody() {
    let error = userError { () throws(UserError) in
      try RunPlan(
        scenario: .tiny(), profile: .quick, environments: ["netns"], seed: 1,
        injection: Injection(target: "contrl", kind: .delay(nanoseconds: 1)))
    }
    #expect(error?.exitCode == .usage)
    #expect(error?.message.contains("'contrl'") == true && error?.message.contains("did you mean 'control'?") == true)
    let left = userError { () throws(UserError) in
      try RunPlan(
        scenario: .tiny(), profile: .quick, environments: ["netns"], seed: 1,
        injection: Injection(target: "veth", kind: .delay(nanoseconds: 1)))
    }
    #expect(left?.exitCode == .usage, "veth is not part of this run")
  }
}

@Suite("Every registered environment is used")
struct UseTests {
  @Test("by a scenario that comes with the program", arguments: EnvironmentRegistry.names)
  func used(_ name: String) throws {
    let catalogue = ScenarioCatalogue(directories: [repository.appending(path: "scenarios").path])
    let scenarios = try catalogue.entries(knownEnvironments: EnvironmentRegistry.names).map { try $0.content.get() }
    #expect(!scenarios.isEmpty)
    #expect(scenarios.contains { $0.environments.contains(name) })
  }
}
