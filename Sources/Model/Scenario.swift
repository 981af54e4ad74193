/// A scenario: which workloads run in which environments, and which claims that informs. A plain value; reading one
/// from YAML, with errors that name line and column, is the job of the module `Scenarios`.
public struct Scenario: Codable, Sendable, Equatable {
  /// The schema version of scenario files that this program reads.
  public static let currentSchema = "bench.scenario/1"

  public var schema: String
  /// The name used on the command line: lower-case words joined by hyphens.
  public var name: String
  /// One line for lists and titles.
  public var title: String
  /// A paragraph: what is compared and why.
  public var description: String
  /// The environment that every other one is compared with. It stands in each block twice: the second is the control.
  public var baseline: String
  /// All environments in ladder order (each adds one layer to the one before), baseline first.
  public var environments: [String]
  public var workloads: [WorkloadSpec]
  public var profiles: [ProfileName: Profile]
  /// How packets are captured; nil leaves the inside of the path dark.
  public var capture: CaptureSpec?
  public var claims: [ClaimSpec]

  public init(
    schema: String = Scenario.currentSchema, name: String, title: String, description: String, baseline: String,
    environments: [String], workloads: [WorkloadSpec], profiles: [ProfileName: Profile], capture: CaptureSpec? = nil,
    claims: [ClaimSpec]
  ) {
    self.schema = schema
    self.name = name
    self.title = title
    self.description = description
    self.baseline = baseline
    self.environments = environments
    self.workloads = workloads
    self.profiles = profiles
    self.capture = capture
    self.claims = claims
  }
}

/// What runs: the kind of loop and everything that could change its cost.
public struct WorkloadSpec: Codable, Sendable, Equatable, Hashable {
  /// netperf's terms.
  public enum Kind: String, Codable, Sendable, CaseIterable {
    case udpRR = "udp-rr"
    case tcpRR = "tcp-rr"
  }

  /// How client and server wait for a message.
  public enum WaitMode: String, Codable, Sendable, CaseIterable {
    /// Polls a non-blocking socket: measures the path alone.
    case spin
    /// Blocks in the kernel: what most servers do; includes the wake-up from idle.
    case block
  }

  /// Where client and server are pinned.
  public enum Placement: String, Codable, Sendable, CaseIterable {
    /// On two different CPUs.
    case split
    /// Both on one CPU. Only with ``WaitMode/block``: two spinning processes on one CPU would measure the
    /// scheduler's time slice.
    case same
  }

  /// The sizes a message may have, in bytes of payload.
  public static let sizes = 1...65_000

  /// Unique within the scenario.
  public var name: String
  public var kind: Kind
  public var wait: WaitMode
  public var placement: Placement
  /// Bytes of payload of the request, and of the reply.
  public var size: Int

  public init(name: String, kind: Kind, wait: WaitMode, placement: Placement = .split, size: Int = 64) {
    self.name = name
    self.kind = kind
    self.wait = wait
    self.placement = placement
    self.size = size
  }

  /// Messages shorter than this, in bytes, have no room for the header by which packets are told apart.
  public static let smallestCaptured = 24

  /// Whether its packets can be told apart on their way.
  public var isCapturable: Bool { size >= Self.smallestCaptured }

  /// E.g. "udp-rr, spin, 64 B, on two CPUs".
  public var summary: String {
    "\(kind.rawValue), \(wait.rawValue), \(size) B, \(placement == .split ? "on two CPUs" : "on one CPU")"
  }
}

/// How long a scenario may take and how it is sampled.
public enum ProfileName: String, Codable, Sendable, CaseIterable, CodingKeyRepresentable {
  case quick, standard, thorough
}

public struct Profile: Codable, Sendable, Equatable {
  /// The measured window of one trial.
  public var windowMilliseconds: Int
  /// What is sent before the window and dropped: resolves ARP, FDB and routes, and warms caches.
  public var warmupMilliseconds: Int
  /// The whole run, from the first environment to the last verdict, ends within this.
  public var budgetSeconds: Int
  /// The numbers of valid blocks at which the verdicts are looked at; the last one ends the run.
  public var looks: [Int]
  /// The confidence of the interval at each look.
  public var confidence: Double
  /// The scenario's workloads that this profile runs, by name; nil runs all.
  public var workloads: [String]?

  public init(
    windowMilliseconds: Int, warmupMilliseconds: Int, budgetSeconds: Int, looks: [Int] = [8, 12, 18, 27, 40],
    confidence: Double = 0.99, workloads: [String]? = nil
  ) {
    self.windowMilliseconds = windowMilliseconds
    self.warmupMilliseconds = warmupMilliseconds
    self.budgetSeconds = budgetSeconds
    self.looks = looks
    self.confidence = confidence
    self.workloads = workloads
  }
}

/// A claim as data: a region that a measured ratio or difference must lie in.
public struct ClaimSpec: Codable, Sendable, Equatable {
  /// Which quantity the region is about.
  public enum Quantity: String, Codable, Sendable, CaseIterable {
    /// Environment ÷ baseline.
    case ratio
    /// Environment − baseline, in the metric's unit.
    case difference
  }

  /// The stable id, e.g. `net-hop`.
  public var id: String
  /// The article's section that makes the claim, by name.
  public var section: String
  /// The claim in our own words.
  public var statement: String
  public var workload: String
  public var metric: Metric
  public var environment: String
  public var quantity: Quantity
  /// The claim is supported if the whole interval lies in this open region, refuted if none of it does.
  public var region: ClaimRegion
  /// δ, the margin of practical importance (as a ratio − 1, or in the unit of the difference). The control must agree
  /// with "no difference" to within half of it.
  public var margin: Double
  /// Words for a supported and for a refuted verdict; each says what exactly holds.
  public var supportedReason: String
  public var refutedReason: String

  public init(
    id: String, section: String, statement: String, workload: String, metric: Metric, environment: String,
    quantity: Quantity, region: ClaimRegion, margin: Double, supportedReason: String, refutedReason: String
  ) {
    self.id = id
    self.section = section
    self.statement = statement
    self.workload = workload
    self.metric = metric
    self.environment = environment
    self.quantity = quantity
    self.region = region
    self.margin = margin
    self.supportedReason = supportedReason
    self.refutedReason = refutedReason
  }
}

/// An open interval on the real line; nil is unbounded.
public struct ClaimRegion: Codable, Sendable, Equatable {
  public var above: Double?
  public var below: Double?

  public init(above: Double? = nil, below: Double? = nil) {
    self.above = above
    self.below = below
  }
}
