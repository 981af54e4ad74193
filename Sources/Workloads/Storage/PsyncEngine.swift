internal import Glibc
internal import LinuxKit

/// One operation at a time by pread(2), pwrite(2) and fsync(2): fio's engine of the same name.
struct PsyncEngine: IOEngine {
  mutating func run(
    _ plan: inout IOPlan, _ slots: borrowing IOSlots, for duration: UInt64, into samples: inout IOSamples,
    _ nanoseconds: inout UInt64
  ) -> IOFailure? {
    // Locals, so that the optimiser may keep them in registers across the calls.
    var steps = plan
    defer { plan = steps }
    let (fd, size) = (slots.fd, slots.blockSize)
    let (input, output) = (slots.input(0), slots.output(0))
    let capacity = samples.capacity
    var offset: UInt64 = 0
    let start = Clock.monotonic()
    var now = start
    while now - start < duration && samples.count < capacity {
      let step = steps.next(&offset)
      var done: Int
      repeat {
        done =
          switch step {
          case .read: pread(fd, input, size, off_t(bitPattern: offset))
          case .write: pwrite(fd, output, size, off_t(bitPattern: offset))
          case .sync: Int(fsync(fd))
          }
      } while done < 0 && errno == EINTR
      let end = Clock.monotonic()
      if done != (step == .sync ? 0 : size) {
        return IOFailure(step, offset: offset, result: done < 0 ? -Int(errno) : done)
      }
      samples.append(step, end - now)
      now = end
    }
    nanoseconds = now - start
    return nil
  }
}

extension off_t {
  fileprivate init(bitPattern offset: UInt64) { self = off_t(Int64(bitPattern: offset)) }
}
