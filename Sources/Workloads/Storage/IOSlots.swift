internal import Glibc
internal import LinuxKit
internal import WorkerProtocol

/// The file, and memory for each operation that is under way: what it reads into, what it writes, and what it is.
struct IOSlots: ~Copyable {
  /// O_DIRECT wants memory in whole sectors of the device, which are no larger than this (a page).
  static let alignment = 4096
  /// All buffers together.
  private static let mostMemory = 1 << 30

  struct Operation {
    var start: UInt64 = 0
    var offset: UInt64 = 0
    var step = IOStep.read
  }

  let fd: Int32
  let path: String
  let blockSize: Int
  let depth: Int
  let operations: UnsafeMutablePointer<Operation>
  private let stride: Int
  private let memory: UnsafeMutableRawBufferPointer
  private let base: UnsafeMutableRawPointer

  init(_ configuration: StorageConfiguration, fd: Int32, path: String) throws(WorkloadError) {
    self.fd = fd
    self.path = path
    blockSize = configuration.blockSize
    depth = configuration.depth
    stride = (blockSize + Self.alignment - 1) / Self.alignment * Self.alignment
    let (bytes, overflow) = stride.multipliedReportingOverflow(by: 2 * depth)
    guard !overflow, bytes <= Self.mostMemory else {
      throw WorkloadError(
        "\(depth) operations of \(blockSize) bytes under way take more memory than the \(Self.mostMemory >> 20) MiB "
          + "that are possible")
    }
    memory = .allocate(byteCount: bytes, alignment: Self.alignment)
    base = memory.baseAddress.unsafelyUnwrapped
    operations = .allocate(capacity: depth)
    operations.initialize(repeating: Operation(), count: depth)
    // Random, since some file systems compress; and written to, so that its pages are there.
    var numbers = SplitMix64(seed: configuration.seed &+ 1)
    memory.withMemoryRebound(to: UInt64.self) { words in
      for index in words.indices { words[index] = numbers.next() }
    }
  }

  deinit {
    operations.deallocate()
    memory.deallocate()
  }

  /// What slot `index` reads into.
  @inline(__always)
  func input(_ index: Int) -> UnsafeMutableRawPointer { base + 2 * index * stride }

  /// What slot `index` writes: apart from what was read, so that it stays random.
  @inline(__always)
  func output(_ index: Int) -> UnsafeMutableRawPointer { base + (2 * index + 1) * stride }
}
