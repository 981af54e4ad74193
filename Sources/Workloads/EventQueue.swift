internal import CLinux
internal import Glibc
internal import LinuxKit

/// An epoll(7) instance, level-triggered, in which each socket is known by a number; and room for what it reports.
struct EventQueue: ~Copyable {
  private let descriptor: Descriptor
  /// What the last wait reported.
  let events: UnsafeMutableBufferPointer<epoll_event>

  /// - Parameter capacity: how many events one wait reports at the most.
  init(capacity: Int) throws(SystemError) {
    descriptor = Descriptor(owning: try systemCall("epoll_create1") { epoll_create1(Int32(EPOLL_CLOEXEC)) })
    events = .allocate(capacity: capacity)
    events.initialize(repeating: epoll_event())
  }

  deinit { events.deallocate() }

  var fd: Int32 { descriptor.rawValue }

  /// Reports `socket` from now on when there is something to read.
  func add(_ socket: Int32, number: Int) throws(SystemError) {
    let queue = fd
    var event = epoll_event()
    event.events = EPOLLIN.rawValue
    event.data.u64 = UInt64(number)
    try systemCall("epoll_ctl") { epoll_ctl(queue, EPOLL_CTL_ADD, socket, &event) }
  }

  /// What `socket` is reported for from now on. Within a window: it cannot fail for a socket that was added.
  static func watch(_ socket: Int32, number: Int, input: Bool, output: Bool, in queue: Int32) {
    var event = epoll_event()
    event.events = (input ? EPOLLIN.rawValue : 0) | (output ? EPOLLOUT.rawValue : 0)
    event.data.u64 = UInt64(number)
    epoll_ctl(queue, EPOLL_CTL_MOD, socket, &event)
  }
}
