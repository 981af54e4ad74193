internal import Glibc
public import LinuxKit

/// Reads the packets of a pcap or pcapng file one after the other, in bounded memory, from a regular file as from a
/// pipe.
///
/// pcap of both byte orders with micro- and nanoseconds
/// (https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-06.html); pcapng with sections of both byte orders, any
/// number of interfaces and any resolution (https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-04.html).
public final class CaptureFileReader {
  /// What errors call the file.
  public let path: String
  private var source: FrameSource

  /// Opens a file and reads its first header.
  /// - Parameter path: "-" is standard input.
  public convenience init(path: String) throws(CaptureFileError) {
    let name = path == "-" ? "standard input" : path
    let descriptor: Descriptor
    do throws(SystemError) {
      if path == "-" {
        descriptor = Descriptor(
          owning: try systemCall("fcntl", on: name) { fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) })
      } else {
        descriptor = try Descriptor.open(path, O_RDONLY)
      }
    } catch {
      throw CaptureFileError(.system, path: name, problem: "it cannot be opened: \(error.reason)", cause: error)
    }
    try self.init(reading: descriptor, path: name)
  }

  /// Reads from an open descriptor, from where it stands.
  ///
  /// - Parameters:
  ///   - path: what errors call the file.
  ///   - bufferSize: bytes to read at once. A larger packet or block makes the buffer grow, to no more than 32 MiB.
  public init(
    reading descriptor: consuming Descriptor, path: String, bufferSize: Int = 1 << 20
  ) throws(CaptureFileError) {
    self.path = path
    self.source = try FrameSource(InputWindow(descriptor, name: path, capacity: bufferSize))
  }

  /// The interfaces that the file has described so far: pcap's one, or pcapng's, which may come at any place.
  public var interfaces: [CaptureInterface] { source.interfaces }

  /// Packets delivered so far.
  public var packets: Int { source.packets }

  /// Where in the file reading goes on, in bytes from its start.
  public var bytesRead: Int64 { source.offset }

  /// Calls `body` with the next frame and what the file says of it. The frame is there during the call only, and `body`
  /// may not call `next` itself.
  ///
  /// - Returns: false at the end of the file: `body` was not called.
  /// - Throws: where the file is cut or at odds with its format. Every further call throws the same.
  public func next(_ body: (RawSpan, FrameInfo) -> Void) throws(CaptureFileError) -> Bool {
    // Finding and lending are two accesses to `source`, so that `body` may ask for `interfaces` and `packets`.
    guard let found = try source.next() else { return false }
    source.lend(found, body)
    return true
  }
}

/// A file and what has been understood of it. The reader's own part, in one value: each access to a property of a class
/// is checked as it happens, which for several a packet costs as much as the rest.
private struct FrameSource: ~Copyable {
  private var window: InputWindow
  private let pcap: PcapFormat?
  private let pcapInterface: CaptureInterface?
  private var pcapng = PcapngFormat()
  private var failure: CaptureFileError?
  /// Bytes of the frame that was lent last, and of what encloses it.
  private var lent = 0
  private(set) var packets = 0

  init(_ window: consuming InputWindow) throws(CaptureFileError) {
    var window = window
    if try CaptureFormat.sniff(&window) == .pcapng {
      pcap = nil
      pcapInterface = nil
    } else {
      let header = try PcapHeader(&window)
      pcap = header.format
      pcapInterface = header.interface
    }
    self.window = window
  }

  var interfaces: [CaptureInterface] { pcapInterface.map { [$0] } ?? pcapng.interfaces }
  var offset: Int64 { window.offset + Int64(lent) }

  @inline(__always)
  mutating func next() throws(CaptureFileError) -> FoundFrame? {
    window.consume(lent)
    lent = 0
    if let failure { throw failure }
    do throws(CaptureFileError) {
      let found: FoundFrame?
      if let pcap {
        found = try pcap.next(&window, packet: packets + 1)
      } else {
        found = try pcapng.next(&window, packet: packets + 1)
      }
      guard let found else { return nil }
      packets += 1
      lent = found.length
      return found
    } catch {
      failure = error
      throw error
    }
  }

  @inline(__always)
  borrowing func lend(_ found: FoundFrame, _ body: (RawSpan, FrameInfo) -> Void) {
    window.withBytes(found.end) { block in
      let frame = block.extracting(found.frame)
      var info = found.info
      info.readCookedHeader(of: frame)
      body(frame, info)
    }
  }
}

/// A frame in the window.
struct FoundFrame {
  /// Where the frame's bytes lie, from the window's start.
  var start: Int
  var info: FrameInfo
  /// Bytes to consume to get behind the frame and whatever encloses it.
  var length: Int

  var end: Int { start + info.capturedLength }
  var frame: Range<Int> { start..<end }
}

extension FrameInfo {
  /// Takes the direction and the device out of a cooked header, as far as the file's own words leave them open.
  @inline(__always)
  fileprivate mutating func readCookedHeader(of frame: RawSpan) {
    switch linkType {
    case .linuxCooked where frame.byteCount >= 16:
      if direction == .unknown { direction = frame.bigEndian16(0) == 4 ? .outbound : .inbound }
    case .linuxCooked2 where frame.byteCount >= 20:
      if direction == .unknown { direction = frame.byte(10) == 4 ? .outbound : .inbound }
      deviceIndex = frame.bigEndian32(4)
    default:
      break
    }
  }
}
