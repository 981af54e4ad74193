internal import LinuxKit
public import Model
internal import NetlinkKit

/// What a run has made on the host, taken away last first, on every way out.
public final class HostResources {
  private let journal: Journal
  private var made: [Resource] = []
  private var namespaces = 0

  public init(journal: Journal) { self.journal = journal }

  public var runID: String { journal.runID }

  /// A fresh network namespace, quiet and with `lo` up, and the socket to furnish it with.
  /// - Parameter role: what it stands for: "client", "server", "switch".
  func namespace(_ role: String) throws(UserError) -> FurnishedNamespace {
    try prepareNamespaceDirectory()
    namespaces += 1
    let namespace = NetworkNamespace(name: "bench-\(runID)-\(namespaces)-\(role)")
    try track(.networkNamespace(name: namespace.name))
    do throws(SystemError) { try namespace.create() } catch { throw Self.explain(error) }
    return FurnishedNamespace(
      role: role, namespace: namespace,
      socket: try explained { () throws(NetlinkError) in try NetlinkSocket.prepare(namespace) })
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

  /// Enters a resource that is about to be made.
  private func track(_ resource: Resource) throws(UserError) {
    try journal.enter(resource)
    made.append(resource)
  }

  /// Takes everything away, last first. Goes on after a failure, and throws the first one at the end: what could not
  /// be removed stays in the journal.
  public func removeAll() throws(UserError) {
    var failure: UserError?
    while let resource = made.popLast() {
      do throws(SystemError) { try resource.remove() } catch {
        failure =
          failure
          ?? UserError(
            .internalError, "cannot remove \(resource): \(error)", remedy: "'bench cleanup' tries again")
        continue
      }
      do throws(UserError) { try journal.strike(resource) } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
  }
}

/// A namespace of the run with a netlink socket that speaks of it, or the host's own with one.
final class FurnishedNamespace {
  let role: String
  /// nil is the host's own.
  let namespace: NetworkNamespace?
  let socket: NetlinkSocket

  init(role: String, namespace: NetworkNamespace?, socket: consuming NetlinkSocket) {
    self.role = role
    self.namespace = namespace
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
