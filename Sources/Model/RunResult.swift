public import Foundation

/// What an analysis of a run says: the model from which every report is rendered, and, encoded as JSON, the result
/// file `bench.run/1` (docs/bench.run.schema.json).
public struct RunResult: Codable, Sendable, Equatable {
  public static let currentSchema = "bench.run/1"

  public var schema: String
  public var run: RunSummary
  public var environments: [EnvironmentRecord]
  public var workloads: [WorkloadSpec]
  public var series: [SeriesResult]
  /// The A/A result of each workload.
  public var control: [ControlResult]
  public var ladders: [LadderResult]
  /// Hop latencies, where packets were captured.
  public var hops: Measured<[HopResult]>
  /// The books of ``hops``: one entry for each environment and workload. Empty where packets were not captured.
  public var waterfalls: [WaterfallResult]
  /// How latencies are distributed; nil in results from before they were kept, and where no operation was timed alone.
  public var distributions: [DistributionResult]?
  /// How a time grows with the size of a file; nil where no two workloads differ in size alone.
  public var lines: [LineResult]?
  /// How stores of images grew from rebuild to rebuild; nil where none was rebuilt.
  public var growth: [GrowthResult]?
  public var claims: [ClaimResult]
  /// The blocks that do not count, with the evidence.
  public var voided: [VoidedBlock]
  public var noise: NoiseSummary
  public var warnings: [String]

  public init(
    schema: String = RunResult.currentSchema, run: RunSummary, environments: [EnvironmentRecord],
    workloads: [WorkloadSpec], series: [SeriesResult], control: [ControlResult], ladders: [LadderResult],
    hops: Measured<[HopResult]>, waterfalls: [WaterfallResult] = [],
    distributions: [DistributionResult]? = nil, lines: [LineResult]? = nil, growth: [GrowthResult]? = nil,
    claims: [ClaimResult], voided: [VoidedBlock], noise: NoiseSummary, warnings: [String]
  ) {
    self.schema = schema
    self.run = run
    self.environments = environments
    self.workloads = workloads
    self.series = series
    self.control = control
    self.ladders = ladders
    self.hops = hops
    self.waterfalls = waterfalls
    self.distributions = distributions
    self.lines = lines
    self.growth = growth
    self.claims = claims
    self.voided = voided
    self.noise = noise
    self.warnings = warnings
  }
}

extension KeyedDecodingContainer {
  /// Results from before there were waterfalls lack the key.
  func decode(_ type: [WaterfallResult].Type, forKey key: Key) throws -> [WaterfallResult] {
    try decodeIfPresent(type, forKey: key) ?? []
  }
}

/// A value, or the reason why there is none. "Unavailable" is never 0 and never an exception.
public enum Measured<Value: Codable & Sendable & Equatable>: Codable, Sendable, Equatable {
  case value(Value)
  case unavailable(String)

  private struct Reason: Codable { var unavailable: String }

  public init(from decoder: any Decoder) throws {
    if let reason = try? Reason(from: decoder) {
      self = .unavailable(reason.unavailable)
    } else {
      self = .value(try Value(from: decoder))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    switch self {
    case .value(let value): try value.encode(to: encoder)
    case .unavailable(let reason): try Reason(unavailable: reason).encode(to: encoder)
    }
  }
}

/// The head of a result.
public struct RunSummary: Codable, Sendable, Equatable {
  public var id: String
  public var scenario: String
  public var title: String
  public var description: String
  public var profile: ProfileName
  /// nil in results from before there was a choice: IPv4.
  public var family: AddressFamily?
  public var seed: UInt64
  public var started: Date
  public var finished: Date?
  public var host: HostFacts
  public var workerSHA256: String
  public var version: String
  public var command: String
  public var exit: RunRecord.Exit
  public var stopReason: String?
  public var baseline: String
  public var windowMilliseconds: Int
  /// Valid blocks, that is pairs behind each interval.
  public var validBlocks: Int
  public var voidedBlocks: Int
  /// A slowdown put into the worker on purpose; nil in any real run.
  public var injection: String?

  enum CodingKeys: String, CodingKey {
    case id, scenario, title, description, profile, family, seed, started, finished, host
    case workerSHA256 = "worker_sha256"
    case version, command, exit
    case stopReason = "stop_reason"
    case baseline
    case windowMilliseconds = "window_ms"
    case validBlocks = "valid_blocks"
    case voidedBlocks = "voided_blocks"
    case injection
  }

