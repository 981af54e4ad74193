internal import Foundation
internal import LinuxKit
public import Model

/// Reads the facts about the host that a reader of a report needs. What cannot be read is nil.
public enum HostProbe {
  /// - Parameter isNetwork: whether packets are to be sent: only then does it matter what burdens the host's own path.
  public static func facts(processors: Processors?, isNetwork: Bool = true) -> HostFacts {
    let kernel = SmallFile.line("/proc/sys/kernel/osrelease") ?? "unknown"
    return HostFacts(
      hostname: SmallFile.line("/proc/sys/kernel/hostname") ?? "unknown", kernel: kernel,
      architecture: architecture, distribution: distribution(), cpuModel: cpuModel(),
      cpuCount: Foundation.ProcessInfo.processInfo.activeProcessorCount,
      memoryBytes: Foundation.ProcessInfo.processInfo.physicalMemory, virtualization: virtualization(),
      clockSource: SmallFile.line("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
      governor: SmallFile.line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"), mitigations: mitigations(),
      clientCPU: processors?.client, serverCPU: processors?.server,
      nativeBurdens: isNetwork ? nativeBurdens().map(\.description) : [])
  }

  private static var architecture: String {
    #if arch(x86_64)
      "x86_64"
    #elseif arch(arm64)
      "aarch64"
    #else
      "unknown"
    #endif
  }

  private static func distribution() -> String? {
    guard let text = try? SmallFile.text("/etc/os-release") else { return nil }
    for line in text.split(separator: "\n") where line.hasPrefix("PRETTY_NAME=") {
      return line.dropFirst("PRETTY_NAME=".count).trimmingCharacters(in: CharacterSet(charactersIn: "\""))
    }
    return nil
  }

  private static func cpuModel() -> String? {
    guard let text = try? SmallFile.text("/proc/cpuinfo") else { return nil }
    for line in text.split(separator: "\n") where line.hasPrefix("model name") || line.hasPrefix("CPU part") {
      return line.split(separator: ":", maxSplits: 1).last.map { $0.trimmingCharacters(in: .whitespaces) }
    }
    return nil
  }

  private static func virtualization() -> String? {
    guard let text = try? SmallFile.text("/proc/cpuinfo") else { return nil }
    let isVirtual = text.split(separator: "\n").first { $0.hasPrefix("flags") }?.contains(" hypervisor") ?? false
    guard isVirtual else { return nil }
    let product = [SmallFile.line("/sys/class/dmi/id/sys_vendor"), SmallFile.line("/sys/class/dmi/id/product_name")]
      .compactMap { $0 }.joined(separator: " ")
    return product.isEmpty ? "virtual machine" : "virtual machine (\(product))"
  }

  private static func mitigations() -> [String: String] {
    let directory = "/sys/devices/system/cpu/vulnerabilities"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    return Dictionary(
      names.compactMap { name in SmallFile.line("\(directory)/\(name)").map { (name, $0) } },
      uniquingKeysWith: { a, _ in a })
  }

  /// What the host has loaded onto its own network path, and so onto the baseline. A fresh namespace has none of it:
  /// without saying so, "native" would look slower than it need be.
  public static func nativeBurdens() -> [NativeBurden] {
    var burdens: [NativeBurden] = []
    if let names = try? SmallFile.text("/proc/net/ip_tables_names"), !names.isEmpty {
      let tables = names.split(separator: "\n").joined(separator: ", ")
      burdens.append(NativeBurden(.iptables, "iptables (legacy) has tables loaded in the host's namespace: \(tables)"))
    }
    if let rules = NftRuleset.ruleCount(), rules > 0 {
      burdens.append(NativeBurden(.nftables, "nftables has \(rules) rules in the host's namespace"))
    }
    if let calls = SmallFile.line("/proc/sys/net/bridge/bridge-nf-call-iptables"), calls != "0" {
      burdens.append(
        NativeBurden(
          .bridgeNetfilter,
          "br_netfilter is on in the host's namespace: packets over its own bridges pass iptables, too"))
    }
    if let tracked = SmallFile.line("/proc/sys/net/netfilter/nf_conntrack_count").flatMap({ Int($0) }), tracked > 0 {
      burdens.append(NativeBurden(.connectionTracking, "connection tracking is active (\(tracked) entries)"))
    }
    // The first line is a head.
    if let sockets = try? SmallFile.text("/proc/net/packet").split(separator: "\n").count - 1, sockets > 0 {
      burdens.append(
        NativeBurden(
          .packetSockets, "\(sockets) packet sockets are open (a capture, a DHCP client): each may see every packet"))
    }
    return burdens
  }
}

/// Something that the host has loaded onto its own network path.
public struct NativeBurden: Sendable, Equatable {
  public enum Kind: Sendable, Equatable, CaseIterable {
    case iptables, nftables, bridgeNetfilter, connectionTracking, packetSockets
  }

  public let kind: Kind
  /// A sentence with the numbers that were seen.
  public let description: String

  public init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }
}

/// How many rules nftables has, by its own tool.
enum NftRuleset {
  /// nil if nft is not installed or may not be asked.
  static func ruleCount() -> Int? {
    let candidates = ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"]
    guard let tool = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0) }),
      let child = try? ChildProcess(executable: tool, arguments: ["-j", "list", "ruleset"])
    else { return nil }
    var output: [UInt8] = []
    let deadline = Clock.monotonic() + 5_000_000_000
    while let line = try? child.readLine(deadline: deadline) { output += line }
    struct Ruleset: Decodable {
      struct Item: Decodable {
        struct Rule: Decodable {}
        var rule: Rule?
      }
      var nftables: [Item]
    }
    guard (try? child.waitForExit(deadline: deadline)) == .exited(0),
      let ruleset = try? JSONDecoder().decode(Ruleset.self, from: Data(output))
    else { return nil }
    return ruleset.nftables.filter { $0.rule != nil }.count
  }
}
