internal import Environments
internal import Foundation
public import Harness
public import Model

/// A suite, resolved: everything that decides what a night will measure, before anything is touched.
public struct NightPlan: Sendable {
  public let suite: NightSuite
  /// Where the suite was read from, for errors.
  public let path: String
  public private(set) var seed: UInt64
  /// A run for each of the suite's entries, in their order.
  public private(set) var parts: [RunPlan]
  /// Of each entry: the commands of the last good build of the user's own program, by the workload's name.
  private let lastGood: [[String: WorkloadSpec.Commands]]
  private let selfTestScenario: Scenario
  private let family: AddressFamily

  /// What the detector has to find: a tenth.
  static let injectedSlowdown = 0.1
  /// Blocks of a confirmation, and of the self-test: the fewest that 327 candidates can be told apart in.
  static let duelBlocks = 16

  /// - Parameters:
  ///   - path: the suite's file.
  ///   - seed: what every random order of the night is drawn from.
  ///   - load: reads a scenario by its name or path.
  /// - Throws: `.badInput`, naming the suite's file, for what a scenario does not have; what `load` throws.
  public init(
    suite: NightSuite, path: String, seed: UInt64, family: AddressFamily = .ipv4,
    load: (String) throws(UserError) -> Scenario
  ) throws(UserError) {
    self.suite = suite
    self.path = path
    self.seed = seed
    self.family = family
    do throws(UserError) {
      var parts: [RunPlan] = []
      var lastGood: [[String: WorkloadSpec.Commands]] = []
      for (index, entry) in suite.entries.enumerated() {
        let scenario = try load(entry.scenario)
        guard !parts.contains(where: { $0.scenario.name == scenario.name }) else {
          throw UserError(
            .badInput, "two runs of the scenario '\(scenario.name)'",
            remedy: "Series are named by their scenario: keep one of the two.")
        }
        var plan = try RunPlan(
          scenario: scenario, profile: .quick, environments: entry.environments, workloads: entry.workloads,
          isCapturing: false, family: family, seed: Self.seed(seed, .suite, index))
        plan.profile.windowMilliseconds = entry.windowMilliseconds ?? plan.profile.windowMilliseconds
        plan.profile.warmupMilliseconds = entry.warmupMilliseconds ?? plan.profile.warmupMilliseconds
        parts.append(Self.fixed(plan, blocks: entry.blocks))
        lastGood.append(try Self.lastGood(of: entry, plan, load))
      }
      self.parts = parts
      self.lastGood = lastGood
      selfTestScenario = try load(suite.selfTest.scenario)
      _ = try selfTest(worker: nil)
    } catch {
      // The mistake is in the suite, whatever the rule that it breaks.
      throw UserError(
        error.exitCode == .usage ? .badInput : error.exitCode, "\(path): \(error.message)", remedy: error.remedy)
    }
  }

  private static func lastGood(
    of entry: NightSuite.Entry, _ plan: RunPlan, _ load: (String) throws(UserError) -> Scenario
  ) throws(UserError) -> [String: WorkloadSpec.Commands] {
    guard let name = entry.lastGood else { return [:] }
    let other = try load(name)
    var commands: [String: WorkloadSpec.Commands] = [:]
    for workload in plan.workloads where workload.kind == .exec {
      guard let found = other.workloads.first(where: { $0.name == workload.name })?.commands else {
        throw UserError(
          .badInput, "'last_good': scenario '\(other.name)' has no workload '\(workload.name)' of kind exec",
          remedy: "It has to have the workloads of \(plan.scenario.name), with the commands of the last good build.")
      }
      commands[workload.name] = found
    }
    guard !commands.isEmpty else {
      throw UserError(
        .badInput, "'last_good': no workload of \(plan.scenario.name) is of kind exec",
        remedy: "Leave it out: the worker is held against the pinned one by itself.")
    }
    return commands
  }

  /// The run in which the detector is tested: the worker against itself, slowed by a tenth. Its windows are those of the
  /// confirmation for which it vouches, where the suite measures the scenario: with shorter ones a detector that sees would
  /// be called blind, with longer ones the reverse.
  /// - Parameter worker: nil only looks whether the suite's choice can be tested on.
  func selfTest(worker: WorkerBinary?) throws(UserError) -> RunPlan {
    let (choice, scenario) = (suite.selfTest, selfTestScenario)
    var plan = try RunPlan(
      scenario: scenario, profile: .quick, environments: [scenario.baseline], workloads: [choice.workload],
      isCapturing: false, family: family, seed: Self.seed(seed, .selfTest, 0),
      injection: Injection(
        target: scenario.baseline, kind: .slowdown(partsPerMillion: UInt64(Self.injectedSlowdown * 1_000_000))))
    guard let workload = plan.workloads.first, workload.isCapturable else {
      throw UserError(
        .badInput, "the detector cannot be tested on workload '\(choice.workload)' of \(scenario.name)",
        remedy: "Name under 'self_test' one of kind udp-rr or tcp-rr, with one request in flight and no framing.")
    }
    plan.reference = worker
    if let part = parts.first(where: { $0.scenario.name == scenario.name }) {
      plan.profile.windowMilliseconds = part.profile.windowMilliseconds
      plan.profile.warmupMilliseconds = part.profile.warmupMilliseconds
    }
    return Self.duel(plan)
  }

