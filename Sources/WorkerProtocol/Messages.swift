/// The conversation between controller and worker, one JSON object a line. Behind a client's result line come its
/// samples as raw little-endian 32-bit integers (of an open loop, response times and then as many service times), and
/// then its stamps; behind a server's last line come its stamps (see ``RequestStamps``).
///
/// ```
/// controller → worker   {"protocol":4,"type":"configure",…}
/// server → controller   {"type":"listening","port":…}                   a relay says so, too
/// client → controller   {"type":"ready",…}                              after the warm-up
/// controller → client   {"type":"start"}
/// client → controller   {"type":"result","samples":N,"stamps":M,…}      and N × 4 bytes, and M × 48 bytes
/// controller → client   {"type":"count"}                                if it was told to count, once
/// client → controller   {"type":"counted","operations":…}
/// server → controller   {"type":"stopped","stamps":M,…}                 on SIGTERM, and M × 48 bytes
/// worker → controller   {"type":"failed","message":…}                   instead of any of these
/// ```
///
/// A worker that works on files is alone (``StorageConfiguration``):
///
/// ```
/// controller → worker   {"protocol":4,"type":"configure-storage",…}
/// worker → controller   {"type":"ready",…}
/// controller → worker   {"type":"start"}                                both again before a further part
/// worker → controller   {"type":"measured","phases":…}                  and 8 bytes for each of the phases' samples
/// ```
///
/// A worker told to be a command answers nothing: it becomes that command (execve(2)), which has its stdin and stdout.
public enum WorkerMessage: Sendable, Equatable {
  /// The version that ``configure`` carries. A worker refuses another one.
  public static let version: Int64 = 4

  case configure(WorkerConfiguration)
  case listening(port: UInt16)
  case ready(canaryNanoseconds: UInt64)
  case start
  case result(ClientResult)
  /// The window is over; the client does ``WorkerConfiguration/countedOperations`` operations more, for counting.
  case count
  case counted(operations: UInt64)
  case stopped(ServerResult)
  case configureStorage(StorageConfiguration)
  case measured(StorageResult)
  case failed(message: String)
}

/// What a worker is to do.
public struct WorkerConfiguration: Sendable, Equatable {
  public enum Role: String, Sendable {
    case server, client
    /// Listens on its address and carries what comes to the target, and back.
    case relay
    /// Becomes the command in ``WorkerConfiguration/arguments``.
    case command
  }
  /// What client and server repeat.
  public enum Loop: String, Sendable {
    /// Closed loop of requests and replies.
    case rr
    /// Connect, request, reply, close.
    case crr
    /// Bulk one way.
    case stream
    /// Requests at a fixed rate.
    case open
  }
  public enum Transport: String, Sendable { case udp, tcp }
  public enum Wait: String, Sendable { case spin, block }
  /// What stands around each message, of TCP alone.
  public enum Framing: String, Sendable { case none, http }

  public var role: Role
  public var loop: Loop
  public var transport: Transport
  public var wait: Wait
  public var framing: Framing
  /// Bytes of payload of each request, or of each message of a stream, 1...65000.
  public var size: Int
  /// Bytes of payload of each reply, 1...65000.
  public var replySize: Int
  /// Connections (flows, for UDP), 1...100, each with one request in flight.
  public var concurrency: Int
  /// Requests per second of an open loop; 0 elsewhere.
  public var rate: UInt64
  /// The CPU to run on; nil leaves it to the scheduler.
  public var cpu: Int?
  /// The file of the network namespace to enter; nil stays in the one that it was started in.
  public var namespace: String?
  /// The address to listen on, or the server's address. IPv4 or IPv6, as inet_pton(3) reads it.
  public var address: String
  /// The server's port; 0 for a server lets the kernel choose.
  public var port: UInt16
  /// Of a relay: where it carries what comes.
  public var targetAddress: String
  public var targetPort: UInt16
  /// The run's nonce, which each message carries.
  public var nonce: UInt64
  /// The flow's number, which each message carries; with several flows, the first one's.
  public var flow: UInt32
  /// The length of the warm-up and of the window, in ns. The server needs them to make room for its stamps, and only for
  /// that.
  public var warmupNanoseconds: UInt64
  public var windowNanoseconds: UInt64
  /// Client: after how long without a reply a request counts as lost, in ns.
  public var timeoutNanoseconds: UInt64
  /// Client: how many operations to do when asked to count.
  public var countedOperations: UInt64
  /// Server, for tests of the detector only: a busy loop before each reply, in ns.
  public var delayNanoseconds: UInt64
  /// Client, for tests of the detector only: each round trip is made longer by this part of itself, in parts per
  /// million, by a busy loop before its end.
  public var slowdownPPM: UInt64
  /// Requests whose number is a multiple of this are stamped (``RequestStamps``): 0 for none, or a power of two up to
  /// ``largestStampEvery``.
  public var stampEvery: UInt64
  /// Whether the kernel stamps these requests and their replies, too (SO_TIMESTAMPING). It makes them slower.
  public var socketStamps: Bool
  /// Of a command: the program (searched for in PATH) and its arguments.
  public var arguments: [String]
  /// Of a command: whether what it prints goes nowhere.
  public var discardsOutput = false