  public init(
    id: String, scenario: String, title: String, description: String, profile: ProfileName,
    family: AddressFamily? = nil, seed: UInt64, started: Date, finished: Date?, host: HostFacts, workerSHA256: String,
    version: String, command: String,
    exit: RunRecord.Exit, stopReason: String?, baseline: String, windowMilliseconds: Int, validBlocks: Int,
    voidedBlocks: Int, injection: String?
  ) {
    self.id = id
    self.scenario = scenario
    self.title = title
    self.description = description
    self.profile = profile
    self.family = family
    self.seed = seed
    self.started = started
    self.finished = finished
    self.host = host
    self.workerSHA256 = workerSHA256
    self.version = version
    self.command = command
    self.exit = exit
    self.stopReason = stopReason
    self.baseline = baseline
    self.windowMilliseconds = windowMilliseconds
    self.validBlocks = validBlocks
    self.voidedBlocks = voidedBlocks
    self.injection = injection
  }
}

/// One metric of one workload in one environment.
public struct SeriesResult: Codable, Sendable, Equatable {
  /// What the interval of the ratio says about "no difference".
  public enum Direction: String, Codable, Sendable {
    /// The whole interval lies above 1.
    case higher
    /// The whole interval lies below 1.
    case lower
    /// The interval contains 1.
    case undecided
  }

  /// Counts agree if each trial's lies this close to the median of all, as a part of it.
  public static let agreement = 0.005

  public var environment: String
  public var workload: String
  public var metric: Metric
  public var unit: Metric.Unit
  /// One value a valid block, in block order.
  public var trials: [Double]
  /// The median of ``trials``; nil where there are none.
  public var median: Double?
  /// Of a count: the median, if every trial lies so close to it that it counts as one number (``agreement``).
  public var exact: Double?
  /// Environment ÷ baseline; absent for the baseline itself. Nothing is inverted: of a metric whose larger value is
  /// better, a ratio below 1 is the cost.
  public var ratio: IntervalEstimate?
  /// Environment − baseline, in ``unit``; absent for the baseline itself.
  public var difference: IntervalEstimate?
  /// The same against the environment's own reference; nil where it has none, or that is the baseline.
  public var reference: ReferenceComparison?
  public var direction: Direction?
  /// Two-sided p-value of "no difference", adjusted over the whole table by Benjamini and Hochberg.
  public var qValue: Double?
  /// Why there is no estimate (too few blocks, dependent trials, a value of 0).
  public var note: String?

  enum CodingKeys: String, CodingKey {
    case environment, workload, metric, unit, trials, median, exact, ratio, difference, reference, direction
    case qValue = "q_value"
    case note
  }

  public init(
    environment: String, workload: String, metric: Metric, trials: [Double], median: Double?, exact: Double? = nil,
    ratio: IntervalEstimate? = nil, difference: IntervalEstimate? = nil, reference: ReferenceComparison? = nil,
    direction: Direction? = nil, qValue: Double? = nil, note: String? = nil
  ) {
    self.environment = environment
    self.workload = workload
    self.metric = metric
    self.unit = metric.unit
    self.trials = trials
    self.median = median
    self.exact = exact
    self.ratio = ratio
    self.difference = difference
    self.reference = reference
    self.direction = direction
    self.qValue = qValue
    self.note = note
  }
}

/// An estimate with its interval, from paired blocks.
public struct IntervalEstimate: Codable, Sendable, Equatable {
  public var estimate: Double
  public var low: Double
  public var high: Double
  /// The nominal confidence of [low, high].
  public var confidence: Double
  /// The number of pairs.
  public var n: Int
  /// "wilcoxon" or "sign-test".
  public var method: String
  /// The smallest effect that this interval would have told from none: as a ratio − 1, or in the unit.
  public var minimumDetectableEffect: Double
  /// The correlation of neighbouring blocks.
  public var lag1: Double?
  /// How many neighbouring blocks were merged into one because of it (1: none).
  public var mergedBlocks: Int

  enum CodingKeys: String, CodingKey {
    case estimate, low, high, confidence, n, method
    case minimumDetectableEffect = "mde"
    case lag1
    case mergedBlocks = "merged_blocks"
  }

