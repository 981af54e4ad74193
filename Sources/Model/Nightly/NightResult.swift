public import Foundation

/// A finished night: the model from which every report and export of `bench nightly` is rendered, and, encoded as JSON
/// with its keys in snake case, the file `bench.night/1` (docs/bench.night.schema.json). No renderer computes.
///
/// Everywhere a ratio above 1 means "more", and whether more is worse is the metric's to say (``Metric/isCost``).
public struct NightResult: Codable, Sendable, Equatable {
  public static let currentSchema = "bench.night/1"

  public var schema: String
  public var night: Night
  public var verdict: NightVerdict
  /// One sentence: why the verdict is what it is. A regression is named by series in it.
  public var reason: String
  /// The process's exit code.
  public var exit: Int32
  public var epoch: EpochState
  /// What no verdict can be had of, and what a reader should know: sentences, the gravest first.
  public var objections: [String]
  public var notes: [String]
  public var selfTest: SelfTest
  /// What tonight's worker was held against; nil on the first night.
  public var baseline: PinnedBaseline?
  public var screening: Screening
  /// Every series that tonight has, in the order of the suite.
  public var series: [Series]
  /// What was measured again, in the order of ``series``.
  public var confirmations: [Confirmation]
  /// Of the epoch's history with tonight, newest first.
  public var changePoints: [ChangePoint]
  /// The runs that it was made from.
  public var runs: [Run]

  enum CodingKeys: String, CodingKey {
    case schema, night, verdict, reason, exit, epoch, objections, notes
    case selfTest = "self_test"
    case baseline, screening, series, confirmations
    case changePoints = "change_points"
    case runs
  }

  public init(
    schema: String = NightResult.currentSchema, night: Night, verdict: NightVerdict, reason: String,
    epoch: EpochState, objections: [String], notes: [String], selfTest: SelfTest, baseline: PinnedBaseline?,
    screening: Screening, series: [Series], confirmations: [Confirmation], changePoints: [ChangePoint], runs: [Run]
  ) {
    self.schema = schema
    self.night = night
    self.verdict = verdict
    self.reason = reason
    self.exit = verdict.exitStatus.rawValue
    self.epoch = epoch
    self.objections = objections
    self.notes = notes
    self.selfTest = selfTest
    self.baseline = baseline
    self.screening = screening
    self.series = series
    self.confirmations = confirmations
    self.changePoints = changePoints
    self.runs = runs
  }

  // MARK: - Parts

  public struct Night: Codable, Sendable, Equatable {
    public var id: String
    public var suite: String
    public var title: String
    public var started: Date
    public var finished: Date
    public var host: HostFacts
    public var workerSHA256: String
    public var version: String
    public var seed: UInt64
    /// The command that does it again.
    public var command: String

    enum CodingKeys: String, CodingKey {
      case id, suite, title, started, finished, host
      case workerSHA256 = "worker_sha256"
      case version, seed, command
    }

    public init(
      id: String, suite: String, title: String, started: Date, finished: Date, host: HostFacts, workerSHA256: String,
      version: String, seed: UInt64, command: String
    ) {
      self.id = id
      self.suite = suite
      self.title = title
      self.started = started
      self.finished = finished
      self.host = host
      self.workerSHA256 = workerSHA256
      self.version = version
      self.seed = seed
      self.command = command
    }
  }

  public struct EpochState: Codable, Sendable, Equatable {
    /// From 1.
    public var number: Int
    public var started: Date
    /// Nights of this epoch before tonight that count.
    public var nights: Int
    /// Whether tonight opens it.
    public var isNew: Bool
    /// In what it differs from the epoch before; empty unless it is new.
    public var changes: [FactDifference]

    enum CodingKeys: String, CodingKey {
      case number, started, nights
      case isNew = "is_new"
      case changes
    }

    public init(number: Int, started: Date, nights: Int, isNew: Bool, changes: [FactDifference]) {
      self.number = number
      self.started = started
      self.nights = nights
      self.isNew = isNew
      self.changes = changes
    }
  }

  /// The detector's own test: a slowdown of known size that has to be found.
  public struct SelfTest: Codable, Sendable, Equatable {
    /// `workload` in `environment` of `scenario`.
    public var scenario: String
    public var workload: String
    public var environment: String
    public var metric: Metric
    /// What was put in, as a ratio: 1.1.
    public var injected: Double
    /// What was seen, slowed ÷ plain; nil if nothing could be estimated.
    public var ratio: IntervalEstimate?
    /// One-sided, of "not slower".
    public var pValue: Double?
    public var isFound: Bool
    /// One sentence; nil where it was found.
    public var reason: String?

    enum CodingKeys: String, CodingKey {
      case scenario, workload, environment, metric, injected, ratio
      case pValue = "p_value"
      case isFound = "is_found"
      case reason
    }

    public init(
      scenario: String, workload: String, environment: String, metric: Metric, injected: Double,
      ratio: IntervalEstimate?, pValue: Double?, isFound: Bool, reason: String? = nil
    ) {
      self.scenario = scenario
      self.workload = workload
      self.environment = environment
      self.metric = metric
      self.injected = injected
      self.ratio = ratio
      self.pValue = pValue
      self.isFound = isFound
      self.reason = reason
    }
  }

  public struct Screening: Codable, Sendable, Equatable {
    /// Nights that tonight was held against.
    public var nights: Int
    /// Nights that it takes before anything is screened.
    public var needed: Int
    /// How far tonight lies from its history in all series alike, as a ratio, which was taken out of each; nil where
    /// nothing was screened.
    public var common: Double?
    /// Series that were screened, and those of them that were flagged.
    public var screened: Int
    public var flagged: Int

