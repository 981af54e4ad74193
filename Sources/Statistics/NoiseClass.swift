/// How quiet the host was during a block.
public enum NoiseClass: String, Sendable, Equatable, Codable, CaseIterable {
  /// Nothing else was going on.
  case quiet
  /// Could not be read: neither quiet nor a reason to refuse.
  case unknown
  /// Something else was going on; differences need more blocks.
  case noisy
  /// Too much else was going on for any verdict.
  case hostile
}

extension NoiseClass: Comparable {
  /// From better to worse: quiet, unknown, noisy, hostile.
  public static func < (left: NoiseClass, right: NoiseClass) -> Bool { left.severity < right.severity }

  private var severity: Int {
    switch self {
    case .quiet: 0
    case .unknown: 1
    case .noisy: 2
    case .hostile: 3
    }
  }
}

extension NoiseClass {
  /// The kinds of evidence and where their classes end.
  public enum Evidence: String, Sendable, Equatable, Codable, CaseIterable {
    /// Time the hypervisor gave to others ÷ time, from 0 to 1.
    case stealShare
    /// Time other processes used on the CPUs of the measurement ÷ time, from 0 to 1.
    case foreignCPUShare
    /// Time the workers waited for a CPU ÷ time they ran.
    case runDelayShare
    /// Coefficient of variation of a fixed piece of work, run again and again.
    case canaryCV

    /// Below this the host is quiet.
    public var quietLimit: Double {
      switch self {
      case .stealShare: 0.001
      case .foreignCPUShare: 0.01
      case .runDelayShare: 0.005
      case .canaryCV: 0.01
      }
    }

    /// Below this, and not quiet, the host is noisy; from here on it is hostile.
    public var noisyLimit: Double {
      switch self {
      case .stealShare: 0.02
      case .foreignCPUShare: 0.1
      case .runDelayShare: 0.05
      case .canaryCV: 0.05
      }
    }

    /// The class of one reading; nil, NaN or a negative number could not be read.
    public func classify(_ reading: Double?) -> NoiseClass {
      guard let reading, reading >= 0 else { return .unknown }
      if reading < quietLimit { return .quiet }
      return reading < noisyLimit ? .noisy : .hostile
    }
  }
}

/// The readings of one block, each a share (0.01 is 1 %), nil where the host does not tell.
public struct NoiseReadings: Sendable, Equatable, Codable {
  /// Time the hypervisor gave to others ÷ time.
  public var stealShare: Double?
  /// Time other processes used on the CPUs of the measurement ÷ time.
  public var foreignCPUShare: Double?
  /// Time the workers waited for a CPU ÷ time they ran.
  public var runDelayShare: Double?
  /// Coefficient of variation of a fixed piece of work, run again and again.
  public var canaryCV: Double?

  /// What was read; what is left out could not be.
  public init(
    stealShare: Double? = nil, foreignCPUShare: Double? = nil, runDelayShare: Double? = nil, canaryCV: Double? = nil
  ) {
    self.stealShare = stealShare
    self.foreignCPUShare = foreignCPUShare
    self.runDelayShare = runDelayShare
    self.canaryCV = canaryCV
  }

  /// The reading of one kind of evidence.
  public subscript(evidence: NoiseClass.Evidence) -> Double? {
    switch evidence {
    case .stealShare: stealShare
    case .foreignCPUShare: foreignCPUShare
    case .runDelayShare: runDelayShare
    case .canaryCV: canaryCV
    }
  }

  /// The class by one kind of evidence alone.
  public func noiseClass(by evidence: NoiseClass.Evidence) -> NoiseClass { evidence.classify(self[evidence]) }

  /// The class of the block: hostile or noisy if any evidence says so, else unknown if any evidence is missing, and
  /// quiet only where all four were read and all four are quiet. What cannot be read never makes a host quiet, nor
  /// does it hide what was read.
  public var noiseClass: NoiseClass {
    NoiseClass.Evidence.allCases.map { noiseClass(by: $0) }.max() ?? .unknown
  }
}