  public init(
    estimate: Double, low: Double, high: Double, confidence: Double, n: Int, method: String,
    minimumDetectableEffect: Double, lag1: Double? = nil, mergedBlocks: Int = 1
  ) {
    self.estimate = estimate
    self.low = low
    self.high = high
    self.confidence = confidence
    self.n = n
    self.method = method
    self.minimumDetectableEffect = minimumDetectableEffect
    self.lag1 = lag1
    self.mergedBlocks = mergedBlocks
  }
}

/// The baseline against its own second copy: what the method reports where nothing differs.
public struct ControlResult: Codable, Sendable, Equatable {
  public var workload: String
  public var metric: Metric
  /// The second copy's values, one a valid block, in block order and in the metric's unit.
  public var trials: [Double]
  /// The median of ``trials``; nil where there are none.
  public var median: Double?
  public var ratio: IntervalEstimate?
  public var difference: IntervalEstimate?
  /// How far from 1 the ratio's estimate may lie; nil in results from before it was kept.
  public var allowed: Double?
  public var isPassed: Bool
  public var reason: String

  enum CodingKeys: String, CodingKey {
    case workload, metric, trials, median, ratio, difference, allowed
    case isPassed = "passed"
    case reason
  }

  public init(
    workload: String, metric: Metric, trials: [Double], median: Double?, ratio: IntervalEstimate?,
    difference: IntervalEstimate?, allowed: Double? = nil, isPassed: Bool, reason: String
  ) {
    self.workload = workload
    self.metric = metric
    self.trials = trials
    self.median = median
    self.ratio = ratio
    self.difference = difference
    self.allowed = allowed
    self.isPassed = isPassed
    self.reason = reason
  }
}

/// The environments in ladder order, each step against the one below; the steps compose to the whole.
public struct LadderResult: Codable, Sendable, Equatable {
  public struct Step: Codable, Sendable, Equatable {
    public var from: String
    public var to: String
    /// What the step adds, in words.
    public var layer: String
    /// Against the rung below.
    public var ratio: IntervalEstimate?
    public var difference: IntervalEstimate?
    /// Against the lowest rung, the baseline.
    public var totalRatio: IntervalEstimate?
    public var totalDifference: IntervalEstimate?

    enum CodingKeys: String, CodingKey {
      case from, to, layer, ratio, difference
      case totalRatio = "total_ratio"
      case totalDifference = "total_difference"
    }

    public init(
      from: String, to: String, layer: String, ratio: IntervalEstimate?, difference: IntervalEstimate?,
      totalRatio: IntervalEstimate? = nil, totalDifference: IntervalEstimate? = nil
    ) {
      self.from = from
      self.to = to
      self.layer = layer
      self.ratio = ratio
      self.difference = difference
      self.totalRatio = totalRatio
      self.totalDifference = totalDifference
    }
  }

  public var workload: String
  public var metric: Metric
  public var steps: [Step]
  /// Product of the steps' ratios; absent if a step is missing.
  public var composedRatio: Double?
  /// Sum of the steps' differences, in the metric's unit; absent if a step is missing.
  public var composedDifference: Double?
  /// Product of the steps' ratios ÷ the whole's ratio, − 1; absent if a step is missing.
  public var ratioResidual: Double?
  /// Sum of the steps' differences − the whole's difference, in the metric's unit.
  public var differenceResidual: Double?

  enum CodingKeys: String, CodingKey {
    case workload, metric, steps
    case composedRatio = "composed_ratio"
    case composedDifference = "composed_difference"
    case ratioResidual = "ratio_residual"
    case differenceResidual = "difference_residual"
  }

  public init(
    workload: String, metric: Metric, steps: [Step], composedRatio: Double? = nil, composedDifference: Double? = nil,
    ratioResidual: Double?, differenceResidual: Double?
  ) {
    self.workload = workload
    self.metric = metric
    self.steps = steps
    self.composedRatio = composedRatio
    self.composedDifference = composedDifference
    self.ratioResidual = ratioResidual
    self.differenceResidual = differenceResidual
  }
}

/// The time from one waypoint to the next, over the trials with taps on.
public struct HopResult: Codable, Sendable, Equatable {
  public var environment: String
  public var workload: String
  /// Its place on the path, from 0.
  public var index: Int
  public var leg: HopLeg
  public var kind: HopKind
  /// ``Waypoint/id`` of its ends.
  public var from: String
  public var to: String
  /// In ns, each the median over trials of the trial's quantile, with its interval.
  public var p50: Measured<LevelEstimate>
  public var p90: Measured<LevelEstimate>
  public var p99: Measured<LevelEstimate>

