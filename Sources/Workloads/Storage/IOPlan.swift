internal import Glibc
internal import LinuxKit
internal import WorkerProtocol

/// One thing to do.
enum IOStep: UInt8 {
  case read, write, sync
}

/// What is done, one step after the other. The same seed gives the same steps, whatever the engine.
struct IOPlan {
  private let access: StorageConfiguration.Access
  private let isSequential: Bool
  private let blocks: UInt64
  private let blockSize: UInt64
  /// 0 is never.
  private let syncEvery: UInt64
  private var places: SplitMix64
  private var coins: SplitMix64
  /// The next block in order.
  private var block: UInt64 = 0
  /// Writes since the last sync.
  private var unsynced: UInt64 = 0

  init(_ configuration: StorageConfiguration) {
    access = configuration.access
    isSequential = configuration.isSequential
    blocks = UInt64(configuration.size / configuration.blockSize)
    blockSize = UInt64(configuration.blockSize)
    syncEvery = UInt64(max(0, configuration.syncEvery))
    places = SplitMix64(seed: configuration.seed)
    // Of their own, so that places are the same for every access.
    coins = SplitMix64(seed: ~configuration.seed)
  }

  /// As fio has it: after every so many writes have been handed over, a sync is the next step, whether or not those
  /// writes have ended. With one operation under way, they have.
  /// - Parameter offset: is set to where to read or write, in bytes.
  @inline(__always)
  mutating func next(_ offset: inout UInt64) -> IOStep {
    if syncEvery != 0 && unsynced == syncEvery {
      unsynced = 0
      return .sync
    }
    if isSequential {
      offset = block &* blockSize
      block &+= 1
      if block == blocks { block = 0 }
    } else {
      // Lemire: Fast Random Integer Generation in an Interval, 2019. The bias is below blocks ÷ 2⁶⁴.
      offset = places.next().multipliedFullWidth(by: blocks).high &* blockSize
    }
    let isWrite =
      switch access {
      case .read: false
      case .write: true
      case .mixed: coins.next() >> 63 != 0
      }
    guard isWrite else { return .read }
    unsynced &+= 1
    return .write
  }
}
