internal import Foundation
internal import LinuxKit
internal import PlainText
internal import Statistics

/// What others did on the CPUs of the measurement while the doctor did nothing.
struct ActivitySample {
  /// In ns.
  var length: UInt64
  /// Time that the hypervisor gave to others ÷ time; nil if it cannot be read.
  var stealShare: Double?
  /// Time that others used ÷ time; nil if it cannot be read.
  var foreignShare: Double?
  /// The busiest first.
  var busiest: [BusyProcess]

  struct BusyProcess: Equatable {
    var pid: Int32
    /// Whatever the process calls itself.
    var name: String
    /// CPU time ÷ time: 1 is one CPU.
    var share: Double
  }

  static func take(on cpus: [Int], during length: Duration) -> ActivitySample {
    let processes = ProcessTable.read()
    let own = Clock.processCPU()
    let accounted = AccountedTime.read(cpus: cpus)
    let ticks = ProcessorTime.read(cpus: cpus)
    let start = Clock.monotonic()
    // Not to wait for anything: the pause is what is measured.
    Thread.sleep(forTimeInterval: length / .seconds(1))
    let end = Clock.monotonic()
    let ticksAfter = ProcessorTime.read(cpus: cpus)
    let accountedAfter = AccountedTime.read(cpus: cpus)
    let ownAfter = Clock.processCPU()

    let capacity = Double(end - start) * Double(cpus.count)
    var used: Double?
    if let accounted, let accountedAfter, accountedAfter >= accounted {
      used = Double(accountedAfter - accounted)
    } else if let ticks, let ticksAfter {
      let busy = zip(ticks, ticksAfter).map { Double($1.busy) - Double($0.busy) }.reduce(0, +)
      used = busy * 1e9 / Double(ProcessorTime.ticksPerSecond)
    }
    var steal: Double?
    if let ticks, let ticksAfter {
      let stolen = zip(ticks, ticksAfter).map { Double($1.steal) - Double($0.steal) }.reduce(0, +)
      let total = zip(ticks, ticksAfter).map { Double($1.total) - Double($0.total) }.reduce(0, +)
      steal = total > 0 ? max(0, stolen / total) : nil
    }
    return ActivitySample(
      length: end - start, stealShare: steal,
      foreignShare: used.map { min(1, max(0, ($0 - Double(ownAfter - own)) / capacity)) },
      busiest: ProcessTable.busiest(3, from: processes, to: ProcessTable.read(), nanoseconds: end - start))
  }

  func findings(cpus: [Int]) -> [Finding] {
    let watch = "of CPU \(cpus.map(String.init).listed) in \(Figure.duration(nanoseconds: Double(length)))"
    return [steal(watch), neighbours(watch)]
  }

  private func steal(_ watch: String) -> Finding {
    let level = NoiseClass.Evidence.stealShare.classify(stealShare)
    return Finding(
      id: "steal", title: "Steal", status: level.status,
      detail: stealShare.map { "the hypervisor took \(Figure.percent($0)) \(watch)\(level.consequence)" }
        ?? "the kernel does not tell, or the sample was too short",
      why: "What the hypervisor gives to other machines is missing in the middle of a window.",
      affects: Affected.latencies)
  }

  private func neighbours(_ watch: String) -> Finding {
    let level = NoiseClass.Evidence.foreignCPUShare.classify(foreignShare)
    var detail =
      foreignShare.map { "others used \(Figure.percent($0)) \(watch)\(level.consequence)" }
      ?? "the kernel does not tell"
    if level.status == .warning {
      detail +=
        busiest.isEmpty
        ? "; no process stands out: the kernel, or processes that are over"
        : "; busiest: "
          + busiest.map { "\($0.name) (pid \($0.pid), \(Figure.percent($0.share)) of a CPU)" }.joined(separator: ", ")
    }
    return Finding(
      id: "neighbours", title: "Busy neighbours", status: level.status, detail: detail,
      why: "Other work on the CPUs of the measurement interrupts it and empties its caches.",
      remedy: level.status == .warning ? "top -b -n 1 -o %CPU | head -n 15" : nil, affects: Affected.latencies)
  }
}

extension NoiseClass {
  var status: Finding.Status {
    switch self {
    case .unknown: .note
    case .quiet: .ok
    case .noisy, .hostile: .warning
    }
  }

  var consequence: String {
    switch self {
    case .unknown, .quiet: ""
    case .noisy: " (noisy: differences take more blocks to be seen)"
    case .hostile: " (too much for a verdict)"
    }
  }
}

/// The CPU time of all processes that can be seen (/proc/PID/stat, proc(5)).
enum ProcessTable {
  struct Entry: Equatable {
    var pid: Int32
    var name: String
    /// User and system time, in clock ticks.
    var ticks: UInt64
    /// Since boot, in clock ticks: tells a process from a later one of the same number.
    var started: UInt64
  }

  static func read(directory: String = "/proc") -> [Int32: Entry] {
    var entries: [Int32: Entry] = [:]
    for name in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] {
      guard let pid = Int32(name), let text = try? SmallFile.text("\(directory)/\(name)/stat"),
        let entry = parse(text, pid: pid)
      else { continue }
      entries[pid] = entry
    }
    return entries
  }

  /// The name stands in parentheses and may itself hold spaces, parentheses and line ends: it goes to the last one.
  static func parse(_ text: String, pid: Int32) -> Entry? {
    guard let open = text.firstIndex(of: "("), let close = text.lastIndex(of: ")"), open < close else { return nil }
    // From the third field, the state, on.
    let fields = text[text.index(after: close)...].split(whereSeparator: \.isWhitespace)
    guard fields.count > 19, let user = UInt64(fields[11]), let system = UInt64(fields[12]),
      let started = UInt64(fields[19])
    else { return nil }
    let name = InertText.line(String(text[text.index(after: open)..<close]))
    return Entry(pid: pid, name: name.isEmpty ? "(no name)" : name, ticks: user &+ system, started: started)
  }

  /// Those that used the most CPU time between two readings, without this process.
  static func busiest(
    _ count: Int, from before: [Int32: Entry], to after: [Int32: Entry], nanoseconds: UInt64
  ) -> [ActivitySample.BusyProcess] {
    let ticksPerSecond = Double(ProcessorTime.ticksPerSecond)
    let own = Foundation.ProcessInfo.processInfo.processIdentifier
    let grown = after.values.compactMap { entry -> (Entry, UInt64)? in
      let earlier = before[entry.pid].flatMap { $0.started == entry.started ? $0.ticks : nil } ?? 0
      return entry.pid != own && entry.ticks > earlier ? (entry, entry.ticks - earlier) : nil
    }
    let order = grown.sorted { ($0.1, $1.0.pid) > ($1.1, $0.0.pid) }
    return order.prefix(count).map { entry, ticks in
      ActivitySample.BusyProcess(
        pid: entry.pid, name: entry.name,
        share: Double(ticks) / ticksPerSecond / (Double(max(1, nanoseconds)) / 1e9))
    }
  }
}
