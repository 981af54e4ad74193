public import Environments
public import Model
internal import Statistics

/// What a user asked for, resolved: everything that decides what will be measured, before anything is touched.
public struct RunPlan: Sendable {
  public var scenario: Scenario
  public var profileName: ProfileName
  public var profile: Profile
  /// In ladder order.
  public var environments: [any EnvironmentDefinition]
  /// In the scenario's order.
  public var workloads: [WorkloadSpec]
  /// How packets are captured, or why they are not.
  public var capture: Measured<CaptureSpec>
  public var family: AddressFamily
  public var seed: UInt64
  public var injection: Injection?
  /// A worker that takes turns with the run's own: every environment has a second trial in each block, in which it runs
  /// in the other's stead. nil in all runs but those that hold one worker against another.
  public var reference: WorkerBinary?
  /// What the user's own commands are in those trials, by the workload's name: those of another build of the same
  /// program. A workload that is not in it has the same commands in both.
  public var referenceCommands: [String: WorkloadSpec.Commands] = [:]

  /// - Parameters:
  ///   - environments: names to keep, nil for the profile's; the baseline is always in.
  ///   - workloads: names to keep, nil for the profile's.
  ///   - isCapturing: false leaves out what the scenario says of capturing.
  /// - Throws: `UserError(.usage)` for a name that the scenario does not have or a workload that an environment cannot
  ///   carry, `.badInput` for a missing profile.
  public init(
    scenario: Scenario, profile profileName: ProfileName, environments: [String]? = nil, workloads: [String]? = nil,
    isCapturing: Bool = true, family: AddressFamily = .ipv4, seed: UInt64, injection: Injection? = nil
  ) throws(UserError) {
    guard let profile = scenario.profiles[profileName] else {
      throw UserError(
        .usage, "scenario '\(scenario.name)' has no profile '\(profileName.rawValue)'",
        remedy: "it has: \(scenario.profiles.keys.map(\.rawValue).sorted().joined(separator: ", "))")
    }
    let chosen = try Self.choose(environments, among: scenario.environments, what: "environment", scenario.name)
    let chosenWorkloads = try Self.choose(
      workloads, among: scenario.workloads.map(\.name), what: "workload", scenario.name)
    let defaultWorkloads = profile.workloads ?? scenario.workloads.map(\.name)
    self.scenario = scenario
    self.profileName = profileName
    self.profile = profile
    let places = chosen ?? profile.environments ?? scenario.environments
    self.environments = try scenario.environments.filter { places.contains($0) || $0 == scenario.baseline }
      .map { name throws(UserError) in
        guard let definition = EnvironmentRegistry.definition(named: name) else {
          throw UserError(.badInput, "scenario '\(scenario.name)' names an unknown environment '\(name)'")
        }
        return definition
      }
    self.workloads = scenario.workloads.filter { (chosenWorkloads ?? defaultWorkloads).contains($0.name) }
    capture =
      if !isCapturing {
        .unavailable("switched off with --no-capture")
      } else if let spec = scenario.capture {
        .value(spec)
      } else {
        .unavailable("the scenario does not ask for it (key 'capture')")
      }
    self.family = family
    self.seed = seed
    self.injection = injection
    for workload in self.workloads {
      for environment in self.environments {
        guard let objection = Self.objection(of: environment, to: workload) else { continue }
        throw UserError(
          .usage, "environment '\(environment.name)' \(objection): workload '\(workload.name)' cannot run in it",
          remedy: "choose with --workload and --env, or change the scenario")
      }
    }
    if let injection {
      // One that strikes nothing would pass for a detector that finds nothing.
      _ = try Self.choose(
        [injection.target], among: self.environments.map(\.name) + [Injection.control], what: "target of an injection",
        scenario.name)
    }
  }

  private static func objection(of environment: any EnvironmentDefinition, to workload: WorkloadSpec) -> String? {
    let field = workload.kind.field
    guard environment.field != field else { return environment.objection(to: workload) }
    switch environment.field {
    case .network: return "carries packets"
    case .storage: return "holds files"
    case .images: return "stores images"
    }
  }

  /// What a storage environment has in it for `workload`.
  func content(of workload: WorkloadSpec) -> StorageContent {
    StorageContent(workload, imageSize: scenario.imageSize ?? Scenario.defaultImageSize)
  }

  /// Whether the user's own commands are run.
  var runsCommands: Bool { workloads.contains { $0.kind == .exec } }

  private static func choose(
    _ names: [String]?, among valid: [String], what: String, _ scenario: String
  ) throws(UserError) -> [String]? {
    guard let names else { return nil }
    for name in names where !valid.contains(name) {
      let hint = Suggestion.nearest(to: name, among: valid).map { " (did you mean '\($0)'?)" } ?? ""
      throw UserError(
        .usage, "scenario '\(scenario)' has no \(what) '\(name)'\(hint)",
        remedy: "it has: \(valid.joined(separator: ", "))")
    }
    return names
  }

  /// One trial of a block.
  public struct Slot: Sendable, Equatable {
    public var environment: String
    public var workload: String
    /// The second trial of an environment in the block: the baseline's twin, or that of the worker of reference.
    public var isControl = false
    /// Whether packets are looked at on their way.
    public var isCaptured = false
  }

  /// Every trial of a block, in the scenario's order.
  func slots(available: [String]) -> [Slot] { workloads.flatMap { slots(of: $0, available: available) } }

