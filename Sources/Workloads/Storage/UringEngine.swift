internal import CLiburing
internal import Glibc
internal import LinuxKit

/// Operations by io_uring(7), as many under way as wanted: what fio's engine of the same name does unless told otherwise.
///
/// The ring is set up with the flags that fio asks for, and each operation is handed over by a call of its own
/// (`iodepth_batch=1`), which has the kernel post what has ended meanwhile. When as many are under way as may be, one that
/// has ended is taken, or waited for, and its place is filled at once. Files and buffers are not registered
/// (`registerfiles=0`, `fixedbufs=0`), and no thread of the kernel polls.
///
/// A sync is an operation like the others: it takes a place, and it does not wait for writes under way. So with more than
/// one under way it covers those writes that had ended when the kernel began it. fio does the same.
struct UringEngine: IOEngine, ~Copyable {
  private let ring: UnsafeMutablePointer<io_uring>
  private let depth: Int
  /// The most that were under way at once.
  private(set) var mostInFlight = 0

  init(depth: Int) throws(WorkloadError) {
    self.depth = depth
    ring = .allocate(capacity: 1)
    ring.initialize(to: io_uring())
    // Kernels from 5.19 and 6.1 on know these; an older one answers EINVAL, and does without.
    let deferred = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN
    var code: Int32 = -EINVAL
    for flags in [deferred, IORING_SETUP_COOP_TASKRUN, 0] where code == -EINVAL {
      var parameters = io_uring_params()
      parameters.flags = UInt32(IORING_SETUP_CQSIZE) | UInt32(flags)
      parameters.cq_entries = UInt32(depth)
      code = io_uring_queue_init_params(UInt32(depth), ring, &parameters)
    }
    if code < 0 {
      ring.deallocate()
      throw WorkloadError(Self.refusal(-code))
    }
  }

  private static func refusal(_ code: Int32) -> String {
    let reason = SystemError(call: "io_uring_setup", code: code).description
    return switch code {
    case ENOSYS: "\(reason): the kernel has no io_uring"
    case EPERM, EACCES:
      "\(reason): io_uring is switched off here (sysctl kernel.io_uring_disabled, or a filter of system calls)"
    default: reason
    }
  }

  deinit {
    io_uring_queue_exit(ring)
    ring.deallocate()
  }

  mutating func run(
    _ plan: inout IOPlan, _ slots: borrowing IOSlots, for duration: UInt64, into samples: inout IOSamples,
    _ nanoseconds: inout UInt64
  ) -> IOFailure? {
    // Locals, so that the optimiser may keep them in registers across the calls.
    var steps = plan
    defer { plan = steps }
    let (ring, depth) = (ring, depth)
    let operations = slots.operations
    let size = slots.blockSize
    let capacity = samples.capacity
    /// Reads and writes that were begun.
    var begun = 0
    var inFlight = 0
    var failure: IOFailure?
    let start = Clock.monotonic()
    var now = start
    for slot in 0..<depth where failure == nil && now - start < duration && begun < capacity {
      failure = Self.begin(slot, at: now, &steps, slots, ring, &begun, &inFlight)
      now = Clock.monotonic()
    }
    mostInFlight = max(mostInFlight, inFlight)
    // What is under way ends even if something has failed: the kernel has the addresses of its buffers.
    while inFlight > 0 {
      var completion: UnsafeMutablePointer<io_uring_cqe>?
      let code = io_uring_wait_cqe(ring, &completion)
      guard let completion else {
        if code == -EINTR || code == -EAGAIN { continue }
        return failure ?? IOFailure(ring: -code)
      }
      let slot = Int(truncatingIfNeeded: completion.pointee.user_data)
      let done = Int(completion.pointee.res)
      io_uring_cqe_seen(ring, completion)
      now = Clock.monotonic()
      inFlight &-= 1
      let operation = operations[slot]
      if done == (operation.step == .sync ? 0 : size) {
        samples.append(operation.step, now - operation.start)
      } else if failure == nil {
        failure = IOFailure(operation.step, offset: operation.offset, result: done)
      }
      if failure == nil && now - start < duration && begun < capacity {
        failure = Self.begin(slot, at: now, &steps, slots, ring, &begun, &inFlight)
      }
    }
    nanoseconds = now - start
    return failure
  }

  /// Hands the next step of `plan` to the kernel, in place `slot`.
  @inline(__always)
  private static func begin(
    _ slot: Int, at now: UInt64, _ plan: inout IOPlan, _ slots: borrowing IOSlots,
    _ ring: UnsafeMutablePointer<io_uring>, _ begun: inout Int, _ inFlight: inout Int
  ) -> IOFailure? {
    // There are as many entries as places.
    guard let entry = io_uring_get_sqe(ring) else { return IOFailure(ring: EBUSY) }
    var offset: UInt64 = 0
    let step = plan.next(&offset)
    slots.operations[slot] = IOSlots.Operation(start: now, offset: offset, step: step)
    switch step {
    case .read: io_uring_prep_read(entry, slots.fd, slots.input(slot), UInt32(slots.blockSize), offset)
    case .write: io_uring_prep_write(entry, slots.fd, slots.output(slot), UInt32(slots.blockSize), offset)
    case .sync: io_uring_prep_fsync(entry, slots.fd, 0)
    }
    entry.pointee.user_data = UInt64(slot)
    var code: Int32
    repeat { code = io_uring_submit_and_get_events(ring) } while code == -EINTR || code == -EAGAIN || code == -EBUSY
    if code < 0 { return IOFailure(ring: -code) }
    if step != .sync { begun &+= 1 }
    inFlight &+= 1
    return nil
  }
}
