public import Foundation

/// A night as stored: one execution of `bench nightly`, finished or not.
///
/// Its values are history only once it is finished: they, the verdict and the report are written in one transaction, so
/// that half a night never counts.
public struct NightRecord: Codable, Sendable, Equatable {
  /// How far a night has got. Each phase is entered when what it names is stored.
  public enum Phase: String, Codable, Sendable, CaseIterable {
    /// The plan is stored; the suite is being measured.
    case measuring
    /// All runs of the suite are stored; the detector is being tested.
    case testing
    /// The detector has been tested; what was flagged is being measured again.
    case confirming
    /// The night has its verdict, and counts.
    case finished
    /// It was left unfinished and cannot be gone on with; it never counts.
    case abandoned
  }

  /// A run that belongs to the night.
  public struct Part: Codable, Sendable, Equatable {
    public enum Role: String, Codable, Sendable, CaseIterable {
      /// Of the suite: its values become history.
      case suite
      /// The self-test of the detector.
      case selfTest = "self_test"
      /// Fresh blocks of today's worker against the pinned one.
      case confirmation
    }

    public var role: Role
    /// The place in the suite, from 0.
    public var index: Int
    /// The id of the run.
    public var run: String

    enum CodingKeys: String, CodingKey { case role, index, run }

    public init(role: Role, index: Int, run: String) {
      self.role = role
      self.index = index
      self.run = run
    }
  }

  /// E.g. `20261129-020000-7f3a`; sorts by time.
  public var id: String
  /// The suite's name, and a digest of what it says: of another suite, nothing is gone on with.
  public var suite: String
  public var suiteDigest: String
  public var started: Date
  public var finished: Date?
  public var phase: Phase
  /// From 1; nil until the host was looked at.
  public var epoch: Int?
  public var host: HostFacts
  /// SHA-256 of the worker that is under test, and of the pinned one that it is held against; nil where there is none.
  public var workerSHA256: String
  public var baselineSHA256: String?
  /// The version of the program.
  public var version: String
  /// What every random order of the night is drawn from.
  public var seed: UInt64
  /// In the order in which they were measured.
  public var parts: [Part]
  /// nil until it is finished.
  public var verdict: NightVerdict?
  /// One sentence; nil until it is finished.
  public var reason: String?

  public init(
    id: String, suite: String, suiteDigest: String, started: Date, finished: Date? = nil, phase: Phase = .measuring,
    epoch: Int? = nil, host: HostFacts, workerSHA256: String, baselineSHA256: String? = nil, version: String,
    seed: UInt64, parts: [Part] = [], verdict: NightVerdict? = nil, reason: String? = nil
  ) {
    self.id = id
    self.suite = suite
    self.suiteDigest = suiteDigest
    self.started = started
    self.finished = finished
    self.phase = phase
    self.epoch = epoch
    self.host = host
    self.workerSHA256 = workerSHA256
    self.baselineSHA256 = baselineSHA256
    self.version = version
    self.seed = seed
    self.parts = parts
    self.verdict = verdict
    self.reason = reason
  }
}

/// How a night ended.
public enum NightVerdict: String, Codable, Sendable, CaseIterable {
  /// Nothing is worse as far as could be seen. Exit 0.
  case clean
  /// At least one series is worse, and that was confirmed. Exit 1.
  case regression
  /// No answer could be had: a disturbed host, a failed control, a part that could not be measured in time. Exit 3.
  case inconclusive
  /// An environment that the suite names could not be measured at all. Exit 1: what watches has to notice.
  case incomplete
  /// The detector did not find a slowdown that was put there on purpose, so nothing else that it says counts. Exit 70.
  case blind

  public var exitStatus: ExitStatus {
    switch self {
    case .clean: .success
    case .regression, .incomplete: .failed
    case .inconclusive: .inconclusive
    case .blind: .internalError
    }
  }
}

/// A span of history in which host, kernel, engines and suite stayed the same.
public struct Epoch: Codable, Sendable, Equatable {
  /// A fact that makes up the fingerprint, e.g. "kernel" and "6.18.0-3-amd64".
  public struct Fact: Codable, Sendable, Equatable {
    public var subject: String
    public var value: String

    public init(_ subject: String, _ value: String) {
      self.subject = subject
      self.value = value
    }
  }

  /// From 1.
  public var number: Int
  /// When its first night began.
  public var started: Date
  /// In a fixed order; two lists that are equal are one epoch.
  public var fingerprint: [Fact]

  public init(number: Int, started: Date, fingerprint: [Fact]) {
    self.number = number
    self.started = started
    self.fingerprint = fingerprint
  }
}

/// A worker that others are held against, kept so that it can be run again.
public struct PinnedBaseline: Codable, Sendable, Equatable {
  /// SHA-256 of the worker, by which its file is kept.
  public var workerSHA256: String
  /// The night or the run that it measured; nil for one that was given as a file.
  public var origin: String?
  /// When it was pinned.
  public var pinned: Date
  /// Whether a person pinned it: then no clean night moves it on.
  public var isManual: Bool
  /// The fingerprint of the host that it was pinned on.
  public var fingerprint: [Epoch.Fact]

  enum CodingKeys: String, CodingKey {
    case workerSHA256 = "worker_sha256"
    case origin, pinned
    case isManual = "is_manual"
    case fingerprint
  }

  public init(
    workerSHA256: String, origin: String?, pinned: Date, isManual: Bool, fingerprint: [Epoch.Fact]
  ) {
    self.workerSHA256 = workerSHA256
    self.origin = origin
    self.pinned = pinned
    self.isManual = isManual
    self.fingerprint = fingerprint
  }
}
