public import Foundation

/// A run as stored: everything that an analysis needs, and nothing that one computes.
public struct RunRecord: Codable, Sendable, Equatable {
  /// How a run ended.
  public enum Exit: String, Codable, Sendable, CaseIterable {
    /// Still going on, or its controller was killed.
    case running
    case completed
    case interrupted
    case failed
  }

  /// E.g. `20261124-031541-7f3a`.
  public var id: String
  public var scenario: Scenario
  public var profileName: ProfileName
  /// The profile as it was run: overrides of the command line are in it.
  public var profile: Profile
  /// The environments that were chosen, in ladder order.
  public var environments: [EnvironmentRecord]
  /// Names of the workloads that were chosen.
  public var workloads: [String]
  /// How packets were captured, or why they were not.
  public var capture: Measured<CaptureSpec>
  public var family: AddressFamily
  public var seed: UInt64
  public var started: Date
  public var finished: Date?
  public var host: HostFacts
  /// SHA-256 of the worker executable, in hex.
  public var workerSHA256: String
  /// Of the worker that it is held against in the same blocks; nil in a run of one worker.
  public var referenceWorkerSHA256: String?
  /// The version of the program.
  public var version: String
  /// The command that repeats the run.
  public var command: String
  public var exit: Exit
  /// Why the blocks ended: verdicts reached, budget used up, an interrupt, an error.
  public var stopReason: String?
  public var warnings: [String]
  /// A slowdown put into the worker on purpose, for tests of the detector; nil in any real run.
  public var injection: String?

  public init(
    id: String, scenario: Scenario, profileName: ProfileName, profile: Profile, environments: [EnvironmentRecord],
    workloads: [String], capture: Measured<CaptureSpec> = .unavailable("packets were not captured in this run"),
    family: AddressFamily = .ipv4, seed: UInt64, started: Date, finished: Date? = nil, host: HostFacts,
    workerSHA256: String, version: String,
    command: String, exit: Exit = .running, stopReason: String? = nil, warnings: [String] = [],
    injection: String? = nil, referenceWorkerSHA256: String? = nil
  ) {
    self.id = id
    self.scenario = scenario
    self.profileName = profileName
    self.profile = profile
    self.environments = environments
    self.workloads = workloads
    self.capture = capture
    self.family = family
    self.seed = seed
    self.started = started
    self.finished = finished
    self.host = host
    self.workerSHA256 = workerSHA256
    self.referenceWorkerSHA256 = referenceWorkerSHA256
    self.version = version
    self.command = command
    self.exit = exit
    self.stopReason = stopReason
    self.warnings = warnings
    self.injection = injection
  }

  /// The names of the workloads that are run with taps on, too.
  public var capturedWorkloads: [String] {
    guard case .value = capture else { return [] }
    return workloadSpecs.filter(\.isCapturable).map(\.name)
  }

  /// The specs of the chosen workloads, in the scenario's order.
  public var workloadSpecs: [WorkloadSpec] { scenario.workloads.filter { workloads.contains($0.name) } }
}

/// An environment as it took part in a run.
public struct EnvironmentRecord: Codable, Sendable, Equatable {
  public var name: String
  /// One line: what it is made of.
  public var summary: String
  /// What it adds to the environment before it on the ladder.
  public var layer: String
  /// Why it could not run on this host, with the remedy; nil if it ran.
  public var unavailable: String?
  /// The environment that it is to be held against, where that is not the baseline.
  public var reference: String?
  /// How it was made on this host, each a phrase; nil where the summary says all.
  public var details: [String]?

  public init(
    name: String, summary: String, layer: String, unavailable: String? = nil, reference: String? = nil,
    details: [String]? = nil
  ) {
    self.name = name
    self.summary = summary
    self.layer = layer
    self.unavailable = unavailable
    self.reference = reference
    self.details = details
  }
}

/// A run with all that was measured in it.
public struct StoredRun: Sendable, Equatable {
  public var record: RunRecord
  public var blocks: [BlockRecord]
  public var trials: [Trial]

  public init(record: RunRecord, blocks: [BlockRecord], trials: [Trial]) {
    self.record = record
    self.blocks = blocks
    self.trials = trials
  }
}

/// The host as it was when the run started. Facts that cannot be read are nil.
public struct HostFacts: Codable, Sendable, Equatable {
  public var hostname: String
  public var kernel: String
  public var architecture: String
  public var distribution: String?
  public var cpuModel: String?
  public var cpuCount: Int
  public var memoryBytes: UInt64?
  public var virtualization: String?
  public var clockSource: String?
  public var governor: String?
  public var mitigations: [String: String]
  /// CPUs that client and server were pinned to.
  public var clientCPU: Int?
  public var serverCPU: Int?
  /// What taxes the host's own network path, and so the baseline: firewall rules, br_netfilter, taps. Each a sentence.
  public var nativeBurdens: [String]

  enum CodingKeys: String, CodingKey {
    case hostname, kernel, architecture, distribution
    case cpuModel = "cpu_model"
    case cpuCount = "cpu_count"
    case memoryBytes = "memory_bytes"
    case virtualization
    case clockSource = "clock_source"
    case governor, mitigations
    case clientCPU = "client_cpu"
    case serverCPU = "server_cpu"
    case nativeBurdens = "native_burdens"
  }

  public init(
    hostname: String, kernel: String, architecture: String, distribution: String? = nil, cpuModel: String? = nil,
    cpuCount: Int, memoryBytes: UInt64? = nil, virtualization: String? = nil, clockSource: String? = nil,
    governor: String? = nil, mitigations: [String: String] = [:], clientCPU: Int? = nil, serverCPU: Int? = nil,
    nativeBurdens: [String] = []
  ) {
    self.hostname = hostname
    self.kernel = kernel
    self.architecture = architecture
    self.distribution = distribution
    self.cpuModel = cpuModel
    self.cpuCount = cpuCount
    self.memoryBytes = memoryBytes
    self.virtualization = virtualization
    self.clockSource = clockSource
    self.governor = governor
    self.mitigations = mitigations
    self.clientCPU = clientCPU
    self.serverCPU = serverCPU
    self.nativeBurdens = nativeBurdens
  }
}
