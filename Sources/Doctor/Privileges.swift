internal import Environments
internal import LinuxKit
internal import Model

/// What the kernel lets this process do: read off its capabilities, and believed only as far as the trials agree.
struct PrivilegeEvidence {
  var isRoot: Bool
  /// Names of the capabilities that environments need and this process lacks.
  var lacking: [String]
  /// Whether an environment that needs privilege could be built.
  var hasBuilt: Bool
  /// The kernel's refusal for want of a privilege, if there was one.
  var refusal: String?
}

extension PrivilegeEvidence {
  init(_ trials: EnvironmentTrials) {
    isRoot = LinuxKit.Process.isRoot
    // Each thread has its own.
    lacking = Privileges.lacking(status: (try? SmallFile.text("/proc/thread-self/status")) ?? "")
    let privileged = trials.trials.filter { !$0.needs.isEmpty }
    hasBuilt = privileged.contains { $0.failure == nil }
    refusal = privileged.compactMap(\.failure).first { $0.exitCode == .notPermitted }?.message
  }
}

enum Privileges {
  static let id = "privilege"

  /// Bits of CapEff (capabilities(7)).
  private static let needed: [(name: String, bit: UInt64)] = [("CAP_SYS_ADMIN", 21), ("CAP_NET_ADMIN", 12)]

  /// - Parameter status: the text of /proc/thread-self/status.
  static func lacking(status: String) -> [String] {
    let line = status.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
    let effective = line?.split(whereSeparator: \.isWhitespace).last.flatMap { UInt64($0, radix: 16) } ?? 0
    return needed.filter { effective & (1 << $0.bit) == 0 }.map(\.name)
  }

  static func finding(_ evidence: PrivilegeEvidence) -> Finding {
    let user = evidence.isRoot ? "root" : "an ordinary user"
    let names = needed.map(\.name).listed
    var status = Finding.Status.ok
    var detail =
      evidence.lacking.isEmpty
      ? "\(user) with \(names)" : "\(user) without \(evidence.lacking.listed), and yet namespaces could be made"
    var remedy: String?
    if !evidence.hasBuilt && !evidence.lacking.isEmpty {
      status = .fatal
      detail = "\(user) without \(evidence.lacking.listed)"
      if evidence.isRoot {
        detail += ": a container must be given them (docker run --cap-add, or --privileged)"
      } else {
        remedy = "sudo bench doctor"
      }
    } else if !evidence.hasBuilt, let refusal = evidence.refusal {
      status = .fatal
      detail =
        "\(user) with \(names), but the kernel refuses: \(refusal); a container's seccomp profile or a security module "
        + "stands in the way"
    }
    return Finding(
      id: id, title: "Privilege", status: status, detail: detail,
      why: "Making network namespaces and links needs both; without them only native can run.", remedy: remedy,
      affects: EnvironmentRegistry.all.filter { !$0.needs.isEmpty }.map(\.name))
  }
}
