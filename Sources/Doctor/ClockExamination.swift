internal import Foundation
internal import LinuxKit

/// The clock that every round trip is read from twice.
enum ClockExamination {
  /// Above this, in ns, reading the clock is a part of what is measured that cannot be overlooked.
  static let costLimit = 100.0

  static var finding: Finding {
    let directory = "/sys/devices/system/clocksource/clocksource0"
    let available = SmallFile.line("\(directory)/available_clocksource") ?? ""
    return finding(
      source: SmallFile.line("\(directory)/current_clocksource"),
      available: available.split(separator: " ").map(String.init), cost: cost())
  }

  /// - Parameters:
  ///   - source: the kernel's name of the clock source in use.
  ///   - available: those that there are.
  ///   - cost: of one reading, in ns.
  static func finding(source: String?, available: [String], cost: Double) -> Finding {
    let isSlow = cost > costLimit
    let better = ["tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter"].first {
      available.contains($0) && $0 != source
    }
    let figure = String(format: "%.0f ns", cost)
    return Finding(
      id: "clock", title: "Clock", status: isSlow ? .warning : .ok,
      detail: "\(source ?? "unknown clock source"), \(figure) a reading"
        + (isSlow ? String(format: " (more than %.0f ns: no vDSO, perhaps)", costLimit) : ""),
      why: "Each round trip takes two readings, and what they cost is in every number.",
      remedy: isSlow
        ? better.map { "echo \($0) | sudo tee /sys/devices/system/clocksource/clocksource0/current_clocksource" } : nil,
      affects: Affected.latencies)
  }

  /// ns of one reading: of many batches the best, since what interrupts add is not the clock's.
  private static func cost() -> Double {
    let readings = 1000
    var best = Double.infinity
    for _ in 0..<20 {
      let start = Clock.monotonic()
      var last = start
      for _ in 0..<readings { last = Clock.monotonic() }
      best = min(best, Double(last - start) / Double(readings))
    }
    return best
  }
}
