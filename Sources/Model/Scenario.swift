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
  /// Bytes of each file system that a run makes in an image file; nil is ``defaultImageSize``.
  public var imageSize: Int?
  public var claims: [ClaimSpec]

  /// Enough for the largest files of copy-up twice, and sparse: what is not written takes no room on the host.
  public static let defaultImageSize = 1 << 31

  public init(
    schema: String = Scenario.currentSchema, name: String, title: String, description: String, baseline: String,
    environments: [String], workloads: [WorkloadSpec], profiles: [ProfileName: Profile], capture: CaptureSpec? = nil,
    imageSize: Int? = nil, claims: [ClaimSpec]
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
    self.imageSize = imageSize
    self.claims = claims
  }
}

/// What runs: the kind of loop and everything that could change its cost.
public struct WorkloadSpec: Codable, Sendable, Equatable, Hashable {
  /// netperf's terms, where it has one.
  public enum Kind: String, Codable, Sendable, CaseIterable {
    /// Closed loop of requests and replies, one in flight on each connection.
    case udpRR = "udp-rr"
    case tcpRR = "tcp-rr"
    /// Connect, request, reply, close.
    case tcpCRR = "tcp-crr"
    /// Bulk one way, from client to server.
    case tcpStream = "tcp-stream"
    case udpStream = "udp-stream"
    /// Open loop: requests at a fixed rate, timed from when each was meant to be sent.
    case udpOpen = "udp-open"
    case tcpOpen = "tcp-open"
    /// The user's own server and client commands.
    case exec
    /// Files of a lower layer are opened for writing, written, written again, and changed in their metadata.
    case copyUp = "copy-up"
    /// Reads, writes or both at random places of one file that is the environment's own already.
    case randomIO = "random-io"
    /// The same, one place after the other.
    case sequentialIO = "sequential-io"
    /// Names looked up, files opened, directories listed.
    case lookup
    /// Files made, renamed, changed and removed.
    case metadata
    /// Pages of a file of a lower layer written through a mapping.
    case mmapWrite = "mmap-write"
    /// Transactions of SQLite, each on the disk before the next.
    case sqliteCommit = "sqlite-commit"
    /// The image of an application rebuilt again and again.
    case imageRebuild = "image-rebuild"
  }

  /// What a kind works with, which decides where it can run.
  public enum Field: String, Sendable, CaseIterable {
    case network, storage, images
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

  /// What stands around each message of a TCP workload.
  public enum Framing: String, Codable, Sendable, CaseIterable {
    case none
    /// HTTP/1.1: a POST with the message as its body, and a 200 with the reply as its. For proxies that read HTTP.
    case http
  }

  /// What the user's own commands are, and what to read off the client's output.
  public struct Commands: Codable, Sendable, Equatable, Hashable {
    /// Program and arguments; nil runs no server. `{server_address}` and `{server_port}` are filled in.
    public var server: [String]?
    public var client: [String]
    /// A regular expression whose first group is the number that the client reports; nil reads none.
    public var reported: String?

    public init(server: [String]?, client: [String], reported: String? = nil) {
      self.server = server
      self.client = client
      self.reported = reported
    }
  }

  /// The sizes a message may have, in bytes of payload.
  public static let sizes = 1...65_000
  /// How many connections (flows, for UDP) may have a request in flight at once.
  public static let concurrencies = 1...100
  /// Requests per second of an open loop.
  public static let rates = 1...2_000_000

  /// Unique within the scenario.
  public var name: String
  public var kind: Kind
  public var wait: WaitMode
  public var placement: Placement
  /// Bytes of payload of the request, or of each message of a stream.
  public var size: Int
  /// Bytes of payload of the reply.
  public var replySize: Int
  /// Connections (flows, for UDP), each with one request in flight.
  public var concurrency: Int
  /// Requests per second, of an open loop alone.
  public var rate: Int?
  public var framing: Framing
  /// Of ``Kind/exec`` alone.
  public var commands: Commands?
  /// Of the kinds that work on files alone.
  public var files: FileWork?

  enum CodingKeys: String, CodingKey {
    case name, kind, wait, placement, size
    case replySize = "reply_size"
    case concurrency, rate, framing, commands, files
  }

  /// - Parameter replySize: nil is that of the request.
  public init(
    name: String, kind: Kind, wait: WaitMode, placement: Placement = .split, size: Int = 64, replySize: Int? = nil,
    concurrency: Int = 1, rate: Int? = nil, framing: Framing = .none, commands: Commands? = nil, files: FileWork? = nil
  ) {
    self.name = name
    self.kind = kind
    self.wait = wait
    self.placement = placement
    self.size = size
    self.replySize = replySize ?? size
    self.concurrency = concurrency
    self.rate = rate
    self.framing = framing
    self.commands = commands
    self.files = files
  }

