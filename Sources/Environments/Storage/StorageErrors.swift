internal import LinuxKit
internal import Model

/// Turns a failed system call on the way to a file system into an error that a user can act on.
/// - Parameter aim: what was to be done: "make the mount namespace".
func storageExplained<Value: ~Copyable>(
  _ aim: @autoclosure () -> String, _ body: () throws(SystemError) -> Value
) throws(UserError) -> Value {
  do throws(SystemError) { return try body() } catch { throw UserError(storage: error, aim()) }
}

extension UserError {
  init(storage error: SystemError, _ aim: String) {
    let remedy: String? =
      if error.isPermission {
        "run as root (CAP_SYS_ADMIN)"
      } else if error.isFull { "free some space, or set BENCH_JOURNAL to a directory on a larger disk" } else { nil }
    self.init(error.isPermission ? .notPermitted : .unavailable, "cannot \(aim): \(error)", remedy: remedy)
  }

  init(mounting type: String, _ error: MountError) {
    if error.isUnknownType {
      self.init(.unavailable, "the kernel lacks \(type): \(error)", remedy: "run 'modprobe \(type)'")
    } else if error.isPermission {
      self.init(.notPermitted, "cannot mount \(type): \(error)", remedy: "run as root (CAP_SYS_ADMIN)")
    } else {
      self.init(.unavailable, "cannot mount \(type): \(error)")
    }
  }
}