  /// A run in which what is under test takes turns with what was good.
  /// - Parameters:
  ///   - index: of the entry.
  ///   - worker: the pinned worker, where it is not tonight's; nil holds the user's own program alone against its last good
  ///     build.
  ///   - tonight: tonight's worker.
  /// - Returns: nil where the entry has nothing to compare.
  func confirmation(of index: Int, against worker: WorkerBinary?, tonight: WorkerBinary) -> RunPlan? {
    var plan = parts[index]
    let names = comparedWorkloads(of: index, hasOtherWorker: worker != nil).map(\.name)
    plan.workloads = plan.workloads.filter { names.contains($0.name) }
    guard !plan.workloads.isEmpty else { return nil }
    plan.seed = Self.seed(seed, .confirmation, index)
    plan.reference = worker ?? tonight
    plan.referenceCommands = lastGood[index]
    return Self.duel(plan)
  }

  /// Those of an entry's workloads that are held against what was good: the user's own commands where their last good build
  /// is known, and, against another worker, what the worker does itself. (An image is rebuilt by an engine.)
  func comparedWorkloads(of index: Int, hasOtherWorker: Bool) -> [WorkloadSpec] {
    parts[index].workloads.filter { workload in
      switch workload.kind {
      case .exec: lastGood[index][workload.name] != nil
      default: hasOtherWorker && workload.kind.field != .images
      }
    }
  }

  /// Two workers that take turns: a claim says nothing of them.
  private static func duel(_ plan: RunPlan) -> RunPlan {
    var plan = fixed(plan, blocks: duelBlocks)
    plan.scenario.claims = []
    return plan
  }

  /// A run of exactly so many valid blocks: with one look, at its end, no claim can end it sooner. The scenario's claims
  /// stay, because each sets the margin by which the control of its workload is judged: without them, a night would ask
  /// more of a disk than the scenario itself does.
  private static func fixed(_ plan: RunPlan, blocks: Int) -> RunPlan {
    var plan = plan
    plan.profile.looks = [blocks]
    // Room for as many again to be voided.
    let hasEngine = plan.environments.contains { $0.needs.contains(where: \.isEngine) }
    plan.profile.budgetSeconds =
      Int(plan.estimatedBlockSeconds * Double(blocks) * 2) + (hasEngine ? engineSlack : slack)
    return plan
  }

  /// What a run takes before its first block, in seconds, generously; with images to be made, and without.
  private static let engineSlack = 60
  private static let slack = 10

  /// A seed for each run of the night.
  private static func seed(_ seed: UInt64, _ role: NightRecord.Part.Role, _ index: Int) -> UInt64 {
    let roles = NightRecord.Part.Role.allCases
    let place = UInt64(index * roles.count + (roles.firstIndex(of: role) ?? 0))
    // Short enough to be typed again.
    return (seed &+ place &* 0x9E37_79B9_7F4A_7C15) % 1_000_000_000 + 1
  }

  /// The same night from another seed: one that is gone on with keeps its own.
  func seeded(_ seed: UInt64) -> NightPlan {
    var plan = self
    plan.seed = seed
    for index in parts.indices { plan.parts[index].seed = Self.seed(seed, .suite, index) }
    return plan
  }

  // MARK: - Time

  /// What a part takes, in seconds, as far as can be said before.
  func seconds(of plan: RunPlan) -> Double { plan.estimatedBlockSeconds * Double(plan.profile.looks.last ?? 0) }

  /// A step of the night, for those who want to know before.
  public struct Step: Sendable, Equatable {
    public var what: String
    public var seconds: Double
  }

  /// What a night does and how long it takes, if nothing has to be voided.
  public func steps(worker: WorkerBinary) throws(UserError) -> [Step] {
    var steps = [Step(what: "look at the host", seconds: 5)]
    for plan in parts {
      let blocks = plan.profile.looks.last ?? 0
      steps.append(
        Step(
          what: "measure \(plan.scenario.name): \(blocks) blocks of \(Self.count(plan.workloads.count, "workload")) in "
            + Self.count(plan.environments.count, "environment"),
          seconds: seconds(of: plan)))
    }
    steps.append(
      Step(
        what: "test the detector: \(Self.duelBlocks) blocks with a slowdown of 10 % put in on purpose",
        seconds: seconds(of: try selfTest(worker: worker))))
    steps.append(
      Step(
        what:
          "where the worker is not the pinned one, hold it against that (and a program of yours against its last good "
          + "build): \(Self.duelBlocks) blocks of each",
        seconds: confirmationSeconds(worker)))
    return steps
  }

  private static func count(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

  private func confirmationSeconds(_ worker: WorkerBinary) -> Double {
    parts.indices.reduce(0) { sum, index in
      sum + (confirmation(of: index, against: worker, tonight: worker).map(seconds) ?? 0)
    }
  }

  /// What the suite and its scenarios say, as a digest: the same for the same work. FNV-1a of 64 bits, since nobody has
  /// a reason to forge one.
  var digest: String {
    struct Work: Encodable {
      var scenario: String
      var environments: [String]
      var workloads: [WorkloadSpec]
      var profile: Profile
      var family: AddressFamily
    }
    let work = parts.map {
      Work(
        scenario: $0.scenario.name, environments: $0.environments.map(\.name), workloads: $0.workloads,
        profile: $0.profile, family: $0.family)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    // Plain values without a number that JSON lacks.
    let bytes = (try? encoder.encode(work)) ?? Data()
    let hash = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    let text = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - text.count) + text
  }
}
