public import Model

/// A place where a workload can run: one value per name that a scenario may use.
///
/// To add one, write a file with a type of this kind and add it to ``EnvironmentRegistry/all``.
public protocol EnvironmentDefinition: Sendable {
  /// The name in scenarios, reports and the store.
  var name: String { get }
  /// One line: what it is made of.
  var summary: String { get }
  /// What it adds to the environment before it on the ladder, in a few words.
  var layer: String { get }
  /// What the host must allow for it; `bench doctor` probes each.
  var needs: [HostCapability] { get }

  /// Why a workload cannot run in it, as a sentence's end ("carries TCP alone"); nil if it can.
  func objection(to workload: WorkloadSpec) -> String?

  /// Makes it on the host. Whatever is made is made through `resources`, which takes it away again.
  func build(with resources: HostResources) throws(UserError) -> BuiltEnvironment
}

extension EnvironmentDefinition {
  public func objection(to workload: WorkloadSpec) -> String? { nil }
}

/// What an environment asks of the host.
public enum HostCapability: String, Sendable, CaseIterable {
  case networkNamespaces, veth, bridge, bridgeNetfilter, nftables, vxlan, macvlan, haproxy, docker, podman, runc, gvisor

  /// Whether it is a container engine, or a runtime.
  public var isEngine: Bool {
    switch self {
    case .docker, .podman, .runc, .gvisor: true
    default: false
    }
  }
}

/// The environments that there are, in ladder order.
public enum EnvironmentRegistry {
  public static let all: [any EnvironmentDefinition] = ladder + proxies + firewalls

  /// From bare loopback to a published port of a real container.
  private static let ladder: [any EnvironmentDefinition] = [
    NativeLoopback(), HostNetwork(), NamespaceLoopback(), MacvlanPair(), VethPair(), VxlanTunnel(), BridgedPair(),
    BridgeNetfilter(), NatEgress(), PublishedPort(), PublishedPort(client: .neighbor), PublishedProxy(),
    BundledServer(.runc), DockerBridge(), DockerPublished(.translation), DockerPublished(.proxy), PodmanBridge(),
    BundledServer(.gvisor),
  ]

  /// Pods with real proxies beside client and server.
  private static let proxies: [any EnvironmentDefinition] = [
    SidecarProxies(.tcp, count: 1), SidecarProxies(.tcp, count: 2), SidecarProxies(.http, count: 1),
    SidecarProxies(.http, count: 2),
  ]

  /// Routers with more and more rules.
  private static let firewalls: [any EnvironmentDefinition] =
    RuleChain.counts.map { RuleChain(.linear, count: $0) }
    + RuleChain.counts.dropFirst().map { RuleChain(.map, count: $0) }

  public static var names: [String] { all.map(\.name) }

  public static func definition(named name: String) -> (any EnvironmentDefinition)? { all.first { $0.name == name } }
}
