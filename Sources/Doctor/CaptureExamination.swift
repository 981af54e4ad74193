internal import Capture
internal import LinuxKit

/// Whether packets can be looked at on their way, tried with a tap on the host's own loopback.
enum CaptureExamination {
  static var finding: Finding {
    let start = Clock.monotonic()
    var failure: TapError?
    do throws(TapError) {
      let filter = TapFilter(transport: .udp, sampling: 1)
      let taps = try TapSet([TapConfiguration(namespace: nil, interface: "lo", filter: filter, duration: 0)])
      taps.close()
    } catch { failure = error }
    return finding(library: TapSet.library, failure: failure, nanoseconds: Clock.monotonic() - start)
  }

  /// - Parameters:
  ///   - failure: why there is no tap; nil if there was one.
  ///   - nanoseconds: what opening and closing it took.
  static func finding(library: String, failure: TapError?, nanoseconds: UInt64) -> Finding {
    let detail =
      failure.map { "\($0)" }
      ?? "a tap with nanosecond stamps, opened and closed in \(Figure.duration(nanoseconds: Double(nanoseconds)))"
    return Finding(
      id: "capture", title: "Packet capture", status: failure == nil ? .ok : .missing,
      detail: "\(library): \(detail)",
      why: "It shows where on its way a round trip's time goes; without it, runs measure the whole alone.",
      remedy: failure?.isPermission == true ? "sudo bench doctor" : nil, affects: ["hops"])
  }
}
