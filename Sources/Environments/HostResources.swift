internal import LinuxKit
public import Model
internal import NetlinkKit

/// What decides how environments are built, beside their definitions.
public struct BuildSettings {
  public var family: AddressFamily
  /// The worker's file, for what has no other: images, bundles.
  public var worker: String
  /// What engines keep from one trial of a run to the next; nil keeps nothing.
  public var engines: EngineCache?
  /// The file systems in image files, which are kept from one trial of a run to the next; nil keeps nothing.
  public var storage: StorageCache?
  /// Whether containers see this host's programs, read-only: for the user's own commands.
  public var mountsHostPrograms: Bool

  public init(
    family: AddressFamily = .ipv4, worker: String = "", engines: EngineCache? = nil, storage: StorageCache? = nil,
    mountsHostPrograms: Bool = false
  ) {
    self.family = family
    self.worker = worker
    self.engines = engines
    self.storage = storage
    self.mountsHostPrograms = mountsHostPrograms
  }
}

/// What a run has made on the host, taken away last first, on every way out.
public final class HostResources {
  /// What is taken away again.
  private enum Made {
    /// By its entry in the journal.
    case entered(Resource)
    /// By whoever made it. It has no entry, since it goes with the process: a mount in a mount namespace of its own.
    case owned(String, () throws(SystemError) -> Void)
  }

  private let journal: Journal
  private var made: [Made] = []
  private var namespaces = 0

  public let settings: BuildSettings

  public init(journal: Journal, settings: BuildSettings = BuildSettings()) {
    self.journal = journal
    self.settings = settings
  }

  public var runID: String { journal.runID }

  /// A fresh network namespace, quiet and with `lo` up, and the socket to furnish it with. IPv6 is on if the run is of
  /// that family.
  /// - Parameter role: what it stands for: "client", "server", "switch".
  func namespace(_ role: String) throws(UserError) -> FurnishedNamespace {
    try prepareNamespaceDirectory()
    namespaces += 1
    let namespace = NetworkNamespace(name: "bench-\(runID)-\(namespaces)-\(role)")
    try track(.networkNamespace(name: namespace.name))
    do throws(SystemError) { try namespace.create() } catch { throw Self.explain(error) }
    return FurnishedNamespace(
      role: role, namespace: namespace,
      socket: try explained { () throws(NetlinkError) in
        try NetlinkSocket.prepare(namespace, ipv6: settings.family == .ipv6)
      })
  }

  /// Makes the directory of namespaces ready, if it is not. A run does so once for all its trials; what one has made
  /// ready is left alone by the others.
  public func prepareNamespaceDirectory() throws(UserError) {
    if !NetworkNamespace.directoryExists { try track(.directory(path: NetworkNamespace.directory)) }
    do throws(SystemError) {
      if try NetworkNamespace.isDirectoryShared() { return }
    } catch { throw Self.explain(error) }
    try track(.sharedNamespaceDirectory)
    do throws(SystemError) { try NetworkNamespace.shareDirectory() } catch { throw Self.explain(error) }
  }

  private static func explain(_ error: SystemError) -> UserError {
    UserError(
      error.isPermission ? .notPermitted : .unavailable, "cannot make a network namespace: \(error)",
      remedy: error.isPermission ? "run as root (CAP_SYS_ADMIN and CAP_NET_ADMIN)" : "see 'bench doctor'")
  }

  /// A fresh directory beside the journal, for what must be files: root file systems, an engine's storage. It goes with
  /// everything that is put into it or mounted on it.
  func folder(_ role: String) throws(UserError) -> String {
    let path = "\(journal.directory)/\(unique(role))"
    try track(.folder(path: path))
    try Folder.make(path)
    return path
  }

  /// Enters a resource that is about to be made.
  func track(_ resource: Resource) throws(UserError) {
    try journal.enter(resource)
    made.append(.entered(resource))
  }

  /// Has `body` called in its turn when everything is taken away. For what goes with the process anyhow: it is not
  /// entered in the journal.
  /// - Parameters:
  ///   - name: what `body` takes away, for an error's message.
  ///   - body: takes it away; what is not there any more, or was not made, is no error.
  func whenRemoved(_ name: String, _ body: @escaping () throws(SystemError) -> Void) {
    made.append(.owned(name, body))
  }

  /// Takes one resource away before all the others, and strikes it out.
  func remove(_ resource: Resource) throws(UserError) {
    try take(away: resource)
    let place = made.lastIndex { if case .entered(let other) = $0 { other == resource } else { false } }
    if let place { made.remove(at: place) }
  }

  /// Takes everything away, last first. Goes on after a failure, and throws the first one at the end: what could not
  /// be removed stays in the journal.
  public func removeAll() throws(UserError) {
    var failure: UserError?
    while let last = made.popLast() {
      do throws(UserError) {
        switch last {
        case .entered(let resource): try take(away: resource)
        case .owned(let name, let remove):
          do throws(SystemError) { try remove() } catch {
            throw UserError(.internalError, "cannot remove \(name): \(error)", remedy: "it goes when this program ends")
          }
        }
      } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
  }

  private func take(away resource: Resource) throws(UserError) {
    do throws(SystemError) { try resource.remove() } catch {
      throw UserError(.internalError, "cannot remove \(resource): \(error)", remedy: "'bench cleanup' tries again")
    }
    try journal.strike(resource)
  }
}

/// A namespace with a netlink socket that speaks of it: one of the run's own, a container's, or the host's.
final class FurnishedNamespace {
  let role: String
  /// nil unless it is a named one that the run has made.
  let namespace: NetworkNamespace?
  /// Its file; nil is the host's own, the controller's.
  let path: String?
  /// Whether nobody but the run sends in it.
  let isOwn: Bool
  let socket: NetlinkSocket

  init(role: String, namespace: NetworkNamespace?, socket: consuming NetlinkSocket) {
    self.role = role
    self.namespace = namespace
    path = namespace?.path
    isOwn = namespace != nil
    self.socket = socket
  }

  /// - Parameters:
  ///   - path: the file of a namespace that somebody else has made: /proc/PID/ns/net of a container or of a daemon.
  ///   - isOwn: whether nobody but the run sends in it.
  init(role: String, path: String, isOwn: Bool, socket: consuming NetlinkSocket) {
    self.role = role
    namespace = nil
    self.path = path
    self.isOwn = isOwn
    self.socket = socket
  }

  /// The host's own namespace, which is looked at and never changed.
  static func host() throws(UserError) -> FurnishedNamespace {
    FurnishedNamespace(
      role: "host", namespace: nil, socket: try explained { () throws(NetlinkError) in try NetlinkSocket() })
  }
}

/// Turns a failure of netlink into an error that a user can act on.
func explained<Result: ~Copyable>(_ body: () throws(NetlinkError) -> Result) throws(UserError) -> Result {
  do throws(NetlinkError) { return try body() } catch {
    throw UserError(
      error.isPermission ? .notPermitted : .unavailable, "cannot \(error)",
      remedy: error.isPermission ? "run as root (CAP_NET_ADMIN)" : "see 'bench doctor'")
  }
}

/// As ``explained(_:)``, for what stands on a kind of link that a kernel may lack.
func explained<Result: ~Copyable>(
  lacking kind: String, module: String, _ body: () throws(NetlinkError) -> Result
) throws(UserError) -> Result {
  do throws(NetlinkError) { return try body() } catch {
    guard error.isUnsupported else { return try explained { () throws(NetlinkError) in throw error } }
    throw UserError(
      .unavailable, "the kernel lacks \(kind): cannot \(error)", remedy: "run 'modprobe \(module)'")
  }
}