    public init(nights: Int, needed: Int, common: Double?, screened: Int, flagged: Int) {
      self.nights = nights
      self.needed = needed
      self.common = common
      self.screened = screened
      self.flagged = flagged
    }
  }

  public struct Series: Codable, Sendable, Equatable {
    public enum State: String, Codable, Sendable, CaseIterable {
      /// History is too short to hold it against.
      case collecting
      /// Within what its history does.
      case steady
      /// Further from its history than chance explains, and looked at again: not worse, or not confirmed.
      case cleared
      /// Worse, and confirmed: a regression.
      case worse
      /// A count that is not what it was in the last good night, in whichever direction: that fails, too.
      case changed
      /// Flagged, but not to be confirmed tonight.
      case open
      /// Better by more than chance explains. Nothing fails.
      case better
      /// It has moved with the host's epoch. Nothing fails.
      case shifted
      /// Further from its history than chance explains while the worker is the pinned one: of the host, reported.
      case moved
      /// It is only shown.
      case shown

      /// Whether the night is a regression for it.
      public var fails: Bool { self == .worse || self == .changed }
    }

    public var series: HistorySeries
    public var unit: Metric.Unit
    public var state: State
    public var value: Double
    public var low: Double?
    public var high: Double?
    /// The median of its history in this epoch; of a new epoch, of the epoch before. nil where there is none.
    public var expected: Double?
    /// value ÷ expected, less what all series did alike; nil where there is no history.
    public var shift: Double?
    /// How many standard deviations of its history that is; nil where it was not screened.
    public var t: Double?
    public var pValue: Double?
    /// Its values in the nights before, oldest first, at most 30.
    public var recent: [Double]
    /// Why it is in its state; nil where that needs no words.
    public var reason: String?

    enum CodingKeys: String, CodingKey {
      case series, unit, state, value, low, high, expected, shift, t
      case pValue = "p_value"
      case recent, reason
    }

    public init(
      series: HistorySeries, unit: Metric.Unit, state: State, value: Double, low: Double? = nil, high: Double? = nil,
      expected: Double? = nil, shift: Double? = nil, t: Double? = nil, pValue: Double? = nil, recent: [Double] = [],
      reason: String? = nil
    ) {
      self.series = series
      self.unit = unit
      self.state = state
      self.value = value
      self.low = low
      self.high = high
      self.expected = expected
      self.shift = shift
      self.t = t
      self.pValue = pValue
      self.recent = recent
      self.reason = reason
    }
  }

  /// Fresh blocks, in which today's worker and the pinned one took turns in the same environment.
  public struct Confirmation: Codable, Sendable, Equatable {
    public var scenario: String
    public var workload: String
    public var environment: String
    public var metric: Metric
    /// Valid blocks.
    public var blocks: Int
    /// Today's ÷ the pinned worker's.
    public var ratio: IntervalEstimate?
    /// One-sided, of "not worse", and the same after Holm over all that was confirmed tonight.
    public var pValue: Double?
    public var adjustedP: Double?
    public var isWorse: Bool
    /// Whether it is the user's own program that was held against its last good build; nil of the worker.
    public var isProgram: Bool?
    /// One sentence, in either case.
    public var reason: String

    enum CodingKeys: String, CodingKey {
      case scenario, workload, environment, metric, blocks, ratio
      case pValue = "p_value"
      case adjustedP = "adjusted_p"
      case isWorse = "is_worse"
      case isProgram = "is_program"
      case reason
    }

    public init(
      scenario: String, workload: String, environment: String, metric: Metric, blocks: Int, ratio: IntervalEstimate?,
      pValue: Double?, adjustedP: Double?, isWorse: Bool, isProgram: Bool? = nil,
      reason: String
    ) {
      self.scenario = scenario
      self.workload = workload
      self.environment = environment
      self.metric = metric
      self.blocks = blocks
      self.ratio = ratio
      self.pValue = pValue
      self.adjustedP = adjustedP
      self.isWorse = isWorse
      self.isProgram = isProgram
      self.reason = reason
    }
  }

  /// Where a series changed its level and stayed there.
  public struct ChangePoint: Codable, Sendable, Equatable {
    public var series: HistorySeries
    /// The first night of the new level.
    public var night: String
    public var started: Date
    /// Nights since then, the first and tonight included.
    public var nights: Int
    /// The levels, in the unit of the series' quantity.
    public var before: Double
    public var after: Double
    public var pValue: Double

    enum CodingKeys: String, CodingKey {
      case series, night, started, nights, before, after
      case pValue = "p_value"
    }

    public init(
      series: HistorySeries, night: String, started: Date, nights: Int, before: Double, after: Double, pValue: Double
    ) {
      self.series = series
      self.night = night
      self.started = started
      self.nights = nights
      self.before = before
      self.after = after
      self.pValue = pValue
    }

    /// Whether the new level is worse.
    public var isWorse: Bool { series.isCost ? after > before : after < before }
  }

  public struct Run: Codable, Sendable, Equatable {
    public var role: NightRecord.Part.Role
    public var id: String
    public var scenario: String
    public var validBlocks: Int
    public var voidedBlocks: Int
    public var noise: HostNoise
    public var seconds: Double

    enum CodingKeys: String, CodingKey {
      case role, id, scenario
      case validBlocks = "valid_blocks"
      case voidedBlocks = "voided_blocks"
      case noise, seconds
    }

    public init(
      role: NightRecord.Part.Role, id: String, scenario: String, validBlocks: Int, voidedBlocks: Int, noise: HostNoise,
      seconds: Double
    ) {
      self.role = role
      self.id = id
      self.scenario = scenario
      self.validBlocks = validBlocks
      self.voidedBlocks = voidedBlocks
      self.noise = noise
      self.seconds = seconds
    }
  }
}