  /// The rarest stamps that can be asked for: one of this many requests.
  public static let largestStampEvery: UInt64 = 1 << 20

  public init(
    role: Role, loop: Loop = .rr, transport: Transport, wait: Wait, framing: Framing = .none, size: Int,
    replySize: Int? = nil, concurrency: Int = 1, rate: UInt64 = 0, cpu: Int? = nil, namespace: String? = nil,
    address: String, port: UInt16 = 0, targetAddress: String = "", targetPort: UInt16 = 0, nonce: UInt64,
    flow: UInt32 = 0, warmupNanoseconds: UInt64 = 0, windowNanoseconds: UInt64 = 0,
    timeoutNanoseconds: UInt64 = 100_000_000, countedOperations: UInt64 = 0, delayNanoseconds: UInt64 = 0,
    slowdownPPM: UInt64 = 0, stampEvery: UInt64 = 0, socketStamps: Bool = false, arguments: [String] = []
  ) {
    self.role = role
    self.loop = loop
    self.transport = transport
    self.wait = wait
    self.framing = framing
    self.size = size
    self.replySize = replySize ?? size
    self.concurrency = concurrency
    self.rate = rate
    self.cpu = cpu
    self.namespace = namespace
    self.address = address
    self.port = port
    self.targetAddress = targetAddress
    self.targetPort = targetPort
    self.nonce = nonce
    self.flow = flow
    self.warmupNanoseconds = warmupNanoseconds
    self.windowNanoseconds = windowNanoseconds
    self.timeoutNanoseconds = timeoutNanoseconds
    self.countedOperations = countedOperations
    self.delayNanoseconds = delayNanoseconds
    self.slowdownPPM = slowdownPPM
    self.stampEvery = stampEvery
    self.socketStamps = socketStamps
    self.arguments = arguments
  }

  /// A worker that becomes a command.
  public static func command(
    _ arguments: [String], namespace: String? = nil, cpu: Int? = nil, discardsOutput: Bool = false
  ) -> WorkerConfiguration {
    var configuration = WorkerConfiguration(
      role: .command, transport: .tcp, wait: .block, size: 1, cpu: cpu, namespace: namespace, address: "", nonce: 0,
      arguments: arguments)
    configuration.discardsOutput = discardsOutput
    return configuration
  }
}

/// What a client measured. The samples themselves follow as binary, then the stamps.
public struct ClientResult: Sendable, Equatable {
  /// The length of the window from its first request to its last reply, in ns.
  public var windowNanoseconds: UInt64 = 0
  public var samples: Int = 0
  public var sent: UInt64 = 0
  public var lost: UInt64 = 0
  public var late: UInt64 = 0
  public var duplicate: UInt64 = 0
  public var foreign: UInt64 = 0
  /// CPU time of the client within the window, in ns.
  public var cpuNanoseconds: UInt64 = 0
  public var voluntarySwitches: UInt64 = 0
  public var involuntarySwitches: UInt64 = 0
  /// True if the room for samples was full before the window's time was over.
  public var isTruncated: Bool = false
  /// Whether as many service times follow the samples (an open loop).
  public var hasServiceTimes: Bool = false
  /// The number of the window's first request; the window's requests have the numbers from here on, `sent` of them.
  public var firstSequence: UInt64 = 0
  /// How many records of stamps follow the samples: the stamped requests of the window that were answered, in order.
  public var stamps: Int = 0
  /// True if the room for stamps was full; requests from then on are measured but not in the records.
  public var areStampsTruncated: Bool = false

