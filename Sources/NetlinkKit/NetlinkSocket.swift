internal import CLibnl
internal import Glibc
public import LinuxKit
internal import Synchronization

/// A conversation with the kernel about links, addresses and routes (NETLINK_ROUTE).
///
/// A socket belongs for life to the network namespace of the thread that opened it (network_namespaces(7)):
/// afterwards it speaks of that namespace from whichever thread it is used. It keeps the namespace alive, so let it
/// go before the namespace is expected to end.
///
/// May be used from any thread; requests on one socket happen one after the other.
public struct NetlinkSocket: ~Copyable, Sendable {
  private let shared: SharedConnection

  /// Opens a socket in the calling thread's network namespace.
  public init() throws(NetlinkError) {
    let opened = Connection.openHere()
    guard opened.code == 0 else {
      throw NetlinkError(operation: "open", subject: "netlink socket", code: Connection.errno(of: opened.code))
    }
    shared = SharedConnection(owning: opened.address)
  }

  private init(owning address: UInt) {
    shared = SharedConnection(owning: address)
  }

  /// Opens a socket in `namespace`, which the calling thread need not be in and does not enter.
  public static func open(in namespace: NetworkNamespace) throws(NetlinkError) -> NetlinkSocket {
    try open(in: namespace) { () throws(SystemError) in }
  }

  /// Makes a new namespace fit for measuring and opens a socket in it: switches IPv6 off, or on but quiet with `ipv6`,
  /// so that nothing but the measured packets passes (see ``LinuxKit/NetworkNamespace/disableIPv6()`` and
  /// ``LinuxKit/NetworkNamespace/quietIPv6()``), and raises `lo`, which is born down.
  ///
  /// Throws EAFNOSUPPORT if IPv6 is wanted and the kernel has none.
  public static func prepare(_ namespace: NetworkNamespace, ipv6: Bool = false) throws(NetlinkError) -> NetlinkSocket {
    let socket = try open(in: namespace) { () throws(SystemError) in
      try ipv6 ? NetworkNamespace.quietIPv6OfThread() : NetworkNamespace.disableIPv6OfThread()
    }
    try socket.setUp("lo")
    return socket
  }

  private static func open(
    in namespace: NetworkNamespace, first prepare: @escaping @Sendable () throws(SystemError) -> Void
  ) throws(NetlinkError) -> NetlinkSocket {
    let opened: Connection.Opened
    do {
      opened = try namespace.run { () throws(SystemError) in
        try prepare()
        return Connection.openHere()
      }
    } catch {
      throw NetlinkError(operation: "open netlink socket in namespace", subject: namespace.name, error)
    }
    guard opened.code == 0 else {
      throw NetlinkError(
        operation: "open netlink socket in namespace", subject: namespace.name,
        code: Connection.errno(of: opened.code))
    }
    return NetlinkSocket(owning: opened.address)
  }

  /// Makes one request: `body` returns libnl's code, of which those below zero are errors.
  func request(
    _ operation: StaticString, _ subject: @autoclosure () -> String, _ body: (OpaquePointer) -> Int32
  ) throws(NetlinkError) {
    let failure = shared.connection.withLock { connection -> Failure? in
      connection.answer.clear()
      let code = body(connection.socket)
      guard code < 0 else { return nil }
      return Failure(
        code: connection.answer.code ?? Connection.errno(of: code), explanation: connection.answer.explanation)
    }
    if let failure {
      throw NetlinkError(
        operation: "\(operation)", subject: subject(), code: failure.code, explanation: failure.explanation)
    }
  }

  private struct Failure: Sendable {
    var code: Int32
    var explanation: String?
  }
}

/// In a box, as a value that holds a Mutex shows its layout, and so the private types in it, to every module that owns
/// one, which the compiler cannot yet do (6.3: "global is external, but doesn't have external linkage").
private final class SharedConnection: Sendable {
  let connection: Mutex<Connection>

