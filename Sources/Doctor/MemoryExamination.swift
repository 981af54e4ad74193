internal import LinuxKit

/// Whether there is room for the samples of a window.
enum MemoryExamination {
  /// In bytes. A long window of a fast loop keeps tens of millions of samples of four bytes.
  private static let least: UInt64 = 512_000_000

  static var finding: Finding { finding(meminfo: (try? SmallFile.text("/proc/meminfo")) ?? "") }

  /// - Parameter meminfo: the text of /proc/meminfo.
  static func finding(meminfo: String) -> Finding {
    let line = meminfo.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
    let kibibytes = line?.split(separator: " ").dropFirst().first.flatMap { UInt64($0) }
    let available = kibibytes.map { $0.multipliedReportingOverflow(by: 1024).partialValue }
    let isShort = available.map { $0 < least } ?? false
    return Finding(
      id: "memory", title: "Memory", status: available == nil ? .note : isShort ? .warning : .ok,
      detail: available.map { "\(Figure.bytes($0)) available\(isShort ? ", less than \(Figure.bytes(least))" : "")" }
        ?? "the kernel does not tell how much is available",
      why: "Every round trip of a window is kept in memory; a host that swaps measures its disk.",
      remedy: isShort ? "free -m" : nil, affects: Affected.latencies)
  }
}
