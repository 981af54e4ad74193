public import Capture
internal import Glibc
public import LinuxKit

/// Tries inputs and keeps count of what came of them.
public struct FuzzRun: Sendable {
  public private(set) var frames = 0
  public private(set) var files = 0
  /// Packets that files delivered.
  public private(set) var packets = 0
  /// Frames, on their own or from files, that were decoded; the others by reason.
  public private(set) var decoded = 0
  public private(set) var undecodable: [UndecodableReason: Int] = [:]
  /// Files by the error that they ended with, and those without one.
  public private(set) var errors: [CaptureFileError.Kind: Int] = [:]
  public private(set) var wholeFiles = 0

  public init() {}

  /// Tries one input.
  /// - Returns: what is wrong with what came of it, nil if nothing is.
  public mutating func `try`(_ input: FuzzInput) throws(SystemError) -> String? {
    switch input {
    case .frame(let linkType, let originalLength, let bytes):
      frames += 1
      return checkFrame(bytes.span.bytes, linkType, originalLength)
    case .file(let bufferSize, let bytes):
      files += 1
      let first = try read(bytes, bufferSize: bufferSize)
      if let complaint = first.complaint ?? complaint(first, bytes) { return complaint }
      // What a file says must not hang on how it is read.
      let second = try read(bytes, bufferSize: 4096)
      if first.digest != second.digest || first.error != second.error {
        return "another buffer gives another result"
      }
      packets += first.packets
      if let error = first.error { errors[error.kind, default: 0] += 1 } else { wholeFiles += 1 }
      return nil
    }
  }

  // MARK: Frames

  private mutating func checkFrame(_ frame: RawSpan, _ linkType: LinkType, _ originalLength: Int) -> String? {
    let whole = decode(frame, linkType, originalLength)
    switch whole {
    case .success(let packet):
      decoded += 1
      if let complaint = complaint(packet, frame.byteCount, originalLength) { return complaint }
    case .failure(let reason):
      undecodable[reason, default: 0] += 1
    }
    // With fewer bytes captured, the answer is the same, or that there are too few.
    let wire = max(originalLength, frame.byteCount)
    for count in [frame.byteCount / 2, frame.byteCount - 1] where count >= 0 {
      let part = decode(frame.extracting(first: count), linkType, wire)
      if !Self.isSame(part, asCut: whole, to: count) { return "cut to \(count) bytes it is something else" }
    }
    return nil
  }

  private func decode(
    _ frame: RawSpan, _ linkType: LinkType, _ originalLength: Int
  ) -> Result<DecodedPacket, UndecodableReason> {
    do throws(UndecodableReason) {
      return .success(try PacketDecoder.decode(frame, linkType: linkType, originalLength: originalLength))
    } catch {
      return .failure(error)
    }
  }

  /// Whether `part` is what is to be expected of a frame of which only `count` bytes were captured.
  public static func isSame(
    _ part: Result<DecodedPacket, UndecodableReason>, asCut whole: Result<DecodedPacket, UndecodableReason>,
    to count: Int
  ) -> Bool {
    switch (part, whole) {
    case (.failure(.truncated), _): return true
    case (.failure(let reason), .failure(let other)): return reason == other
    case (.success(let packet), .success(var other)):
      let start = min(other.payload.lowerBound, count)
      other.payload = start..<max(start, min(other.payload.upperBound, count))
      if packet.message == nil, packet.payload.count < 24 { other.message = nil }
      return packet == other
    default: return false
    }
  }

  private func complaint(_ packet: DecodedPacket, _ captured: Int, _ originalLength: Int) -> String? {
    if packet.payload.upperBound > captured { return "payload up to \(packet.payload.upperBound) of \(captured) bytes" }
    if packet.payload.count > packet.payloadLength { return "more payload captured than there is" }
    if packet.payloadLength > max(65_535, max(originalLength, captured)) { return "payload larger than a packet" }
    return nil
  }

  // MARK: Files

  private struct Reading {
    var packets = 0
    var bytes = 0
    var digest: UInt64 = 0xcbf2_9ce4_8422_2325
    var error: CaptureFileError?
    var end: Int64 = 0
    var complaint: String?

    /// FNV-1a over words.
    mutating func mix(_ value: UInt64) { digest = (digest ^ value) &* 0x100_0000_01b3 }
  }

  /// A descriptor that `bytes` can be read from, and then the end.
  private func descriptor(of bytes: [UInt8]) throws(SystemError) -> Descriptor {
    let pipe = try Descriptor.pipe()
    // It fits into the pipe, so nobody needs to read yet.
    try pipe.writing.write(bytes)
    let fd = pipe.reading.rawValue
    return Descriptor(owning: try systemCall("dup") { dup(fd) })
  }

  private mutating func read(_ bytes: [UInt8], bufferSize: Int) throws(SystemError) -> Reading {
    let input = try descriptor(of: bytes)
    var result = Reading()
    var outcomes: [Result<DecodedPacket, UndecodableReason>] = []
    do throws(CaptureFileError) {
      let reader = try CaptureFileReader(reading: input, path: "input", bufferSize: bufferSize)
      do throws(CaptureFileError) {
        while try reader.next({ frame, info in
          result.packets += 1
          result.bytes += frame.byteCount
          result.mix(UInt64(frame.byteCount))
          result.mix(UInt64(bitPattern: info.time ?? -1))
          result.mix(UInt64(info.interface) << 32 | UInt64(info.originalLength))
          if let last = frame.withUnsafeBytes({ $0.last }) { result.mix(UInt64(last)) }
          if frame.byteCount != info.capturedLength || info.originalLength < info.capturedLength
            || info.interface >= reader.interfaces.count
          {
            result.complaint = "packet \(result.packets) is at odds with what is said of it"
          }
          outcomes.append(decode(frame, info.linkType, info.originalLength))
        }) {
          // Each packet takes 16 bytes beside its own: more than there can be means that it would go on for ever.
          if result.packets * 16 + result.bytes > bytes.count {
            result.complaint = "more packets than the file can hold"
            break
          }
        }
      } catch {
        result.error = error
        if error.packet != nil, error.packet != result.packets + 1 { result.complaint = "the wrong packet is at fault" }
        result.complaint = result.complaint ?? complaintOfRepeating(reader, error)
      }
      result.end = reader.bytesRead
      if reader.packets != result.packets { result.complaint = "\(reader.packets) packets counted" }
    } catch {
      result.error = error
    }
    for outcome in outcomes {
      switch outcome {
      case .success: decoded += 1
      case .failure(let reason): undecodable[reason, default: 0] += 1
      }
    }
    return result
  }

  private func complaintOfRepeating(_ reader: CaptureFileReader, _ first: CaptureFileError) -> String? {
    do throws(CaptureFileError) {
      _ = try reader.next { _, _ in }
      return "reading goes on after an error"
    } catch {
      return error == first ? nil : "another error the second time"
    }
  }

  private func complaint(_ reading: Reading, _ bytes: [UInt8]) -> String? {
    if let error = reading.error {
      if error.kind == .system { return "the system failed: \(error)" }
      if error.offset < 0 || error.offset > Int64(bytes.count) { return "an error at byte \(error.offset)" }
      if error.problem.isEmpty { return "an error without words" }
    } else if reading.end != Int64(bytes.count) {
      return "the end was reached at byte \(reading.end) of \(bytes.count)"
    }
    return nil
  }
}