  public init() {}
}

/// What a server did until it was stopped. Its stamps follow as binary.
public struct ServerResult: Sendable, Equatable {
  public var echoed: UInt64 = 0
  /// Of a stream: messages (UDP) and bytes of the client's window that came; those of the warm-up and of the counting
  /// are left out.
  public var windowMessages: UInt64 = 0
  public var windowBytes: UInt64 = 0
  /// Messages that were not of this run and were not answered.
  public var foreign: UInt64 = 0
  /// How many records of stamps follow: the stamped requests that were echoed, those of the warm-up too, in order.
  public var stamps: Int = 0
  /// True if the room for stamps was full; requests from then on are echoed but not in the records.
  public var areStampsTruncated: Bool = false

  public init() {}
}

extension WorkerMessage {
  /// One line with its line end.
  public var line: [UInt8] {
    var json = FlatJSON()
    switch self {
    case .configure(let it):
      json["protocol"] = .integer(Self.version)
      json["type"] = .string("configure")
      json["role"] = .string(it.role.rawValue)
      json["loop"] = .string(it.loop.rawValue)
      json["transport"] = .string(it.transport.rawValue)
      json["wait"] = .string(it.wait.rawValue)
      json["framing"] = .string(it.framing.rawValue)
      json["size"] = .integer(Int64(it.size))
      json["reply_size"] = .integer(Int64(it.replySize))
      json["concurrency"] = .integer(Int64(it.concurrency))
      json["rate"] = .integer(Int64(clamping: it.rate))
      json["cpu"] = it.cpu.map { .integer(Int64($0)) }
      json["namespace"] = it.namespace.map { .string($0) }
      json["address"] = .string(it.address)
      json["port"] = .integer(Int64(it.port))
      json["target_address"] = .string(it.targetAddress)
      json["target_port"] = .integer(Int64(it.targetPort))
      // 64 bits do not survive as a JSON number in other readers: as text.
      json["nonce"] = .string(String(it.nonce, radix: 16))
      json["flow"] = .integer(Int64(it.flow))
      json["warmup_ns"] = .integer(Int64(it.warmupNanoseconds))
      json["window_ns"] = .integer(Int64(it.windowNanoseconds))
      json["timeout_ns"] = .integer(Int64(it.timeoutNanoseconds))
      json["counted_operations"] = .integer(Int64(clamping: it.countedOperations))
      json["delay_ns"] = .integer(Int64(it.delayNanoseconds))
      json["slowdown_ppm"] = .integer(Int64(it.slowdownPPM))
      json["stamp_every"] = .integer(Int64(it.stampEvery))
      json["socket_stamps"] = .boolean(it.socketStamps)
      // The object is flat: no argument has this character in it, since none can be passed to execve(2).
      json["arguments"] = .string(it.arguments.joined(separator: "\0"))
      json["discard_output"] = .boolean(it.discardsOutput)
    case .listening(let port):
      json["type"] = .string("listening")
      json["port"] = .integer(Int64(port))
    case .ready(let canary):
      json["type"] = .string("ready")
      json["canary_ns"] = .integer(Int64(canary))
    case .start:
      json["type"] = .string("start")
    case .result(let it):
      json["type"] = .string("result")
      json["window_ns"] = .integer(Int64(it.windowNanoseconds))
      json["samples"] = .integer(Int64(it.samples))
      json["sent"] = .integer(Int64(it.sent))
      json["lost"] = .integer(Int64(it.lost))
      json["late"] = .integer(Int64(it.late))
      json["duplicate"] = .integer(Int64(it.duplicate))
      json["foreign"] = .integer(Int64(it.foreign))
      json["cpu_ns"] = .integer(Int64(it.cpuNanoseconds))
      json["voluntary_switches"] = .integer(Int64(it.voluntarySwitches))
      json["involuntary_switches"] = .integer(Int64(it.involuntarySwitches))
      json["truncated"] = .boolean(it.isTruncated)
      json["service_times"] = .boolean(it.hasServiceTimes)
      json["first_sequence"] = .integer(Int64(it.firstSequence))
      json["stamps"] = .integer(Int64(it.stamps))
      json["stamps_truncated"] = .boolean(it.areStampsTruncated)
    case .count:
      json["type"] = .string("count")
    case .counted(let operations):
      json["type"] = .string("counted")
      json["operations"] = .integer(Int64(operations))
    case .stopped(let it):
      json["type"] = .string("stopped")
      json["echoed"] = .integer(Int64(it.echoed))
      json["window_messages"] = .integer(Int64(it.windowMessages))
      json["window_bytes"] = .integer(Int64(it.windowBytes))
      json["foreign"] = .integer(Int64(it.foreign))
      json["stamps"] = .integer(Int64(it.stamps))
      json["stamps_truncated"] = .boolean(it.areStampsTruncated)
    case .configureStorage(let it):
      json["protocol"] = .integer(Self.version)
      json["type"] = .string("configure-storage")
      it.encode(into: &json)
    case .measured(let it):
      json["type"] = .string("measured")
      it.encode(into: &json)
    case .failed(let message):
      json["type"] = .string("failed")
      json["message"] = .string(message)
    }
    return Array(json.text.utf8) + [UInt8(ascii: "\n")]
  }

