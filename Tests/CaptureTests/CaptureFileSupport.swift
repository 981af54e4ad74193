import Capture
import Foundation
import Glibc
import LinuxKit
import TestSupport

/// What a reader made of a file.
struct ReadFile {
  var frames: [[UInt8]] = []
  var infos: [FrameInfo] = []
  var interfaces: [CaptureInterface] = []
  var bytesRead: Int64 = 0
  var error: CaptureFileError?

  var times: [Int64?] { infos.map(\.time) }

  /// Reads all that there is.
  init(_ reader: CaptureFileReader) {
    do throws(CaptureFileError) {
      while try reader.next({ frame, info in
        frames.append(frame.withUnsafeBytes { Array($0) })
        infos.append(info)
      }) {}
    } catch {
      self.error = error
    }
    interfaces = reader.interfaces
    bytesRead = reader.bytesRead
  }

  /// Reads `bytes` as a file, `bufferSize` of them at once.
  init(_ bytes: [UInt8], bufferSize: Int = 1 << 20) throws {
    let file = try makeTemporaryFile(bytes)
    do throws(CaptureFileError) {
      self.init(try CaptureFileReader(reading: file, path: "a.pcap", bufferSize: bufferSize))
    } catch {
      self.init(error)
    }
  }

  private init(_ error: CaptureFileError) { self.error = error }
}

/// A file without a name, at its start.
private func makeTemporaryFile(_ bytes: [UInt8]) throws(SystemError) -> Descriptor {
  let path = NSTemporaryDirectory() + "/bench-test-\(UUID().uuidString)"
  let file = try Descriptor.open(path, O_RDWR | O_CREAT | O_EXCL, mode: 0o600)
  unlink(path)
  try file.write(bytes)
  let fd = file.rawValue
  try systemCall("lseek") { lseek(fd, 0, SEEK_SET) }
  return file
}

/// Lends a path that nobody else uses, and removes what was made there.
func withTemporaryPath<Value>(_ body: (String) throws -> Value) rethrows -> Value {
  let path = NSTemporaryDirectory() + "/bench-test-\(UUID().uuidString).pcapng"
  defer { unlink(path) }
  return try body(path)
}

/// Decodes a frame that was captured whole.
func decode(
  _ frame: [UInt8], _ linkType: LinkType = .ethernet, originalLength: Int? = nil
) throws(UndecodableReason) -> DecodedPacket {
  try decodeResult(frame, linkType, originalLength: originalLength).get()
}

func decodeResult(
  _ frame: [UInt8], _ linkType: LinkType = .ethernet, originalLength: Int? = nil
) -> Result<DecodedPacket, UndecodableReason> {
  do throws(UndecodableReason) {
    return .success(
      try PacketDecoder.decode(
        frame.span.bytes, linkType: linkType, originalLength: originalLength ?? frame.count))
  } catch {
    return .failure(error)
  }
}

/// An independent program's answer: its standard output's lines, and its warnings.
struct ProgramAnswer {
  var lines: [String]
  var warnings: [String]
  var status: ChildProcess.ExitStatus

  init(_ program: String, _ arguments: [String]) throws {
    let outcome = try runProgram(program, arguments)
    lines = String(decoding: outcome.standardOutput, as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if lines.last == "" { lines.removeLast() }
    // Said to every root, whatever the file.
    warnings = outcome.standardError.split(separator: "\n").map(String.init)
      .filter { !$0.hasPrefix("Running as user") }
    status = outcome.status
  }
}