  public init(
    environment: String, workload: String, index: Int, leg: HopLeg, kind: HopKind, from: String, to: String,
    p50: Measured<LevelEstimate>, p90: Measured<LevelEstimate>, p99: Measured<LevelEstimate>
  ) {
    self.environment = environment
    self.workload = workload
    self.index = index
    self.leg = leg
    self.kind = kind
    self.from = from
    self.to = to
    self.p50 = p50
    self.p90 = p90
    self.p99 = p99
  }
}

/// A level (not a comparison) estimated from trials.
public struct LevelEstimate: Codable, Sendable, Equatable {
  public var estimate: Double
  /// The interval; nil where there are too few trials for one.
  public var low: Double?
  public var high: Double?
  /// The nominal confidence of [low, high].
  public var confidence: Double?
  /// The number of trials.
  public var n: Int

  public init(estimate: Double, low: Double? = nil, high: Double? = nil, confidence: Double? = nil, n: Int) {
    self.estimate = estimate
    self.low = low
    self.high = high
    self.confidence = confidence
    self.n = n
  }
}

/// All hops of a workload's round trip in one environment: the books behind ``RunResult/hops``.
public struct WaterfallResult: Codable, Sendable, Equatable {
  /// What looking inside cost: taps on against taps off, paired by block.
  public struct Tax: Codable, Sendable, Equatable {
    /// Round trip p50 or p99.
    public var metric: Metric
    public var ratio: IntervalEstimate?
    public var difference: IntervalEstimate?
    /// Why there is no estimate, or why nothing may be concluded from it.
    public var note: String?

    public init(metric: Metric, ratio: IntervalEstimate?, difference: IntervalEstimate?, note: String? = nil) {
      self.metric = metric
      self.ratio = ratio
      self.difference = difference
      self.note = note
    }
  }

  /// The hops must sum to the whole up to this part of it.
  public static let largestResidual = 0.03
  /// Of the requests that were looked at, at least this part must have been seen everywhere.
  public static let smallestMatchedShare = 0.999

  public var environment: String
  public var workload: String
  /// One round trip in this many was to be looked at; a tap that is let go of late sees more.
  public var sampling: Int
  /// In the order in which a round trip passes them.
  public var points: [Waypoint]
  /// The trials behind the numbers.
  public var trials: Int
  /// Trials whose hops do not count, each with the reason; their blocks are valid.
  public var excluded: [String]
  /// Over the trials that count: sampled requests that were answered, and those of which every point is known.
  public var sampled: Int
  public var matched: Int
  /// Why the others are not: reason → requests.
  public var unmatched: [String: Int]
  /// Sums over the trials that count, one entry a tap in path order; empty where sockets tell the times.
  public var taps: [TapReading]
  /// The round trip p50 of every request of these trials, in ns, as the application measured it by CLOCK_MONOTONIC. Most
  /// of them were not looked at.
  public var roundTrip: Measured<LevelEstimate>
  /// The same of the matched requests alone. Being looked at makes a request longer; this is what the hops sum to.
  public var observed: Measured<LevelEstimate>
  /// The sum of a trial's hops' p50, estimated over trials, in ns.
  public var sum: Double?
  /// (sum − ``observed``) ÷ ``observed``: how far the parts are from the whole.
  public var residual: Double?
  /// The median over trials of the median, over requests, of (sum of the hops − the application's round trip), in ns.
  public var requestClosure: Double?
  public var tax: [Tax]

  enum CodingKeys: String, CodingKey {
    case environment, workload, sampling, points, trials, excluded, sampled, matched, unmatched, taps
    case roundTrip = "round_trip"
    case observed, sum, residual
    case requestClosure = "request_closure"
    case tax
  }

  public init(
    environment: String, workload: String, sampling: Int, points: [Waypoint], trials: Int, excluded: [String],
    sampled: Int, matched: Int, unmatched: [String: Int], taps: [TapReading], roundTrip: Measured<LevelEstimate>,
    observed: Measured<LevelEstimate>, sum: Double?, residual: Double?, requestClosure: Double?, tax: [Tax]
  ) {
    self.environment = environment
    self.workload = workload
    self.sampling = sampling
    self.points = points
    self.trials = trials
    self.excluded = excluded
    self.sampled = sampled
    self.matched = matched
    self.unmatched = unmatched
    self.taps = taps
    self.roundTrip = roundTrip
    self.observed = observed
    self.sum = sum
    self.residual = residual
    self.requestClosure = requestClosure
    self.tax = tax
  }
}

/// A claim of the article, judged.
public struct ClaimResult: Codable, Sendable, Equatable {
  public enum Verdict: String, Codable, Sendable, CaseIterable {
    case supported, refuted, inconclusive, unavailable
  }