  /// Stored runs of before there was more to say lack the later keys.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    name = try values.decode(String.self, forKey: .name)
    kind = try values.decode(Kind.self, forKey: .kind)
    wait = try values.decode(WaitMode.self, forKey: .wait)
    placement = try values.decode(Placement.self, forKey: .placement)
    size = try values.decode(Int.self, forKey: .size)
    replySize = try values.decodeIfPresent(Int.self, forKey: .replySize) ?? size
    concurrency = try values.decodeIfPresent(Int.self, forKey: .concurrency) ?? 1
    rate = try values.decodeIfPresent(Int.self, forKey: .rate)
    framing = try values.decodeIfPresent(Framing.self, forKey: .framing) ?? .none
    commands = try values.decodeIfPresent(Commands.self, forKey: .commands)
    files = try values.decodeIfPresent(FileWork.self, forKey: .files)
  }

  /// Messages shorter than this, in bytes, have no room for the header by which packets are told apart.
  public static let smallestCaptured = 24

  /// Whether its packets can be told apart on their way, one round trip by one: a plain closed loop with one request in
  /// flight.
  public var isCapturable: Bool {
    (kind == .udpRR || kind == .tcpRR) && concurrency == 1 && framing == .none
      && size >= Self.smallestCaptured && replySize >= Self.smallestCaptured
  }

  /// E.g. "udp-rr, spin, 64 B, on two CPUs".
  public var summary: String {
    if let commands { return "exec, \(commands.client.joined(separator: " "))" }
    if let files { return files.summary(kind) }
    var parts = [kind.rawValue, wait.rawValue]
    switch kind {
    case .tcpStream, .udpStream: parts.append("\(size) B a message")
    default: parts.append(size == replySize ? "\(size) B" : "\(size) B and \(replySize) B")
    }
    if framing == .http { parts.append("as HTTP") }
    if let rate { parts.append("\(rate)/s") }
    if concurrency > 1 { parts.append("\(concurrency) in flight") }
    parts.append(placement == .split ? "on two CPUs" : "on one CPU")
    return parts.joined(separator: ", ")
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
  /// The scenario's environments that this profile runs in, by name, the baseline among them; nil runs in all.
  public var environments: [String]?

  public init(
    windowMilliseconds: Int, warmupMilliseconds: Int, budgetSeconds: Int, looks: [Int] = [8, 12, 18, 27, 40],
    confidence: Double = 0.99, workloads: [String]? = nil, environments: [String]? = nil
  ) {
    self.windowMilliseconds = windowMilliseconds
    self.warmupMilliseconds = warmupMilliseconds
    self.budgetSeconds = budgetSeconds
    self.looks = looks
    self.confidence = confidence
    self.workloads = workloads
    self.environments = environments
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
    /// By how much the metric grows, in its unit, for each unit of ``ClaimSpec/over``.
    case slope
  }

  /// Numbers that somebody else has published on the same question, to stand beside ours.
  public struct Published: Codable, Sendable, Equatable {
    /// Who, where and when.
    public var source: String
    /// What they found, with its unit.
    public var finding: String

    public init(source: String, finding: String) {
      self.source = source
      self.finding = finding
    }
  }

  /// The stable id, e.g. `net-hop`.
  public var id: String
  /// The article's section that makes the claim, by name.
  public var section: String
  /// The claim in our own words.
  public var statement: String
  public var workload: String
  public var metric: Metric
  /// The environment that the claim is about; of a slope, the one with the largest value of ``over``.
  public var environment: String
  /// The environment that it is held against; nil is the scenario's baseline.
  public var against: String?
  public var quantity: Quantity
  /// Of a slope: the size of what grows, for each environment that the line is laid through.
  public var over: [String: Double]?
  /// Instead of ``over``: the size for each workload, all of them in ``environment``.
  public var overWorkloads: [String: Double]?
  /// The claim is supported if the whole interval lies in this open region, refuted if none of it does.
  public var region: ClaimRegion
  /// δ, the margin of practical importance (as a ratio − 1, or in the unit of the difference). The control must agree
  /// with "no difference" to within half of it.
  public var margin: Double
  /// Words for a supported and for a refuted verdict; each says what exactly holds.
  public var supportedReason: String
  public var refutedReason: String
  public var published: [Published]

  public init(
    id: String, section: String, statement: String, workload: String, metric: Metric, environment: String,
    against: String? = nil, quantity: Quantity, over: [String: Double]? = nil,
    overWorkloads: [String: Double]? = nil, region: ClaimRegion, margin: Double, supportedReason: String,
    refutedReason: String, published: [Published] = []
  ) {
    self.id = id
    self.section = section
    self.statement = statement
    self.workload = workload
    self.metric = metric
    self.environment = environment
    self.against = against
    self.quantity = quantity
    self.over = over
    self.overWorkloads = overWorkloads
    self.region = region
    self.margin = margin
    self.supportedReason = supportedReason
    self.refutedReason = refutedReason
    self.published = published
  }

  /// Every environment that the claim takes numbers from, but the scenario's baseline.
  public var environments: [String] {
    if let over { return over.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map(\.key) }
    return [environment] + (against.map { [$0] } ?? [])
  }

  /// Every workload that the claim takes numbers from.
  public var workloads: [String] {
    guard let overWorkloads else { return [workload] }
    return overWorkloads.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map(\.key)
  }
}

extension KeyedDecodingContainer {
  /// Runs stored before claims had published numbers lack the key.
  func decode(_ type: [ClaimSpec.Published].Type, forKey key: Key) throws -> [ClaimSpec.Published] {
    try decodeIfPresent(type, forKey: key) ?? []
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
