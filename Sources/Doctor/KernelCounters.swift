internal import CLinux
internal import LinuxKit

/// The kernel's counters of events and of instructions, by opening one of each (perf_event_open(2)).
enum KernelCounters {
  private static let event = "net:net_dev_xmit"

  static func findings(cpu: Int, isVirtual: Bool) -> [Finding] { [tracepoints(cpu: cpu), pmu(isVirtual: isVirtual)] }

  /// perf_event_open(2) with the descriptor's life in good hands.
  private static func open(
    _ name: String, type: perf_type_id, config: UInt64, pid: Int32, cpu: Int
  ) throws(SystemError) -> Descriptor {
    Descriptor(
      owning: try systemCall("perf_event_open", on: name) {
        clinux_perf_event_open(type.rawValue, config, pid, Int32(clamping: cpu))
      })
  }

  private static func tracepoints(cpu: Int) -> Finding {
    var status = Finding.Status.missing
    var detail: String
    var remedy: String?
    let place = TraceFS.places.first { SmallFile.line("\($0)/events/header_page") != nil }
    let mounted = mountPoints()
    do throws(SystemError) {
      let directory = place ?? mounted.first ?? TraceFS.usualPlaces[0]
      let text = try SmallFile.text("\(directory)/events/net/net_dev_xmit/id")
      guard let id = UInt64(text.filter(\.isNumber)) else {
        throw SystemError(call: "read", subject: "\(directory)/events/net/net_dev_xmit/id", code: ErrorCode.invalid)
      }
      // As a run would: all processes of one CPU.
      _ = try open(event, type: PERF_TYPE_TRACEPOINT, config: id, pid: -1, cpu: cpu)
      status = .ok
      let whereabouts = mounted.isEmpty ? "tracefs is mounted for bench alone" : "tracefs is at \(directory)"
      detail = "\(event) (\(id)) opens on CPU \(cpu), \(whereabouts)"
    } catch {
      if mounted.isEmpty && place == nil {
        detail = "tracefs is not mounted"
        remedy = "sudo mount -t tracefs nodev /sys/kernel/tracing"
      } else {
        detail = "\(error)"
        if error.isPermission && error.call == "perf_event_open" { remedy = Self.permit }
        if error.isPermission && !LinuxKit.Process.isRoot { remedy = "sudo bench doctor" }
      }
      detail += paranoia
    }
    return Finding(
      id: "tracepoints", title: "Tracepoints", status: status, detail: detail,
      why:
        "Counts of kernel events are exact where times are noisy; without tracepoints they are unavailable.",
      remedy: remedy, affects: ["kernel_events"])
  }

  private static func pmu(isVirtual: Bool) -> Finding {
    let opened: Result<UInt64, SystemError>
    do throws(SystemError) {
      let counter = try open(
        "instructions", type: PERF_TYPE_HARDWARE, config: UInt64(PERF_COUNT_HW_INSTRUCTIONS.rawValue), pid: 0, cpu: -1)
      let bytes = try counter.read(upTo: 8)
      opened = .success(bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) })
    } catch { opened = .failure(error) }
    return pmu(opened, isVirtual: isVirtual, isRoot: LinuxKit.Process.isRoot)
  }

  /// - Parameter counted: what the counter of instructions had counted when it was read, right after it was opened.
  static func pmu(_ counted: Result<UInt64, SystemError>, isVirtual: Bool, isRoot: Bool) -> Finding {
    var status = Finding.Status.missing
    let detail: String
    var remedy: String?
    switch counted {
    case .success(0): detail = "the counter of instructions opens, but counts nothing"
    case .success(let count):
      status = .ok
      detail = "the counter of instructions opens and counts (\(count) so far)"
    case .failure(let error) where error.isPermission:
      detail = "\(error)\(paranoia)"
      remedy = isRoot ? permit : "sudo bench doctor"
    case .failure(let error):
      detail =
        (isVirtual ? "this virtual machine has no performance counters" : "no performance counters here")
        + " (\(error.call): \(error.reason))"
    }
    return Finding(
      id: "pmu", title: "Performance counters", status: status, detail: detail,
      why: "Instructions and cycles will be unavailable; times and counts of events are not concerned.",
      remedy: remedy, affects: ["instructions", "cycles"])
  }

  private static let permit = "sudo sysctl -w kernel.perf_event_paranoid=-1"

  private static var paranoia: String {
    SmallFile.line("/proc/sys/kernel/perf_event_paranoid").map { "; kernel.perf_event_paranoid is \($0)" } ?? ""
  }

  /// Where tracefs is mounted, by /proc/self/mounts.
  private static func mountPoints() -> [String] {
    let lines = ((try? SmallFile.text("/proc/self/mounts")) ?? "").split(separator: "\n")
    return lines.compactMap { line in
      let words = line.split(separator: " ")
      return words.count > 2 && words[2] == "tracefs" ? String(words[1]) : nil
    }
  }

  private enum ErrorCode {
    /// EINVAL: Glibc is not imported here.
    static let invalid: Int32 = 22
  }
}
