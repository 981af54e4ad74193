public import Foundation

/// Two runs held against each other, of one host or of two: the model from which every report of `bench compare` is
/// rendered, and, encoded as JSON, the file `bench.comparison/1` (docs/bench.comparison.schema.json).
///
/// Everywhere A is what B is held against: a ratio is B ÷ A, a difference B − A.
public struct RunComparison: Codable, Sendable, Equatable {
  public static let currentSchema = "bench.comparison/1"

  public var schema: String
  public var a: ComparedRun
  public var b: ComparedRun
  /// The nominal confidence of every interval.
  public var confidence: Double
  /// What keeps findings from being had, first that of A. Empty where nothing does.
  public var objections: [Objection]
  /// In which facts the runs differ.
  public var differences: [FactDifference]
  /// Workloads of one name that are not the same work, so that nothing of them is compared.
  public var refused: [RefusedWorkload]
  /// What B has no value of, by name.
  public var onlyInA: [SeriesName]
  /// What A has no value of.
  public var onlyInB: [SeriesName]
  /// What both have, in the order of A's table.
  public var series: [ComparedSeries]

  enum CodingKeys: String, CodingKey {
    case schema, a, b, confidence, objections, differences, refused
    case onlyInA = "only_in_a"
    case onlyInB = "only_in_b"
    case series
  }

  public init(
    schema: String = RunComparison.currentSchema, a: ComparedRun, b: ComparedRun, confidence: Double,
    objections: [Objection], differences: [FactDifference], refused: [RefusedWorkload], onlyInA: [SeriesName],
    onlyInB: [SeriesName], series: [ComparedSeries]
  ) {
    self.schema = schema
    self.a = a
    self.b = b
    self.confidence = confidence
    self.objections = objections
    self.differences = differences
    self.refused = refused
    self.onlyInA = onlyInA
    self.onlyInB = onlyInB
    self.series = series
  }

  /// Whether anything may be concluded at all, be it that nothing has changed as far as could be seen.
  public var hasFinding: Bool {
    series.contains { $0.level?.isConclusive ?? false || $0.overhead?.isConclusive ?? false }
  }
}

/// Which of two runs.
public enum RunSide: String, Codable, Sendable, CaseIterable {
  case a, b
}

/// One of two runs, as far as it matters to their comparison.
public struct ComparedRun: Codable, Sendable, Equatable {
  public var id: String
  public var scenario: String
  public var title: String
  public var profile: ProfileName
  public var started: Date
  public var host: HostFacts
  public var workerSHA256: String
  public var version: String
  public var command: String
  public var baseline: String
  public var windowMilliseconds: Int
  public var validBlocks: Int
  public var voidedBlocks: Int
  public var noise: HostNoise
  /// The kinds of those workloads that are compared, by name.
  public var kinds: [String: WorkloadSpec.Kind]

  enum CodingKeys: String, CodingKey {
    case id, scenario, title, profile, started, host
    case workerSHA256 = "worker_sha256"
    case version, command, baseline
    case windowMilliseconds = "window_ms"
    case validBlocks = "valid_blocks"
    case voidedBlocks = "voided_blocks"
    case noise, kinds
  }

  public init(_ result: RunResult) {
    let run = result.run
    id = run.id
    scenario = run.scenario
    title = run.title
    profile = run.profile
    started = run.started
    host = run.host
    workerSHA256 = run.workerSHA256
    version = run.version
    command = run.command
    baseline = run.baseline
    windowMilliseconds = run.windowMilliseconds
    validBlocks = run.validBlocks
    voidedBlocks = run.voidedBlocks
    noise = result.noise.overall
    kinds = Dictionary(result.workloads.map { ($0.name, $0.kind) }, uniquingKeysWith: { first, _ in first })
  }
}

/// Why no finding can be had of a run, or of one of its workloads.
public struct Objection: Codable, Sendable, Equatable {
  public var run: RunSide
  /// nil is the whole run.
  public var workload: String?
  /// A sentence.
  public var reason: String
  /// Whether it touches counts that are the same in every trial, too, which no disturbance changes.
  public var touchesCounts: Bool

  enum CodingKeys: String, CodingKey {
    case run, workload, reason
    case touchesCounts = "touches_counts"
  }

  public init(run: RunSide, workload: String? = nil, reason: String, touchesCounts: Bool) {
    self.run = run
    self.workload = workload
    self.reason = reason
    self.touchesCounts = touchesCounts
  }
}

/// A fact in which the runs differ.
public struct FactDifference: Codable, Sendable, Equatable {
  /// What a difference in it can do to the numbers.
  public enum Kind: String, Codable, Sendable, CaseIterable {
    /// What measures is not the same program: a change may be its own.
    case program
    /// What is measured is not the same: other work, another path.
    case work
    /// Where it is measured.
    case host
    /// How often, how long, in which order.
    case sampling
  }

  public var kind: Kind
  /// What differs, e.g. "kernel".
  public var subject: String
  /// Its value in A; "unknown" and "none" are said in words.
  public var a: String
  public var b: String

  public init(_ kind: Kind, _ subject: String, a: String, b: String) {
    self.kind = kind
    self.subject = subject
    self.a = a
    self.b = b
  }
}

/// A workload that bears one name in both runs but is not the same work.
public struct RefusedWorkload: Codable, Sendable, Equatable {
  public var workload: String
  /// What it is in A, in words.
  public var a: String
  public var b: String

  public init(workload: String, a: String, b: String) {
    self.workload = workload
    self.a = a
    self.b = b
  }
}

