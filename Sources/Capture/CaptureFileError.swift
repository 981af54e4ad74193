public import LinuxKit

/// Why a capture file cannot be read, or not further: where, what was expected there, and what to do about it.
public struct CaptureFileError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What kind of trouble it is.
  public enum Kind: String, Sendable, CaseIterable {
    /// Not a file of packets in any format known here.
    case notACapture
    /// A file without a byte.
    case empty
    /// The file ends within a header, a block or a packet. All packets before were delivered.
    case truncated
    /// What the file says contradicts its format. All packets before were delivered.
    case malformed
    /// A capture, but of a kind that is not read here.
    case unsupported
    /// The system did not let the file be read.
    case system
  }

  public var kind: Kind
  /// The file's path, or "standard input".
  public var path: String
  /// Where in the file the header, block or packet begins that is at fault, in bytes from its start.
  public var offset: Int64
  /// The packet that could not be read, counted from 1; nil outside of packets.
  public var packet: Int?
  /// What is wrong there, and what was expected. No full stop.
  public var problem: String
  /// What to do about it, if anything.
  public var remedy: String?
  /// The failed call, of `.system`.
  public var cause: SystemError?

  public init(
    _ kind: Kind, path: String, offset: Int64 = 0, packet: Int? = nil, problem: String, remedy: String? = nil,
    cause: SystemError? = nil
  ) {
    self.kind = kind
    self.path = path
    self.offset = offset
    self.packet = packet
    self.problem = problem
    self.remedy = remedy
    self.cause = cause
  }

  /// `a.pcap: packet 7 at byte 512: the file ends after 20 of its 90 bytes`, and the remedy on a line of its own.
  public var description: String {
    var place = path
    if let packet {
      place += ": packet \(packet) at byte \(offset)"
    } else if offset > 0 {
      place += ": at byte \(offset)"
    }
    return remedy.map { "\(place): \(problem)\n\($0)" } ?? "\(place): \(problem)"
  }
}