  init(owning address: UInt) { connection = Mutex(Connection(owning: address)) }
}

/// libnl's socket and what the kernel last said on it.
private struct Connection: ~Copyable {
  /// `struct nl_sock *`.
  let socket: OpaquePointer
  let answer: Answer

  /// A pointer cannot cross from the thread that opened the socket, a number can.
  struct Opened: Sendable {
    var address: UInt
    var code: Int32
  }

  /// A connected `nl_sock` in the calling thread's namespace, or libnl's code.
  static func openHere() -> Opened {
    guard let socket = nl_socket_alloc() else { return Opened(address: 0, code: -NLE_NOMEM) }
    // Close-on-exec is libnl's own habit.
    let code = nl_connect(socket, NETLINK_ROUTE)
    guard code >= 0 else {
      nl_socket_free(socket)
      return Opened(address: 0, code: code)
    }
    return Opened(address: UInt(bitPattern: socket), code: 0)
  }

  init(owning address: UInt) {
    guard let socket = OpaquePointer(bitPattern: address) else { preconditionFailure("no socket was opened") }
    self.socket = socket
    answer = Answer()
    // An explanation with each refusal, without the request repeated before it. Kernels that know neither ignore it.
    var on: Int32 = 1
    let fd = nl_socket_get_fd(socket)
    setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, socklen_t(MemoryLayout<Int32>.size))
    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, socklen_t(MemoryLayout<Int32>.size))
    let callbacks = nl_socket_get_cb(socket)
    nl_cb_err(
      callbacks, NL_CB_CUSTOM,
      { _, error, argument in
        guard let error, let argument else { return Int32(NL_STOP.rawValue) }
        Unmanaged<Answer>.fromOpaque(argument).takeUnretainedValue().read(error)
        return Int32(NL_STOP.rawValue)
      }, Unmanaged.passUnretained(answer).toOpaque())
    nl_cb_put(callbacks)
  }

  deinit { nl_socket_free(socket) }

  /// The errno that libnl made `code` from, as far as that can be told.
  static func errno(of code: Int32) -> Int32 {
    switch abs(code) {
    case NLE_INTR: EINTR
    case NLE_BAD_SOCK: ENOTCONN
    case NLE_AGAIN: EAGAIN
    case NLE_NOMEM: ENOMEM
    case NLE_EXIST: EEXIST
    case NLE_RANGE: ERANGE
    case NLE_MSGSIZE: EMSGSIZE
    case NLE_OPNOTSUPP: EOPNOTSUPP
    case NLE_AF_NOSUPPORT: EAFNOSUPPORT
    case NLE_OBJ_NOTFOUND: ENOENT
    case NLE_NOADDR: EADDRNOTAVAIL
    case NLE_BUSY: EBUSY
    case NLE_NOACCESS: EACCES
    case NLE_PERM: EPERM
    case NLE_NODEV: ENODEV
    default: EINVAL
    }
  }
}

/// The kernel's last refusal: libnl keeps neither its errno nor its words.
private final class Answer {
  private(set) var code: Int32?
  private(set) var explanation: String?

  func clear() {
    code = nil
    explanation = nil
  }

  /// `error` is the payload of a message of type NLMSG_ERROR, right behind its header.
  func read(_ error: UnsafeMutablePointer<nlmsgerr>) {
    code = -error.pointee.error
    let header = (UnsafeMutableRawPointer(error) - Int(nlmsg_size(0))).assumingMemoryBound(to: nlmsghdr.self)
    let flags = Int32(header.pointee.nlmsg_flags)
    // Where the kernel did repeat the request, its words are further on: do without them.
    guard flags & NLM_F_ACK_TLVS != 0, flags & NLM_F_CAPPED != 0 else { return }
    let words = nlmsg_find_attr(header, Int32(MemoryLayout<nlmsgerr>.size), Int32(NLMSGERR_ATTR_MSG.rawValue))
    if let words, let text = nla_get_string(words) { explanation = String(cString: text) }
  }
}
