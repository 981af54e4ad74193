public import LinuxKit
public import Model

/// Where a worker runs, and how it comes to run there.
public enum WorkerPlace {
  /// A process of the controller's own, which enters the network namespace with this file by itself; nil is the host's.
  case namespace(String?)
  /// A process that stands in a container already and waits for its configuration.
  case container(ContainedWorker)

  /// The file of the network namespace that the worker must be told to enter; nil where it is in the right one.
  public var namespaceToEnter: String? {
    switch self {
    case .namespace(let path): path
    case .container: nil
    }
  }

  /// Whether it stands in a container: then the worker cannot be started twice, and CPUs are set by the engine.
  public var isContainer: Bool {
    if case .container = self { return true }
    return false
  }

  /// The worker, started, which waits for its configuration.
  /// - Parameter executable: the worker's file; a container has its own copy of it.
  public func start(_ executable: String) throws(SystemError) -> WorkerProcess {
    switch self {
    case .namespace: WorkerProcess(child: try ChildProcess(executable: executable))
    case .container(let worker): WorkerProcess(contained: worker)
    }
  }
}

/// A container whose first process is a worker that waits for its configuration on stdin.
public final class ContainedWorker {
  /// The engine's command, which carries the worker's stdin and stdout.
  public let channel: ChildProcess
  private let listProcesses: () -> [Int32]
  private let stop: () -> Void

  /// - Parameters:
  ///   - processes: those that do the work, as the host numbers them: the worker, or a sandbox and all that is in it.
  ///   - stop: has SIGTERM sent to the worker.
  public init(channel: ChildProcess, processes: @escaping () -> [Int32], stop: @escaping () -> Void) {
    self.channel = channel
    listProcesses = processes
    self.stop = stop
  }

  public var processes: [Int32] { listProcesses() }

  /// SIGTERM to the worker.
  public func terminate() { stop() }
}

/// A worker that runs: what the controller talks to, and whose CPU time counts.
public struct WorkerProcess {
  /// Its stdin and stdout are the worker's.
  public let child: ChildProcess
  private let contained: ContainedWorker?

  init(child: ChildProcess) {
    self.child = child
    contained = nil
  }

  init(contained: ContainedWorker) {
    child = contained.channel
    self.contained = contained
  }

  /// The processes whose time is the worker's, as the host numbers them.
  public var processes: [Int32] { contained?.processes ?? [child.pid] }

  /// CPU time so far, in ns, of all its processes; those that have ended meanwhile are left out.
  public func cpuTime() throws(SystemError) -> UInt64 {
    var sum: UInt64 = 0
    for process in processes { sum += try Clock.cpuTime(of: process) }
    return sum
  }

  /// SIGTERM to the worker.
  public func terminate() {
    if let contained { contained.terminate() } else { child.terminate() }
  }
}

/// A proxy of the program's own that stands in the path: it is started before the server's clients come.
public struct RelaySpec: Sendable {
  /// The file of its network namespace; nil is the host's own.
  public var namespace: String?
  public var listenAddress: String
  public var listenPort: UInt16
  public var targetAddress: String
  public var targetPort: UInt16

  public init(
    namespace: String?, listenAddress: String, listenPort: UInt16, targetAddress: String, targetPort: UInt16
  ) {
    self.namespace = namespace
    self.listenAddress = listenAddress
    self.listenPort = listenPort
    self.targetAddress = targetAddress
    self.targetPort = targetPort
  }
}

/// Where the server listens and where its client sends to.
public struct ServiceAddress: Sendable {
  /// What the server binds to. IPv4 or IPv6, in text.
  public var listenAddress: String
  /// 0 lets the kernel choose.
  public var listenPort: UInt16
  /// What the client sends to; another one where addresses are translated or a proxy stands between.
  public var targetAddress: String
  /// nil is the server's port.
  public var targetPort: UInt16?

  public init(
    listenAddress: String, listenPort: UInt16 = 0, targetAddress: String? = nil, targetPort: UInt16? = nil
  ) {
    self.listenAddress = listenAddress
    self.listenPort = listenPort
    self.targetAddress = targetAddress ?? listenAddress
    self.targetPort = targetPort
  }
}

/// Something other than interface counters that moves when packets take the declared path: a counter of nft, of a
/// tunnel, of a proxy.
public struct PathWitness {
  /// For instance "translations counted by nft".
  public let name: String
  /// What must be reached since the environment was built.
  public let atLeast: UInt64
  let read: () throws(UserError) -> UInt64

  public init(name: String, atLeast: UInt64 = 1, read: @escaping () throws(UserError) -> UInt64) {
    self.name = name
    self.atLeast = atLeast
    self.read = read
  }
}

/// What a witness has said.
public struct WitnessReading {
  fileprivate let witness: PathWitness
  fileprivate var count: UInt64?
  fileprivate var failure: String?

  init(witness: PathWitness, count: UInt64) {
    self.witness = witness
    self.count = count
  }

  init(witness: PathWitness, failure: String) {
    self.witness = witness
    self.failure = failure
  }

  /// Why the path is not attested by it; nil if it is.
  var objection: String? {
    guard let count else { return "\(witness.name) cannot be read: \(failure ?? "")" }
    return count < witness.atLeast
      ? "\(witness.name): \(count) where the path has at least \(witness.atLeast)" : nil
  }
}
