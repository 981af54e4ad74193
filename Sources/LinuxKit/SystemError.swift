internal import Glibc

/// A failed system call: which call, on what, and the kernel's reason.
///
/// `errno` is captured at the call itself (see ``systemCall(_:on:_:)``), so the code is never that of a later call.
public struct SystemError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The call's name as in its manual page, e.g. `setns`.
  public let call: String
  /// What the call was applied to (a path, an interface, a process id), or nil where the call has no object.
  public let subject: String?
  /// The value of `errno`.
  public let code: Int32

  public init(call: String, subject: String? = nil, code: Int32) {
    self.call = call
    self.subject = subject
    self.code = code
  }

  /// The kernel's words for ``code``, e.g. "No such file or directory".
  public var reason: String { String(cString: strerror(code)) }

  public var description: String {
    if let subject { "\(call) \(subject): \(reason)" } else { "\(call): \(reason)" }
  }

  public var isPermission: Bool { code == EPERM || code == EACCES }
  public var isMissing: Bool { code == ENOENT || code == ESRCH || code == ENODEV || code == ENXIO }
  public var isFull: Bool { code == ENOSPC || code == EDQUOT }
}

/// The one place where the result of a system call becomes a value or an error: −1 throws with `errno` as it was
/// right after the call, EINTR is retried, and a programmer's error (EBADF, EFAULT) traps.
@discardableResult
public func systemCall<Result: FixedWidthInteger & SignedInteger>(
  _ name: StaticString, on subject: @autoclosure () -> String? = nil, _ body: () -> Result
) throws(SystemError) -> Result {
  while true {
    let result = body()
    if result != -1 { return result }
    let code = errno
    if code == EINTR { continue }
    precondition(code != EBADF && code != EFAULT, "programmer's error in \(name): errno \(code)")
    throw SystemError(call: "\(name)", subject: subject(), code: code)
  }
}