  /// Reads one line, without its line end.
  public init(line: some Sequence<UInt8>) throws(ProtocolError) {
    let json = try FlatJSON(parsing: line)
    let type = try json.string("type")
    switch type {
    case "configure", "configure-storage":
      let version = try json.integer("protocol", as: Int64.self)
      guard version == Self.version else {
        throw ProtocolError(
          "protocol \(version) where \(Self.version) was expected: controller and worker do not match")
      }
      self =
        type == "configure"
        ? .configure(try WorkerConfiguration(json)) : .configureStorage(try StorageConfiguration(json))
    case "measured": self = .measured(try StorageResult(json))
    case "listening": self = .listening(port: try json.integer("port", as: UInt16.self))
    case "ready": self = .ready(canaryNanoseconds: try json.integer("canary_ns", as: UInt64.self))
    case "start": self = .start
    case "result":
      var result = ClientResult()
      result.windowNanoseconds = try json.integer("window_ns", as: UInt64.self)
      result.samples = try json.count("samples")
      result.sent = try json.integer("sent", as: UInt64.self)
      result.lost = try json.integer("lost", as: UInt64.self)
      result.late = try json.integer("late", as: UInt64.self)
      result.duplicate = try json.integer("duplicate", as: UInt64.self)
      result.foreign = try json.integer("foreign", as: UInt64.self)
      result.cpuNanoseconds = try json.integer("cpu_ns", as: UInt64.self)
      result.voluntarySwitches = try json.integer("voluntary_switches", as: UInt64.self)
      result.involuntarySwitches = try json.integer("involuntary_switches", as: UInt64.self)
      result.isTruncated = try json.boolean("truncated")
      result.hasServiceTimes = try json.boolean("service_times")
      result.firstSequence = try json.integer("first_sequence", as: UInt64.self)
      result.stamps = try json.count("stamps")
      result.areStampsTruncated = try json.boolean("stamps_truncated")
      self = .result(result)
    case "count": self = .count
    case "counted": self = .counted(operations: try json.integer("operations", as: UInt64.self))
    case "stopped":
      var result = ServerResult()
      result.echoed = try json.integer("echoed", as: UInt64.self)
      result.windowMessages = try json.integer("window_messages", as: UInt64.self)
      result.windowBytes = try json.integer("window_bytes", as: UInt64.self)
      result.foreign = try json.integer("foreign", as: UInt64.self)
      result.stamps = try json.count("stamps")
      result.areStampsTruncated = try json.boolean("stamps_truncated")
      self = .stopped(result)
    case "failed": self = .failed(message: try json.string("message"))
    default: throw ProtocolError("a message of unknown type '\(type)'")
    }
  }
}

