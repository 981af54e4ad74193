internal import Capture
internal import Environments
internal import Foundation
internal import LinuxKit
internal import Model

/// Keeps the packets of one trial's taps: one pcapng file a tap, named by workload, environment and interface.
final class PacketRecorder {
  private let directory: String
  private let files: [PacketFile]

  /// - Parameters:
  ///   - directory: is made where it is missing.
  ///   - slot: names the files.
  ///   - application: name and version of the program, for the files' heads.
  /// - Throws: `UserError(.notPermitted)` or `.unavailable`, with the path.
  init(
    directory: String, slot: RunPlan.Slot, taps: [HopPath.Tapped], linkTypes: [LinkType],
    filters: [TapFilter], application: String
  ) throws(UserError) {
    self.directory = directory
    do {
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    } catch {
      throw UserError(
        .notPermitted, "cannot make \(directory) for captured packets: \(error.localizedDescription)",
        remedy: "name another place with --save-pcap")
    }
    do throws(SystemError) {
      var files: [PacketFile] = []
      for (tapped, (linkType, filter)) in zip(taps, zip(linkTypes, filters)) {
        let place = tapped.interface
        let name = "\(slot.workload).\(slot.environment).\(place.role)-\(place.interface).pcapng"
        let namespace = place.namespace.map { URL(fileURLWithPath: $0).lastPathComponent } ?? "the host's own"
        let writer = try PcapngWriter(
          path: "\(directory)/\(name)", application: application,
          interfaces: [
            PcapngWriter.Interface(
              linkType: linkType, name: place.interface,
              description: "network namespace \(namespace) (\(place.role)), environment \(slot.environment)",
              filter: filter.expression, snapLength: TapConfiguration.capturedBytes)
          ])
        files.append(PacketFile(writer))
      }
      self.files = files
    } catch { throw Self.explained(error, directory) }
  }

  /// Writes a packet; a failure is told by ``finish(_:)``.
  func record(_ tap: Int, _ frame: RawSpan, time: UInt64, length: Int, direction: FrameInfo.Direction) {
    files[tap].write(frame, time: time, length: length, direction: direction)
  }

  /// Completes the files.
  /// - Parameter counts: what the kernel counted, one entry a tap.
  func finish(_ counts: [TapCounts]) throws(UserError) {
    do throws(SystemError) {
      for (file, count) in zip(files, counts) { try file.finish(count) }
    } catch { throw Self.explained(error, directory) }
  }

  private static func explained(_ error: SystemError, _ directory: String) -> UserError {
    UserError(
      error.isPermission ? .notPermitted : .unavailable, "cannot keep captured packets in \(directory): \(error)",
      remedy: error.isFull
        ? "make room, or name another place with --save-pcap" : "name another place with --save-pcap")
  }
}

/// A file that is being written. A writer is not copyable, so it cannot stand in an array by itself.
private final class PacketFile {
  private var writer: PcapngWriter?
  private var failure: SystemError?

  init(_ writer: consuming PcapngWriter) { self.writer = consume writer }

  func write(_ frame: RawSpan, time: UInt64, length: Int, direction: FrameInfo.Direction) {
    guard failure == nil else { return }
    do throws(SystemError) {
      try writer?.write(
        frame, interface: 0, time: Int64(clamping: time), originalLength: length, direction: direction)
    } catch { failure = error }
  }

  func finish(_ counts: TapCounts) throws(SystemError) {
    if let failure { throw failure }
    guard let writer = writer.take() else { return }
    try writer.finish([
      PcapngWriter.Statistics(
        interface: 0, received: UInt64(counts.packets + counts.dropped), dropped: UInt64(counts.dropped),
        time: Int64(clamping: Clock.realtime()))
    ])
  }
}
