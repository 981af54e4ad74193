internal import Glibc
internal import LinuxKit
internal import WorkerProtocol

/// Room for the samples of a window, which is there before it.
struct IOSamples: ~Copyable {
  /// Room for this many operations a second: more than any file system does. A page that is in the cache takes some
  /// 300 ns; past the cache, it is rather 10 µs.
  static func fastestPerSecond(isDirect: Bool) -> UInt64 { isDirect ? 1_000_000 : 4_000_000 }
  /// The most room that is made, whatever the window: 512 MiB.
  static let limit: UInt64 = 1 << 26

  private let room: UnsafeMutableBufferPointer<UInt64>
  private let syncRoom: UnsafeMutableBufferPointer<UInt64>
  /// Reads and writes.
  private(set) var count = 0
  private(set) var syncCount = 0
  /// How many reads and writes may be begun before the room is full.
  let capacity: Int

  init(_ configuration: StorageConfiguration) {
    let longest = max(configuration.windowNanoseconds, configuration.warmupNanoseconds)
    let operations = longest / (1_000_000_000 / Self.fastestPerSecond(isDirect: configuration.isDirect)) + 1024
    self.init(capacity: Int(min(Self.limit, operations)), syncEvery: configuration.syncEvery)
  }

  init(capacity: Int, syncEvery: Int) {
    self.capacity = capacity
    room = .allocate(capacity: capacity)
    room.initialize(repeating: 0)
    syncRoom = .allocate(capacity: syncEvery > 0 ? capacity / syncEvery + 2 : 0)
    syncRoom.initialize(repeating: 0)
  }

  deinit {
    room.deallocate()
    syncRoom.deallocate()
  }

  /// There is room: no engine begins more than ``capacity`` reads and writes, and a sync comes after some of them.
  @inline(__always)
  mutating func append(_ step: IOStep, _ nanoseconds: UInt64) {
    if step == .sync {
      syncRoom[syncCount] = nanoseconds
      syncCount &+= 1
    } else {
      room[count] = nanoseconds
      count &+= 1
    }
  }

  mutating func removeAll() {
    count = 0
    syncCount = 0
  }

  var isFull: Bool { count == capacity }
  var operations: [UInt64] { Array(room[..<count]) }
  var syncs: [UInt64] { Array(syncRoom[..<syncCount]) }
}
