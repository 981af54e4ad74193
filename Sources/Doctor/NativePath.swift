internal import Foundation
internal import Harness
internal import LinuxKit

/// What the host has loaded onto its own network path, and so onto the baseline.
enum NativePath {
  private static let why =
    "What the host has loaded onto its own path slows native down and no fresh namespace, so containers look cheaper "
    + "than they are."
  private static let bridgeWhy =
    "It puts the firewall's hooks into the path of every packet that passes a bridge. The environment bridge has it "
    + "switched off, in its own namespace alone."

  static func findings(burdens: [NativeBurden]) -> [Finding] {
    findings(burdens: burdens, isRoot: LinuxKit.Process.isRoot, hasNft: hasNft)
  }

  static func findings(burdens: [NativeBurden], isRoot: Bool, hasNft: Bool) -> [Finding] {
    var findings = burdens.map { burden in
      let (id, title, status, remedy): (String, String, Finding.Status, String) =
        switch burden.kind {
        case .iptables: ("native-iptables", "Native: iptables", .warning, "sudo iptables -S")
        case .nftables: ("native-nftables", "Native: nftables", .warning, "sudo nft list ruleset")
        case .bridgeNetfilter:
          ("br-netfilter", "Bridge firewalling", .note, "sysctl net.bridge.bridge-nf-call-iptables")
        case .connectionTracking:
          ("native-conntrack", "Native: conntrack", .note, "sysctl net.netfilter.nf_conntrack_count")
        case .packetSockets: ("native-taps", "Native: packet taps", .warning, "sudo ss --packet --processes")
        }
      let isBridge = burden.kind == .bridgeNetfilter
      return Finding(
        id: id, title: title, status: status, detail: burden.description, why: isBridge ? bridgeWhy : why,
        remedy: remedy, affects: [isBridge ? "bridge" : "native"] + Affected.latencies)
    }
    if !isRoot || !hasNft {
      findings.append(
        Finding(
          id: "native-path", title: "Native path", status: .note,
          detail: isRoot
            ? "nft is not installed: rules of nftables, if there are any, were not seen"
            : "an ordinary user cannot look at firewall rules",
          why: why, remedy: isRoot ? "sudo apt-get install nftables" : "sudo bench doctor", affects: ["native"]))
    } else if findings.isEmpty {
      findings.append(
        Finding(
          id: "native-path", title: "Native path", status: .ok,
          detail: "no firewall rules, connection tracking, br_netfilter or packet taps on the host's own path",
          why: why,
          affects: ["native"]))
    }
    return findings
  }

  private static var hasNft: Bool {
    ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"].contains { FileManager.default.isExecutableFile(atPath: $0) }
  }
}