extension WorkerConfiguration {
  fileprivate init(_ json: FlatJSON) throws(ProtocolError) {
    self.init(
      role: try json.word("role"), loop: try json.word("loop"), transport: try json.word("transport"),
      wait: try json.word("wait"), framing: try json.word("framing"), size: try json.integer("size", as: Int.self),
      replySize: try json.integer("reply_size", as: Int.self),
      concurrency: try json.integer("concurrency", as: Int.self), rate: try json.integer("rate", as: UInt64.self),
      cpu: json["cpu"] == nil ? nil : try json.integer("cpu", as: Int.self),
      namespace: json["namespace"] == nil ? nil : try json.string("namespace"),
      address: try json.string("address"), port: try json.integer("port", as: UInt16.self),
      targetAddress: try json.string("target_address"), targetPort: try json.integer("target_port", as: UInt16.self),
      nonce: try json.hexadecimal("nonce"), flow: try json.integer("flow", as: UInt32.self),
      warmupNanoseconds: try json.integer("warmup_ns", as: UInt64.self),
      windowNanoseconds: try json.integer("window_ns", as: UInt64.self),
      timeoutNanoseconds: try json.integer("timeout_ns", as: UInt64.self),
      countedOperations: try json.integer("counted_operations", as: UInt64.self),
      delayNanoseconds: try json.integer("delay_ns", as: UInt64.self),
      slowdownPPM: try json.integer("slowdown_ppm", as: UInt64.self),
      stampEvery: try json.integer("stamp_every", as: UInt64.self),
      socketStamps: try json.boolean("socket_stamps"),
      arguments: try json.words("arguments"))
    discardsOutput = try json.boolean("discard_output")
    for size in [size, replySize] where !(1...65_000).contains(size) {
      throw ProtocolError("a message size of \(size) bytes: 1 to 65000 are possible")
    }
    guard (1...100).contains(concurrency) else {
      throw ProtocolError("\(concurrency) requests in flight: 1 to 100 are possible")
    }
    guard stampEvery & (stampEvery &- 1) == 0, stampEvery <= Self.largestStampEvery else {
      throw ProtocolError(
        "stamps of one request in \(stampEvery): 0 or a power of two up to \(Self.largestStampEvery) is possible")
    }
  }
}

extension FlatJSON {
  func string(_ key: String) throws(ProtocolError) -> String {
    guard case .string(let text) = self[key] else { throw ProtocolError("no text '\(key)' in a message") }
    return text
  }

  /// Words as they are joined in a message: none of them has this character in it.
  func words(_ key: String) throws(ProtocolError) -> [String] {
    let text = try string(key)
    return text.isEmpty ? [] : text.split(separator: "\0", omittingEmptySubsequences: false).map(String.init)
  }

  func boolean(_ key: String) throws(ProtocolError) -> Bool {
    guard case .boolean(let flag) = self[key] else { throw ProtocolError("no truth value '\(key)' in a message") }
    return flag
  }

  func integer<Number: FixedWidthInteger>(_ key: String, as: Number.Type) throws(ProtocolError) -> Number {
    guard case .integer(let integer) = self[key], let number = Number(exactly: integer) else {
      throw ProtocolError("no whole number '\(key)' of the right size in a message")
    }
    return number
  }

  /// How many of something: never less than none.
  func count(_ key: String) throws(ProtocolError) -> Int {
    let count = try integer(key, as: Int.self)
    guard count >= 0 else { throw ProtocolError("a negative number '\(key)' in a message") }
    return count
  }

  func hexadecimal(_ key: String) throws(ProtocolError) -> UInt64 {
    guard let number = UInt64(try string(key), radix: 16) else {
      throw ProtocolError("no hexadecimal number '\(key)' in a message")
    }
    return number
  }

  func word<Word: RawRepresentable<String>>(_ key: String) throws(ProtocolError) -> Word {
    let text = try string(key)
    guard let word = Word(rawValue: text) else { throw ProtocolError("'\(text)' is no \(key)") }
    return word
  }
}
