public import Foundation

/// What this host's stored runs say about each claim of the article; encoded as JSON, `bench.claims-ledger/1`.
public struct ClaimsLedger: Codable, Sendable, Equatable {
  public static let currentSchema = "bench.claims-ledger/1"

  public var schema: String
  public var host: HostFingerprint
  public var counts: Counts
  /// In the order of the file of claims.
  public var claims: [Entry]
  public var leftOut: LeftOut

  enum CodingKeys: String, CodingKey {
    case schema, host, counts, claims
    case leftOut = "left_out"
  }

  public init(
    schema: String = ClaimsLedger.currentSchema, host: HostFingerprint, claims: [Entry], leftOut: LeftOut
  ) {
    self.schema = schema
    self.host = host
    self.claims = claims
    self.leftOut = leftOut
    counts = Counts(claims)
  }

  /// How a claim stands.
  public enum Verdict: String, Codable, Sendable, CaseIterable {
    case supported, refuted, inconclusive, unavailable
    /// No run of this host that counts has asked.
    case open

    public init(_ verdict: ClaimResult.Verdict) {
      self =
        switch verdict {
        case .supported: .supported
        case .refuted: .refuted
        case .inconclusive: .inconclusive
        case .unavailable: .unavailable
        }
    }

    /// Whether it says something about the claim.
    public var isDecided: Bool { self == .supported || self == .refuted }
  }

  /// Claims by verdict.
  public struct Counts: Codable, Sendable, Equatable {
    public var total: Int
    public var decided: Int
    public var supported: Int
    public var refuted: Int
    public var inconclusive: Int
    public var unavailable: Int
    public var open: Int
    /// Of the open ones, those that no scenario measures.
    public var unmeasured: Int

    init(_ claims: [Entry]) {
      func count(_ verdict: Verdict) -> Int { claims.count { $0.verdict == verdict } }
      total = claims.count
      supported = count(.supported)
      refuted = count(.refuted)
      inconclusive = count(.inconclusive)
      unavailable = count(.unavailable)
      open = count(.open)
      decided = supported + refuted
      unmeasured = claims.count { $0.verdict == .open && $0.scenarios.isEmpty }
    }
  }

  /// One claim.
  public struct Entry: Codable, Sendable, Equatable {
    public var claim: ArticleClaim
    public var verdict: Verdict
    /// What decided, or why nothing has yet; one line.
    public var reason: String
    /// The scenarios that measure it, by name.
    public var scenarios: [String]
    /// The run that the verdict is from; nil for open claims.
    public var run: Run?
    /// What that run's analysis says; nil for open claims. Its own verdict may be one that the run cannot bear.
    public var result: ClaimResult?
    /// Other runs of this host that counted and said something else, newest first.
    public var others: [Other]
    /// The command that would settle it; nil where it is settled, or no command can.
    public var settle: String?

    public init(
      claim: ArticleClaim, verdict: Verdict, reason: String, scenarios: [String], run: Run? = nil,
      result: ClaimResult? = nil, others: [Other] = [], settle: String? = nil
    ) {
      self.claim = claim
      self.verdict = verdict
      self.reason = reason
      self.scenarios = scenarios
      self.run = run
      self.result = result
      self.others = others
      self.settle = settle
    }
  }

  /// The run that a verdict is from.
  public struct Run: Codable, Sendable, Equatable {
    public var id: String
    public var scenario: String
    public var profile: ProfileName
    public var started: Date
    public var validBlocks: Int

    enum CodingKeys: String, CodingKey {
      case id, scenario, profile, started
      case validBlocks = "valid_blocks"
    }

    public init(_ run: RunSummary) {
      id = run.id
      scenario = run.scenario
      profile = run.profile
      started = run.started
      validBlocks = run.validBlocks
    }
  }

  /// What another run said.
  public struct Other: Codable, Sendable, Equatable {
    public var id: String
    public var started: Date
    public var verdict: Verdict

    public init(id: String, started: Date, verdict: Verdict) {
      self.id = id
      self.started = started
      self.verdict = verdict
    }
  }

  /// Runs that do not count, each counted once, by the first reason that applies in this order.
  public struct LeftOut: Codable, Sendable, Equatable {
    /// Runs that have not ended, were interrupted, or failed.
    public var unfinished = 0
    /// Tests of the detector: a slowdown was put into the worker on purpose.
    public var injected = 0
    /// From another host, kernel or processor.
    public var elsewhere = 0
    /// From before a scenario's claims were what they are: none of the run's claims is judged as it would be today.
    public var outdated = 0
    /// Older than the newest that were looked at, of each scenario.
    public var older = 0

    public init() {}

    public var total: Int { unfinished + injected + elsewhere + outdated + older }
  }
}

/// What makes two runs those of one host: numbers are comparable as long as none of it changes.
public struct HostFingerprint: Codable, Sendable, Hashable {
  public var hostname: String
  /// The kernel's release.
  public var kernel: String
  public var cpuModel: String?

  enum CodingKeys: String, CodingKey {
    case hostname, kernel
    case cpuModel = "cpu_model"
  }

  public init(hostname: String, kernel: String, cpuModel: String?) {
    self.hostname = hostname
    self.kernel = kernel
    self.cpuModel = cpuModel
  }

  public init(_ host: HostFacts) {
    self.init(hostname: host.hostname, kernel: host.kernel, cpuModel: host.cpuModel)
  }
}
