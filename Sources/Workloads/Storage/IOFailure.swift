internal import Glibc
internal import LinuxKit
internal import WorkerProtocol

/// Why an engine could not go on.
struct IOFailure {
  enum Reason {
    /// errno.
    case code(Int32)
    /// So many bytes instead of all.
    case short(Int)
    /// io_uring itself (io_uring_enter(2)): errno.
    case ring(Int32)
  }

  let step: IOStep
  let offset: UInt64
  let reason: Reason

  /// - Parameter result: bytes, or a negative errno.
  init(_ step: IOStep, offset: UInt64, result: Int) {
    self.step = step
    self.offset = offset
    reason = result < 0 ? .code(Int32(-result)) : .short(result)
  }

  init(ring code: Int32) {
    step = .sync
    offset = 0
    reason = .ring(code)
  }

  func error(_ slots: borrowing IOSlots) -> WorkloadError {
    let what =
      switch step {
      case .read: "read \(slots.path) at \(offset)"
      case .write: "write \(slots.path) at \(offset)"
      case .sync: "fsync \(slots.path)"
      }
    switch reason {
    case .short(let count): return WorkloadError("\(what): \(count) bytes of \(slots.blockSize)")
    case .ring(let code): return WorkloadError(SystemError(call: "io_uring_enter", code: code))
    case .code(let code): return WorkloadError("\(what): \(SystemError(call: "", code: code).reason)")
    }
  }
}
