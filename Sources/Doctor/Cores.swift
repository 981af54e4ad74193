internal import Harness
internal import LinuxKit
internal import Model

/// The CPUs for client and server, and whether threads can really be bound to them.
struct Cores {
  let processors: Result<Processors, UserError>
  /// The CPUs to watch: the two, or where there are no two, whatever may be used.
  let used: [Int]

  static func choose() -> Cores {
    do throws(UserError) {
      let processors = try Processors.choose()
      return Cores(processors: .success(processors), used: [processors.client, processors.server])
    } catch {
      let allowed = (try? CPUSet.current()) ?? []
      return Cores(processors: .failure(error), used: allowed.isEmpty ? [0] : allowed)
    }
  }

  func findings(isVirtual: Bool) -> [Finding] {
    switch processors {
    case .failure(let error):
      return [
        Finding(
          id: Self.id, title: Self.title, status: .fatal,
          detail: "\(error.message)\(error.remedy.map { "; \($0)" } ?? "")",
          why: Self.why, affects: Affected.environments)
      ]
    case .success: return [pinning(), siblings(isVirtual: isVirtual)]
    }
  }

  private static let id = "pinning"
  private static let title = "CPUs and pinning"
  private static let why = "Client and server are bound to a core each, so that the scheduler does not move them about."

  private func pinning() -> Finding {
    let allowed = (try? CPUSet.current().count) ?? used.count
    var status = Finding.Status.ok
    var detail = "a thread was bound to CPU \(used[0]) and one to CPU \(used[1]), of \(allowed) that may be used"
    for cpu in used {
      do throws(SystemError) {
        let bound = try onDedicatedThread { () throws(SystemError) in
          try CPUSet.bind(to: [cpu])
          return try CPUSet.current()
        }
        guard bound != [cpu] else { continue }
        detail = "a thread bound to CPU \(cpu) may run on \(bound.map(String.init).listed)"
      } catch { detail = "no thread can be bound to CPU \(cpu): \(error)" }
      status = .fatal
    }
    return Finding(
      id: Self.id, title: Self.title, status: status, detail: detail, why: Self.why, affects: Affected.environments)
  }

  private func siblings(isVirtual: Bool) -> Finding {
    var shared: [String] = []
    var isKnown = true
    for cpu in used {
      let path = "/sys/devices/system/cpu/cpu\(cpu)/topology/thread_siblings_list"
      guard let list = SmallFile.line(path).map(CPUList.parse) else {
        isKnown = false
        continue
      }
      let others = list.filter { $0 != cpu }
      if !others.isEmpty { shared.append("CPU \(cpu) with \(others.map(String.init).listed)") }
    }
    let status: Finding.Status = isKnown && shared.isEmpty ? .ok : .note
    let doubt = isVirtual ? ", as far as the hypervisor tells" : ""
    let detail =
      !isKnown
      ? "the kernel does not tell which CPUs share a core"
      : shared.isEmpty ? "each of the two CPUs has a core of its own\(doubt)" : "one core is shared by \(shared.listed)"
    return Finding(
      id: "smt", title: "SMT siblings", status: status, detail: detail,
      why: "What runs on the other thread of a core slows this one down.",
      remedy: shared.isEmpty ? nil : "echo off | sudo tee /sys/devices/system/cpu/smt/control",
      affects: Affected.latencies)
  }
}

/// Lists of CPUs as the kernel writes them: `0-3,8`.
enum CPUList {
  static func parse(_ text: String) -> [Int] {
    var cpus: [Int] = []
    for range in text.split(separator: ",") {
      let ends = range.split(separator: "-").compactMap { Int($0.filter(\.isNumber)) }
      guard let first = ends.first, let last = ends.last, first <= last, last < 65_536 else { continue }
      cpus += Array(first...last)
    }
    return cpus
  }
}