  public var id: String
  public var section: String
  public var statement: String
  public var workload: String
  public var metric: Metric
  public var environment: String
  /// The environment that it was held against; nil is the scenario's baseline.
  public var against: String?
  public var quantity: ClaimSpec.Quantity
  /// Of a slope: the size of what grows, for each environment.
  public var over: [String: Double]?
  /// Instead of ``over``: the size for each workload.
  public var overWorkloads: [String: Double]?
  public var region: ClaimRegion
  public var margin: Double
  public var verdict: Verdict
  /// Always there: what decided, in words, with the numbers.
  public var reason: String
  /// Of the ratio or of the difference, as ``quantity`` says.
  public var estimate: Double?
  public var low: Double?
  public var high: Double?
  public var n: Int?
  /// The minimum detectable effect that was reached.
  public var minimumDetectableEffect: Double?
  /// p-value of the verdict's hypothesis, adjusted by Holm over the scenario's claims.
  public var adjustedP: Double?
  /// What others have published on the same question.
  public var published: [ClaimSpec.Published]

  enum CodingKeys: String, CodingKey {
    case id, section, statement, workload, metric, environment, against, quantity, over, region, margin, verdict
    case reason, estimate, low, high, n, published
    case overWorkloads = "over_workloads"
    case minimumDetectableEffect = "mde"
    case adjustedP = "adjusted_p"
  }

  public init(
    spec: ClaimSpec, verdict: Verdict, reason: String, interval: IntervalEstimate? = nil, adjustedP: Double? = nil
  ) {
    id = spec.id
    section = spec.section
    statement = spec.statement
    workload = spec.workload
    metric = spec.metric
    environment = spec.environment
    against = spec.against
    quantity = spec.quantity
    over = spec.over
    overWorkloads = spec.overWorkloads
    region = spec.region
    margin = spec.margin
    self.verdict = verdict
    self.reason = reason
    estimate = interval?.estimate
    low = interval?.low
    high = interval?.high
    n = interval?.n
    minimumDetectableEffect = interval?.minimumDetectableEffect
    self.adjustedP = adjustedP
    published = spec.published
  }
}

/// A block that does not count.
public struct VoidedBlock: Codable, Sendable, Equatable {
  public var block: Int
  public var reasons: [String]
  public init(block: Int, reasons: [String]) {
    self.block = block
    self.reasons = reasons
  }
}

/// How disturbed the host was over the valid blocks.
public struct NoiseSummary: Codable, Sendable, Equatable {
  /// The class of the run: that of its median block.
  public var overall: HostNoise
  /// Blocks per class.
  public var blocks: [String: Int]
  /// Medians over the blocks; nil where a reading is not to be had.
  public var stealShare: Double?
  public var foreignCPUShare: Double?
  public var runDelayShare: Double?
  /// Coefficient of variation of the canary within a block.
  public var canaryVariation: Double?
  /// The headline estimates with the voided blocks put back, so that voiding can be seen to decide nothing.
  public var withVoided: [WithVoided]

  /// One claim's quantity over all blocks, voided ones included.
  public struct WithVoided: Codable, Sendable, Equatable {
    public var claim: String
    public var interval: IntervalEstimate
    public init(claim: String, interval: IntervalEstimate) {
      self.claim = claim
      self.interval = interval
    }
  }

  enum CodingKeys: String, CodingKey {
    case overall, blocks
    case stealShare = "steal_share"
    case foreignCPUShare = "foreign_cpu_share"
    case runDelayShare = "run_delay_share"
    case canaryVariation = "canary_variation"
    case withVoided = "with_voided"
  }

  public init(
    overall: HostNoise, blocks: [String: Int], stealShare: Double?, foreignCPUShare: Double?, runDelayShare: Double?,
    canaryVariation: Double?, withVoided: [WithVoided]
  ) {
    self.overall = overall
    self.blocks = blocks
    self.stealShare = stealShare
    self.foreignCPUShare = foreignCPUShare
    self.runDelayShare = runDelayShare
    self.canaryVariation = canaryVariation
    self.withVoided = withVoided
  }
}
