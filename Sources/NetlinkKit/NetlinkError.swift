internal import Glibc
internal import LinuxKit

/// A netlink request that failed: what was asked, of which object, and why the kernel said no.
public struct NetlinkError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What was asked, e.g. `create veth pair`.
  public let operation: String
  /// What it was asked of, e.g. `client0/server0`.
  public let subject: String
  /// The reason as a value of `errno`. It is the kernel's own where the kernel answered; libnl's codes, of which
  /// several errors share one, are translated only where the request never left the program.
  public let code: Int32
  /// The reason in words: those of `errno`, and the kernel's explanation (extended acknowledgement) if it gave one.
  public let message: String

  /// `explanation` follows the words of `errno` in parentheses.
  public init(operation: String, subject: String, code: Int32, explanation: String? = nil) {
    self.operation = operation
    self.subject = subject
    self.code = code
    let reason = String(cString: strerror(code))
    self.message = if let explanation, !explanation.isEmpty { "\(reason) (\(explanation))" } else { reason }
  }

  init(operation: String, subject: String, _ error: SystemError) {
    self.init(operation: operation, subject: subject, code: error.code, explanation: error.call)
  }

  /// `create veth pair client0/server0: File exists`
  public var description: String { "\(operation) \(subject): \(message)" }

  /// The caller lacks CAP_NET_ADMIN in the namespace, or may not enter it.
  public var isPermission: Bool { code == EPERM || code == EACCES }
  /// The link, the address or the namespace does not exist.
  public var isMissing: Bool {
    code == ENODEV || code == ENOENT || code == ESRCH || code == ENXIO || code == EADDRNOTAVAIL
  }
  /// The kernel does not know this kind of link, or does not have IPv6: a module is missing.
  public var isUnsupported: Bool { code == EOPNOTSUPP || code == EAFNOSUPPORT }
  /// There is one already.
  public var isExists: Bool { code == EEXIST }
}
