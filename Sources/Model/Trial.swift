public import Foundation

/// One fresh environment, fresh worker processes, a warm-up and one measured window: the unit of replication.
public struct Trial: Codable, Sendable, Equatable {
  /// The block it belongs to, from 0, counting attempts: a voided block and its repetition have different numbers.
  public var block: Int
  /// Its place in the block's random order, from 0.
  public var position: Int
  public var environment: String
  /// True for the second copy of the baseline in each block (`native′`), the A/A twin.
  public var isControl: Bool
  /// True for a trial with taps on: it tells what happens inside the path, and what looking costs. Latencies of
  /// claims and tables come from trials with taps off alone.
  public var isCaptured: Bool
  /// The workload's name in the scenario.
  public var workload: String
  public var started: Date
  /// The measured length of the window, in ns.
  public var windowNanoseconds: UInt64
  /// The metrics that the trial yielded, each in its unit.
  public var values: [Metric: Double]
  /// Metrics that this trial could not yield, and why.
  public var unavailable: [Metric: String]
  public var histogram: LatencyHistogram
  public var messages: MessageCounts
  public var attestation: Attestation
  public var noise: TrialNoise
  /// What the taps saw; nil for a trial with taps off.
  public var hops: TrialHops?
  /// After each rebuild, of a trial that rebuilds an image.
  public var growth: [ImageUsage]?

  public init(
    block: Int, position: Int, environment: String, isControl: Bool, isCaptured: Bool = false, workload: String,
    started: Date, windowNanoseconds: UInt64, values: [Metric: Double], unavailable: [Metric: String] = [:],
    histogram: LatencyHistogram, messages: MessageCounts, attestation: Attestation, noise: TrialNoise,
    hops: TrialHops? = nil, growth: [ImageUsage]? = nil
  ) {
    self.block = block
    self.position = position
    self.environment = environment
    self.isControl = isControl
    self.isCaptured = isCaptured
    self.workload = workload
    self.started = started
    self.windowNanoseconds = windowNanoseconds
    self.values = values
    self.unavailable = unavailable
    self.histogram = histogram
    self.messages = messages
    self.attestation = attestation
    self.noise = noise
    self.hops = hops
    self.growth = growth
  }
}

/// What became of the messages of one window, as the client saw it.
public struct MessageCounts: Codable, Sendable, Equatable {
  /// Requests handed to the kernel.
  public var sent: UInt64
  /// Round trips that became samples.
  public var completed: UInt64
  /// Requests without a reply within the time-out.
  public var lost: UInt64
  /// Replies to a request that had already timed out.
  public var late: UInt64
  /// Second replies to a request already answered.
  public var duplicate: UInt64
  /// Messages that are no reply of this run at all.
  public var foreign: UInt64

  public init(
    sent: UInt64, completed: UInt64, lost: UInt64 = 0, late: UInt64 = 0, duplicate: UInt64 = 0, foreign: UInt64 = 0
  ) {
    self.sent = sent
    self.completed = completed
    self.lost = lost
    self.late = late
    self.duplicate = duplicate
    self.foreign = foreign
  }
}

/// Whether the packets of a trial took the path that its environment declares.
public struct Attestation: Codable, Sendable, Equatable {
  /// One interface's part.
  public struct Hop: Codable, Sendable, Equatable {
    /// Where the interface is: the role of its namespace ("client", "server", "switch", "host").
    public var namespace: String
    public var interface: String
    /// Whether the environment declares this interface to be on the path.
    public var isDeclared: Bool
    /// Packets that the path must have sent and received here, at the least; 0 for an undeclared interface.
    public var expected: UInt64
    /// Packets by which the interface's counters grew.
    public var transmitted: UInt64
    public var received: UInt64

    public init(
      namespace: String, interface: String, isDeclared: Bool, expected: UInt64, transmitted: UInt64, received: UInt64
    ) {
      self.namespace = namespace
      self.interface = interface
      self.isDeclared = isDeclared
      self.expected = expected
      self.transmitted = transmitted
      self.received = received
    }
  }

  public var hops: [Hop]
  /// Why the trial does not count; empty when the path is attested.
  public var failures: [String]

  public init(hops: [Hop], failures: [String]) {
    self.hops = hops
    self.failures = failures
  }

  public var isPassed: Bool { failures.isEmpty }
}

/// Readings taken around one trial's window that do not look at its outcome. nil is "could not be read".
public struct TrialNoise: Codable, Sendable, Equatable {
  /// The part of the window's CPU time (on the CPUs in use) that the hypervisor took: 0...1.
  public var stealShare: Double?
  /// The part of the CPU time on the CPUs in use that neither worker used and that was not idle: 0...1.
  public var foreignCPUShare: Double?
  /// Time the workers were runnable but waiting for their CPU, divided by the time they ran.
  public var runDelayShare: Double?
  /// ns that a fixed piece of work took on the client's CPU, before the window.
  public var canaryNanoseconds: Double?
  /// Growth of (CLOCK_REALTIME − CLOCK_MONOTONIC) over the window, in ns: a clock step shows here.
  public var clockStepNanoseconds: Int64?

  public init(
    stealShare: Double? = nil, foreignCPUShare: Double? = nil, runDelayShare: Double? = nil,
    canaryNanoseconds: Double? = nil, clockStepNanoseconds: Int64? = nil
  ) {
    self.stealShare = stealShare
    self.foreignCPUShare = foreignCPUShare
    self.runDelayShare = runDelayShare
    self.canaryNanoseconds = canaryNanoseconds
    self.clockStepNanoseconds = clockStepNanoseconds
  }
}

/// One trial of every environment (and of the control) for every workload, in random order.
public struct BlockRecord: Codable, Sendable, Equatable {
  /// From 0, counting attempts.
  public var index: Int
  /// Evidence that the block's numbers cannot be trusted, found without looking at them; empty for a valid block.
  public var voidReasons: [String]
  public var noiseClass: HostNoise

  public init(index: Int, voidReasons: [String], noiseClass: HostNoise) {
    self.index = index
    self.voidReasons = voidReasons
    self.noiseClass = noiseClass
  }

  public var isVoid: Bool { !voidReasons.isEmpty }
}

/// How disturbed the host was.
public enum HostNoise: String, Codable, Sendable, CaseIterable {
  case quiet, noisy, hostile
  /// Something that decides could not be read.
  case unknown
}
