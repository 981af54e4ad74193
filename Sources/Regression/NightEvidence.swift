public import Foundation
public import Model

/// The history that a night is held against: what the finished nights of its epoch had, oldest first.
public struct NightHistory: Sendable, Equatable {
  /// A night of the history.
  public struct Night: Sendable, Equatable {
    public var id: String
    public var started: Date

    public init(id: String, started: Date) {
      self.id = id
      self.started = started
    }
  }

  public var nights: [Night]
  public var series: [HistorySeries]
  /// `values[series][night]`, in the unit of the series' quantity; nil where a night lacks it.
  public var values: [[Double?]]

  public init(nights: [Night], series: [HistorySeries], values: [[Double?]]) {
    precondition(values.count == series.count, "a row of values for each series")
    precondition(values.allSatisfy { $0.count == nights.count }, "a value, or none, for each night")
    self.nights = nights
    self.series = series
    self.values = values
  }
}

/// One worker held against another in fresh blocks, as the confirmation measured it.
public struct WorkerDuel: Sendable, Equatable {
  public var scenario: String
  public var workload: String
  public var environment: String
  public var metric: Metric
  /// The natural logarithms of today's worker ÷ the pinned one, one a valid block; empty where there is an ``obstacle``.
  public var differences: [Double]
  /// Why nothing can be said, a phrase; nil if something can.
  public var obstacle: String?
  /// Whether it is the user's own program that was held against its last good build, with the same worker.
  public var isProgram: Bool

  /// What it is held against, in words.
  var good: String { isProgram ? "the last good build" : "the pinned worker" }

  public init(
    scenario: String, workload: String, environment: String, metric: Metric, differences: [Double], obstacle: String?,
    isProgram: Bool = false
  ) {
    self.scenario = scenario
    self.workload = workload
    self.environment = environment
    self.metric = metric
    self.differences = differences
    self.obstacle = obstacle
    self.isProgram = isProgram
  }
}

/// Everything that a night's verdict is reached from.
public struct NightEvidence: Sendable {
  /// A run of the night, analysed.
  public struct Run: Sendable {
    public var role: NightRecord.Part.Role
    public var result: RunResult

    public init(role: NightRecord.Part.Role, result: RunResult) {
      self.role = role
      self.result = result
    }
  }

  public var night: NightResult.Night
  public var epoch: NightResult.EpochState
  /// All of tonight, in the order in which they were measured.
  public var runs: [Run]
  public var selfTest: NightResult.SelfTest
  /// What tonight's worker is held against; nil on the first night.
  public var baseline: PinnedBaseline?
  /// Of tonight's epoch, without tonight.
  public var history: NightHistory
  /// What each series had in the last night before the epoch, where tonight opens it.
  public var before: [HistorySeries: Double]
  /// What the counted series had in the night that is good: the baseline's own, else the last that was clean.
  public var goodCounts: [HistorySeries: Double]
  /// Fresh blocks of today's worker against the pinned one; empty where they are one and the same.
  public var duels: [WorkerDuel]
  /// Why some of what had to be confirmed was not, a sentence; nil where all was.
  public var confirmationObstacle: String?
  /// What a reader should know, sentences.
  public var notes: [String]

  public init(
    night: NightResult.Night, epoch: NightResult.EpochState, runs: [Run], selfTest: NightResult.SelfTest,
    baseline: PinnedBaseline?, history: NightHistory, before: [HistorySeries: Double],
    goodCounts: [HistorySeries: Double], duels: [WorkerDuel], confirmationObstacle: String? = nil, notes: [String] = []
  ) {
    self.night = night
    self.epoch = epoch
    self.runs = runs
    self.selfTest = selfTest
    self.baseline = baseline
    self.history = history
    self.before = before
    self.goodCounts = goodCounts
    self.duels = duels
    self.confirmationObstacle = confirmationObstacle
    self.notes = notes
  }

  /// Whether tonight's worker is the pinned one itself, which cannot have become slower than itself.
  public var isWorkerPinned: Bool { baseline.map { $0.workerSHA256 == night.workerSHA256 } ?? true }

  /// The runs of the suite.
  public var suiteRuns: [RunResult] { runs.filter { $0.role == .suite }.map(\.result) }

  /// What tonight adds to history, in the order of the suite.
  public var values: [SeriesValue] { suiteRuns.flatMap { SeriesValues.values(of: $0) } }
}
