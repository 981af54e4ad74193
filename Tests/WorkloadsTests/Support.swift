import Glibc
import LinuxKit
import Testing
import WorkerProtocol

/// A deadline far beyond anything that these tests wait for: it ends a test that would hang, and decides nothing else.
func farDeadline() -> UInt64 { Clock.monotonic() + 30_000_000_000 }

let milliseconds: UInt64 = 1_000_000
let loopback = "127.0.0.1"

/// A configuration for the loopback. Its time-out is one that a busy machine does not run into.
func configuration(
  _ role: WorkerConfiguration.Role, _ transport: WorkerConfiguration.Transport = .udp,
  _ wait: WorkerConfiguration.Wait = .spin, size: Int = 64, port: UInt16 = 0, window: UInt64 = 50 * milliseconds
) -> WorkerConfiguration {
  WorkerConfiguration(
    role: role, transport: transport, wait: wait, size: size, address: loopback, port: port,
    nonce: 0xFEDC_BA98_7654_3210, flow: 7, warmupNanoseconds: role == .client ? 5 * milliseconds : 0,
    windowNanoseconds: role == .client ? window : 0, timeoutNanoseconds: 10_000 * milliseconds)
}

struct TestFailure: Error, CustomStringConvertible { let description: String }

/// The real worker, as the controller drives it.
struct WorkerProcess {
  let child: ChildProcess

  /// `BENCH_WORKER`, else beside the program that runs the tests, where the package's build puts both.
  static func path() throws -> String {
    if let path = getenv("BENCH_WORKER") { return String(cString: path) }
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    let program = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let path = program.prefix(upTo: program.lastIndex(of: "/") ?? program.startIndex) + "/bench-worker"
    guard access(String(path), X_OK) == 0 else {
      throw TestFailure(
        description: "no \(path): build it with `swift build --product bench-worker`, or name it in BENCH_WORKER")
    }
    return String(path)
  }

  init() throws { child = try ChildProcess(executable: try Self.path()) }

  init(_ configuration: WorkerConfiguration) throws {
    self.init(running: try ChildProcess(executable: try Self.path()))
    try send(.configure(configuration))
  }

  /// A worker, or a program around one, that runs already.
  init(running child: ChildProcess) { self.child = child }

  func send(_ message: WorkerMessage) throws { try child.write(message.line) }

  func receive() throws -> WorkerMessage {
    do { return try WorkerMessage(line: try child.readLine(deadline: farDeadline())) } catch {
      throw TestFailure(description: "\(error); stderr: \(child.standardError())")
    }
  }

  func listening() throws -> UInt16 {
    let message = try receive()
    if case .listening(let port) = message { return port }
    throw TestFailure(description: "expected 'listening': \(message)")
  }

  func ready() throws {
    let message = try receive()
    // Less could only be the canary's work if the optimiser has taken it away.
    if case .ready(let canary) = message, canary > 50_000 { return }
    throw TestFailure(description: "expected 'ready': \(message)")
  }

  func result() throws -> (result: ClientResult, samples: [UInt32], stamps: [RequestStamps]) {
    let message = try receive()
    guard case .result(let result) = message else { throw TestFailure(description: "expected 'result': \(message)") }
    let bytes = try child.readBytes(result.samples * 4, deadline: farDeadline())
    let samples = stride(from: 0, to: bytes.count, by: 4).map { offset in
      bytes[offset..<offset + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    }
    return (result, samples, try stamps(result.stamps))
  }

  private func stamps(_ count: Int) throws -> [RequestStamps] {
    let records = try RequestStamps.decoded(
      try child.readBytes(count * RequestStamps.encodedSize, deadline: farDeadline()))
    #expect(records.count == count)
    return records
  }

  /// From start to result, and the end of the process, of a client that stamps nothing.
  func measure() throws -> (result: ClientResult, samples: [UInt32]) {
    let (result, samples, stamps) = try measureStamped()
    #expect(stamps == [] && !result.areStampsTruncated)
    return (result, samples)
  }

  /// From start to result, and the end of the process.
  func measureStamped() throws -> (result: ClientResult, samples: [UInt32], stamps: [RequestStamps]) {
    try ready()
    try send(.start)
    let outcome = try result()
    // Nothing behind the stamps.
    #expect(throws: ChildProcess.Failure.ended) { try child.readBytes(1, deadline: farDeadline()) }
    #expect(try child.waitForExit(deadline: farDeadline()) == .exited(0))
    return outcome
  }

  /// Ends a server that stamps nothing.
  func stop() throws -> ServerResult {
    let (result, stamps) = try stopStamped()
    #expect(stamps == [] && !result.areStampsTruncated)
    return result
  }

  func stopStamped() throws -> (result: ServerResult, stamps: [RequestStamps]) {
    child.terminate()
    let message = try receive()
    guard case .stopped(let result) = message else { throw TestFailure(description: "expected 'stopped': \(message)") }
    let records = try stamps(result.stamps)
    #expect(throws: ChildProcess.Failure.ended) { try child.readBytes(1, deadline: farDeadline()) }
    #expect(try child.waitForExit(deadline: farDeadline()) == .exited(0))
    return (result, records)
  }

  /// The message of a worker that gives up, and its end.
  func failure() throws -> String {
    let message = try receive()
    guard case .failed(let text) = message else { throw TestFailure(description: "expected 'failed': \(message)") }
    #expect(try child.waitForExit(deadline: farDeadline()) == .exited(1))
    #expect(child.standardError() == "")
    return text
  }
}

/// The connections in TIME_WAIT that have one of `ports` at either end, each by its two ends as /proc/net/tcp writes them.
/// A server may be given a port of which another test has left some: what a test has left itself is what has been added.
func connectionsInTimeWait(_ ports: UInt16...) throws -> Set<String> {
  let suffixes = ports.map { port in
    let digits = String(port, radix: 16, uppercase: true)
    return ":" + String(repeating: "0", count: 4 - digits.count) + digits
  }
  let connections = try SmallFile.text("/proc/net/tcp").split(separator: "\n").dropFirst().compactMap { line in
    let words = line.split(separator: " ")
    let isOne =
      words.count > 3 && words[3] == "06" && suffixes.contains { words[1].hasSuffix($0) || words[2].hasSuffix($0) }
    return isOne ? "\(words[1]) \(words[2])" : nil
  }
  return Set(connections)
}

/// The same numbers in every run.
struct SeededNumbers: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }

  /// SplitMix64 (Steele, Lea, Flood 2014).
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