  private func slots(of workload: WorkloadSpec, available: [String]) -> [Slot] {
    var isCapturing = false
    if case .value = capture { isCapturing = true }
    let plain = available.map { Slot(environment: $0, workload: workload.name) }
    let captured = available.map { Slot(environment: $0, workload: workload.name, isCaptured: true) }
    // The baseline's is the control; against another worker, each environment has one.
    let twins = (reference == nil ? [scenario.baseline] : available).map {
      Slot(environment: $0, workload: workload.name, isControl: true)
    }
    return plain + twins + (isCapturing && workload.isCapturable ? captured : [])
  }

  /// The order of block `index`, which depends on the seed and the index alone, so that any block can be repeated without
  /// those before it: the workloads in a random order, and of each its trials in a random order. What is compared with each
  /// other so stands close together, and the host's slower moods strike all of it alike.
  func order(of index: Int, available: [String]) -> [Slot] {
    var generator = SeededGenerator(seed: seed &+ 0x9E37_79B9_7F4A_7C15 &* UInt64(index + 1))
    return SeededGenerator.permutation(of: workloads, using: &generator).flatMap { workload in
      SeededGenerator.permutation(of: slots(of: workload, available: available), using: &generator)
    }
  }

  /// A rough length of one block, in seconds, from what every trial must take.
  public var estimatedBlockSeconds: Double {
    let containers = Set(environments.filter { $0.needs.contains(where: \.isEngine) }.map(\.name))
    let specs = Dictionary(workloads.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    return slots(available: environments.map(\.name)).reduce(0) { sum, slot in
      guard let workload = specs[slot.workload] else { return sum }
      let isContained = containers.contains(slot.environment)
      return sum + windowSeconds(of: workload, isContained: isContained) + Self.trialOverheadSeconds
        + (slot.isCaptured ? Self.captureOverheadSeconds : 0) + (isContained ? Self.engineOverheadSeconds : 0)
    }
  }

  /// Warm-up and window; of what has none, the work that is done instead.
  private func windowSeconds(of workload: WorkloadSpec, isContained: Bool) -> Double {
    let window = Double(profile.windowMilliseconds + profile.warmupMilliseconds) / 1000
    let files = workload.files ?? FileWork()
    switch workload.kind {
    case .copyUp:
      // Files are read, and copied up twice; each is written durably a few dozen times.
      return Double(files.size * files.count) / Self.bytesPerSecond + Double(files.count) * Self.durableWritesSeconds
        + Self.mountOverheadSeconds
    case .mmapWrite, .lookup, .metadata: return Self.mountOverheadSeconds
    case .randomIO, .sequentialIO, .sqliteCommit: return window + Self.mountOverheadSeconds
    case .imageRebuild:
      return Double(files.rebuilds) * (isContained ? Self.engineRebuildSeconds : Self.rebuildSeconds)
    case .udpRR, .tcpRR, .tcpCRR, .tcpStream, .udpStream, .udpOpen, .tcpOpen, .exec: return window
    }
  }

  /// Set-up, worker start, canary, analysis and teardown of one trial, in seconds, as seen on two-CPU virtual machines.
  private static let trialOverheadSeconds = 0.08
  /// What an engine takes to start and remove containers.
  private static let engineOverheadSeconds = 1.2
  /// What opening, draining and closing taps adds: waits within the kernel.
  private static let captureOverheadSeconds = 0.08
  /// What mounting a file system, and syncing and unmounting it, adds.
  private static let mountOverheadSeconds = 0.1
  /// How fast files are copied up and read, all taken together.
  private static let bytesPerSecond = 150e6
  /// Some 64 writes of a file with an fdatasync each.
  private static let durableWritesSeconds = 0.012
  /// One rebuild of an image by hand, and by an engine.
  private static let rebuildSeconds = 0.02
  private static let engineRebuildSeconds = 0.6
}

/// A slowdown of known size, put into a worker on purpose: for tests that the detector finds it.
public struct Injection: Sendable, Equatable, CustomStringConvertible {
  public enum Kind: Sendable, Equatable {
    /// A busy loop of this many ns in the server, before each reply.
    case delay(nanoseconds: UInt64)
    /// Each round trip is made longer by this part of itself, in parts per million.
    case slowdown(partsPerMillion: UInt64)
  }

  /// The name of the baseline's twin.
  static let control = "control"

  /// The environment that is slowed down, or "control" for the baseline's twin.
  public var target: String
  public var kind: Kind

  public init(target: String, kind: Kind) {
    self.target = target
    self.kind = kind
  }

  /// `TARGET:1us`, `TARGET:250ns` or `TARGET:5%`.
  public init(parsing text: String) throws(UserError) {
    let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
    let units: [(suffix: String, make: (Double) -> Kind)] = [
      ("us", { .delay(nanoseconds: UInt64($0 * 1000)) }), ("ns", { .delay(nanoseconds: UInt64($0)) }),
      ("%", { .slowdown(partsPerMillion: UInt64($0 * 10_000)) }),
    ]
    guard parts.count == 2, let unit = units.first(where: { parts[1].hasSuffix($0.suffix) }),
      let amount = Double(parts[1].dropLast(unit.suffix.count)), (0...1_000_000).contains(amount)
    else {
      throw UserError(.usage, "'\(text)' is no injection", remedy: "write for instance control:1us or veth:5%")
    }
    self.init(target: parts[0], kind: unit.make(amount))
  }

  func applies(to slot: RunPlan.Slot) -> Bool {
    slot.isControl ? target == Self.control : target == slot.environment
  }

  public var description: String {
    switch kind {
    case .delay(let nanoseconds): "a busy loop of \(nanoseconds) ns in the server of \(target)"
    case .slowdown(let ppm): "round trips of \(target) made longer by \(Double(ppm) / 10_000) %"
    }
  }
}
