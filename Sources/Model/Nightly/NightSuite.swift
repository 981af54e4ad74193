/// What a night measures: a file beside the scenarios (schema `bench.suite/1`), read by the module `Scenarios`.
public struct NightSuite: Codable, Sendable, Equatable {
  /// The schema version of suite files that this program reads.
  public static let currentSchema = "bench.suite/1"

  /// A scenario, or a part of one.
  public struct Entry: Codable, Sendable, Equatable {
    /// The scenario's name, or its path.
    public var scenario: String
    /// Those that are measured, by name; nil is what the scenario's quick profile measures.
    public var environments: [String]?
    public var workloads: [String]?
    /// Valid blocks to measure.
    public var blocks: Int
    /// The measured window of each trial, and what is sent before it; nil is the scenario's quick profile's.
    public var windowMilliseconds: Int?
    public var warmupMilliseconds: Int?
    /// A scenario, by name or path, whose commands of the same workloads start the last good build of the user's own
    /// program: every night the two take turns. nil holds no command of the user's against another.
    public var lastGood: String?

    enum CodingKeys: String, CodingKey {
      case scenario, environments, workloads, blocks
      case lastGood = "last_good"
      case windowMilliseconds = "window_ms"
      case warmupMilliseconds = "warmup_ms"
    }

    public init(
      scenario: String, environments: [String]? = nil, workloads: [String]? = nil, blocks: Int = Entry.defaultBlocks,
      windowMilliseconds: Int? = nil, warmupMilliseconds: Int? = nil, lastGood: String? = nil
    ) {
      self.scenario = scenario
      self.environments = environments
      self.workloads = workloads
      self.blocks = blocks
      self.windowMilliseconds = windowMilliseconds
      self.warmupMilliseconds = warmupMilliseconds
      self.lastGood = lastGood
    }

    /// Enough for intervals of 99 % and some to be voided.
    public static let defaultBlocks = 12
    /// Fewer than the first have no interval of 99 %.
    public static let blockCounts = 8...200
  }

  /// What the detector is tested on: a closed loop of one request in flight, whose round trips can be made longer.
  public struct SelfTest: Codable, Sendable, Equatable {
    public var scenario: String
    public var workload: String

    public init(scenario: String, workload: String) {
      self.scenario = scenario
      self.workload = workload
    }

    /// The loop whose spread is the smallest on most hosts.
    public static let standard = SelfTest(scenario: "network-hop", workload: "udp-rr-spin")
  }

  /// Lower-case words joined by hyphens.
  public var name: String
  /// One line.
  public var title: String
  /// The whole night, confirmation included, ends within this.
  public var budgetSeconds: Int
  public var selfTest: SelfTest
  public var entries: [Entry]

  enum CodingKeys: String, CodingKey {
    case name, title
    case budgetSeconds = "budget_s"
    case selfTest = "self_test"
    case entries
  }

  public init(
    name: String, title: String, budgetSeconds: Int, selfTest: SelfTest = .standard, entries: [Entry]
  ) {
    self.name = name
    self.title = title
    self.budgetSeconds = budgetSeconds
    self.selfTest = selfTest
    self.entries = entries
  }
}