/// What names a series.
public struct SeriesName: Codable, Sendable, Equatable, Hashable {
  public var environment: String
  public var workload: String
  public var metric: Metric

  public init(environment: String, workload: String, metric: Metric) {
    self.environment = environment
    self.workload = workload
    self.metric = metric
  }
}

/// A series that both runs have.
public struct ComparedSeries: Codable, Sendable, Equatable {
  public var environment: String
  public var workload: String
  public var metric: Metric
  public var unit: Metric.Unit
  /// The medians of the trials, in ``unit``.
  public var medianA: Double
  public var medianB: Double
  /// Environment ÷ baseline as each run's own result has it; nil for the baseline itself and where there is none.
  public var ratioA: Double?
  public var ratioB: Double?
  /// B's values against A's; nil where there is no estimate, for the reason of ``levelNote``.
  public var level: SeriesChange?
  public var levelNote: String?
  /// Environment ÷ baseline in B against the same in A, each paired by block within its run, so that a host that is faster
  /// altogether does not show. nil for the baseline itself and where there is no estimate (``overheadNote``).
  public var overhead: SeriesChange?
  public var overheadNote: String?

  enum CodingKeys: String, CodingKey {
    case environment, workload, metric, unit
    case medianA = "median_a"
    case medianB = "median_b"
    case ratioA = "ratio_a"
    case ratioB = "ratio_b"
    case level
    case levelNote = "level_note"
    case overhead
    case overheadNote = "overhead_note"
  }

  public init(
    environment: String, workload: String, metric: Metric, medianA: Double, medianB: Double, ratioA: Double? = nil,
    ratioB: Double? = nil, level: SeriesChange? = nil, levelNote: String? = nil, overhead: SeriesChange? = nil,
    overheadNote: String? = nil
  ) {
    self.environment = environment
    self.workload = workload
    self.metric = metric
    unit = metric.unit
    self.medianA = medianA
    self.medianB = medianB
    self.ratioA = ratioA
    self.ratioB = ratioB
    self.level = level
    self.levelNote = levelNote
    self.overhead = overhead
    self.overheadNote = overheadNote
  }
}

/// How B lies to A.
public struct SeriesChange: Codable, Sendable, Equatable {
  public enum Scale: String, Codable, Sendable, CaseIterable {
    /// B ÷ A.
    case ratio
    /// B − A, in the metric's unit: where a value is 0 or less.
    case difference
    /// B ÷ A (B − A where A is 0) of counts that each run repeats in every trial: a number without an interval.
    case exactRatio = "exact-ratio"
    case exactDifference = "exact-difference"

    public var isRatio: Bool { self == .ratio || self == .exactRatio }
    public var isExact: Bool { self == .exactRatio || self == .exactDifference }
  }

  public enum Finding: String, Codable, Sendable, CaseIterable {
    /// The whole interval lies above "no difference"; of counts, the number is larger.
    case higher
    /// The whole interval lies below it; of counts, the number is smaller.
    case lower
    /// One number in both runs: of counts, to within ``SeriesResult/agreement``; of others, in every trial.
    case same
    /// The interval contains "no difference": none was found that is as large as ``SeriesChange/minimumDetectableEffect``.
    case noDifferenceFound = "no-difference-found"
    /// Nothing may be concluded, for the reason of ``SeriesChange/obstacle``.
    case undecided
  }

  public var scale: Scale
  public var estimate: Double
  /// nil of counts.
  public var low: Double?
  public var high: Double?
  public var confidence: Double?
  /// How many values of each run the interval rests on.
  public var nA: Int
  public var nB: Int
  /// The smallest change that the interval would have told from none: as a ratio − 1, or in the unit.
  public var minimumDetectableEffect: Double?
  /// The correlation of neighbouring blocks in each run.
  public var lag1A: Double?
  public var lag1B: Double?
  /// How many neighbouring blocks of each run were merged into one because of it (1: none).
  public var mergedBlocks: Int
  /// Two-sided p-value of "no difference".
  public var pValue: Double?
  /// The same, adjusted over all intervals of the comparison by Benjamini and Hochberg.
  public var qValue: Double?
  public var finding: Finding
  /// Why nothing may be concluded; nil where something may.
  public var obstacle: String?

  enum CodingKeys: String, CodingKey {
    case scale, estimate, low, high, confidence
    case nA = "n_a"
    case nB = "n_b"
    case minimumDetectableEffect = "mde"
    case lag1A = "lag1_a"
    case lag1B = "lag1_b"
    case mergedBlocks = "merged_blocks"
    case pValue = "p_value"
    case qValue = "q_value"
    case finding, obstacle
  }

  public init(
    scale: Scale, estimate: Double, low: Double? = nil, high: Double? = nil, confidence: Double? = nil, nA: Int,
    nB: Int,
    minimumDetectableEffect: Double? = nil, lag1A: Double? = nil, lag1B: Double? = nil, mergedBlocks: Int = 1,
    pValue: Double? = nil, qValue: Double? = nil, finding: Finding, obstacle: String? = nil
  ) {
    self.scale = scale
    self.estimate = estimate
    self.low = low
    self.high = high
    self.confidence = confidence
    self.nA = nA
    self.nB = nB
    self.minimumDetectableEffect = minimumDetectableEffect
    self.lag1A = lag1A
    self.lag1B = lag1B
    self.mergedBlocks = mergedBlocks
    self.pValue = pValue
    self.qValue = qValue
    self.finding = finding
    self.obstacle = obstacle
  }

  public var isConclusive: Bool { finding != .undecided }
}
