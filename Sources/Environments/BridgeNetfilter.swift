internal import LinuxKit
public import Model
internal import NetlinkKit

/// `bridge-netfilter`: the `bridge` environment, with a firewall that looks at every packet that the bridge passes on,
/// as on hosts that have loaded br_netfilter for their container engine.
///
/// It is on in the bridge's own namespace only. The chain accepts what belongs to a known flow first and then
/// everything, so what is added is bridge netfilter's own way, connection tracking, and a rule.
public struct BridgeNetfilter: NetworkEnvironment {
  public init() {}
  public var name: String { "bridge-netfilter" }
  public var summary: String {
    "two network namespaces on one Linux bridge, with a firewall that sees every bridged packet (br_netfilter)"
  }
  public var layer: String { "a firewall with connection tracking on bridged packets" }
  public var needs: [HostCapability] { [.networkNamespaces, .veth, .bridge, .bridgeNetfilter, .nftables] }

  public func build(with resources: HostResources) throws(UserError) -> BuiltEnvironment {
    let family = resources.settings.family
    return try BridgedPath.environment(with: resources) { hub throws(UserError) in
      do throws(SystemError) { try hub.namespace?.enableBridgeNetfilter() } catch { throw Self.explain(error) }
      try Rules.run(
        """
        table \(family.keyword) \(Rules.table) {
          counter known { }
          chain forward {
            type filter hook forward priority filter; policy accept;
            ct state established,related counter name known accept
            accept
          }
        }
        """, in: hub)
      try Rules.forgetClosedConnections(in: hub)
      return [Rules.witness("bridged packets of known flows", counter: "known", in: hub, family: family)]
    }
  }

  static func explain(_ error: SystemError) -> UserError {
    if error.isMissing {
      return UserError(
        .unavailable, "the kernel has no bridge netfilter that can be switched on in one namespace alone",
        remedy: "run 'modprobe br_netfilter' (Linux 5.3 or later)")
    }
    return UserError(
      error.isPermission ? .notPermitted : .unavailable,
      "cannot switch bridge netfilter on in the run's own namespace: \(error)",
      remedy: error.isPermission ? "run as root (CAP_NET_ADMIN)" : "see 'bench doctor'")
  }
}
