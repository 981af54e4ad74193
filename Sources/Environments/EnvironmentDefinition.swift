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

  /// What workloads do in it.
  var field: WorkloadSpec.Field { get }
  /// The environment that it is to be held against, where that is not the scenario's baseline: the plain file system
  /// under a layered one.
  var reference: String? { get }

  /// Why a workload cannot run in it, as a sentence's end ("carries TCP alone"); nil if it can.
  func objection(to workload: WorkloadSpec) -> String?

  /// Makes it and takes it down again: whether the host allows it.
  /// - Returns: what a reader should know of how it is made here, each a phrase; empty where the summary says all.
  func tryOut(with resources: HostResources) throws(UserError) -> [String]
}

extension EnvironmentDefinition {
  public var reference: String? { nil }
  public func objection(to workload: WorkloadSpec) -> String? { nil }
}

/// An environment whose workloads send packets.
public protocol NetworkEnvironment: EnvironmentDefinition {
  /// Makes it on the host. Whatever is made is made through `resources`, which takes it away again.
  func build(with resources: HostResources) throws(UserError) -> BuiltEnvironment
}

extension NetworkEnvironment {
  public var field: WorkloadSpec.Field { .network }

  public func tryOut(with resources: HostResources) throws(UserError) -> [String] {
    _ = try build(with: resources)
    return []
  }
}

/// An environment whose workloads work on files.
public protocol StorageEnvironment: EnvironmentDefinition {
  /// Makes it on the host, with `content` in it before it is layered, snapshot or copied. Whatever is made is made through
  /// `resources`, which takes it away again.
  func build(with resources: HostResources, content: StorageContent) throws(UserError) -> BuiltStorage
}

extension StorageEnvironment {
  public var field: WorkloadSpec.Field { .storage }

  public func tryOut(with resources: HostResources) throws(UserError) -> [String] {
    try build(with: resources, content: .trial).details
  }
}

/// A place where the image of an application is rebuilt again and again.
public protocol ImageEnvironment: EnvironmentDefinition {
  /// Makes a store of images on the host, with one image that has `content` in a layer which all rebuilds share, and in
  /// one more a quarter as many files of the application. Through `resources`, which takes it away again.
  func build(with resources: HostResources, content: StorageContent) throws(UserError) -> any ImageStore
}

extension ImageEnvironment {
  public var field: WorkloadSpec.Field { .images }

  public func tryOut(with resources: HostResources) throws(UserError) -> [String] {
    try build(with: resources, content: .trial).details
  }
}

/// What an environment asks of the host.
public enum HostCapability: String, Sendable, CaseIterable {
  case networkNamespaces, veth, bridge, bridgeNetfilter, nftables, vxlan, macvlan, haproxy, docker, podman, runc, gvisor
  case mountNamespaces, loopDevices, ext4, xfs, btrfs, erofs, overlayfs

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
  public static let all: [any EnvironmentDefinition] = network + storage + images

  /// Those that packets are sent in.
  public static let network: [any NetworkEnvironment] = ladder + proxies + firewalls

  /// From bare loopback to a published port of a real container.
  private static let ladder: [any NetworkEnvironment] = [
    NativeLoopback(), HostNetwork(), NamespaceLoopback(), MacvlanPair(), VethPair(), VxlanTunnel(), BridgedPair(),
    BridgeNetfilter(), NatEgress(), PublishedPort(), PublishedPort(client: .neighbor), PublishedProxy(),
    BundledServer(.runc), DockerBridge(), DockerPublished(.translation), DockerPublished(.proxy), PodmanBridge(),
    BundledServer(.gvisor),
  ]

  /// Pods with real proxies beside client and server.
  private static let proxies: [any NetworkEnvironment] = [
    SidecarProxies(.tcp, count: 1), SidecarProxies(.tcp, count: 2), SidecarProxies(.http, count: 1),
    SidecarProxies(.http, count: 2),
  ]

  /// Routers with more and more rules.
  private static let firewalls: [any NetworkEnvironment] =
    RuleChain.counts.map { RuleChain(.linear, count: $0) }
    + RuleChain.counts.dropFirst().map { RuleChain(.map, count: $0) }

  /// What files are worked on in.
  public static let storage: [any StorageEnvironment] = fileSystems + layers + containers

  /// File systems in image files, each with what stands on it, and the host's own.
  private static let fileSystems: [any StorageEnvironment] = [
    PlainFileSystem(.ext4), OverlayFileSystem(.ext4), PlainFileSystem(.xfs), OverlayFileSystem(.xfs),
    PlainFileSystem(.xfsNoReflink), OverlayFileSystem(.xfsNoReflink), PlainFileSystem(.btrfs),
    OverlayFileSystem(.btrfs), BtrfsSnapshot(), ReflinkCopy(), OverlayFileSystem.metacopy, OverlayFileSystem.volatile,
    ErofsOverlay(), TemporaryFileSystem(), HostFolder(), HostOverlay(),
  ]

  /// Overlays with more and more layers.
  private static let layers: [any StorageEnvironment] = OverlayFileSystem.counts.map { OverlayFileSystem.layers($0) }

  /// Where the files of a real engine's containers are.
  private static let containers: [any StorageEnvironment] = [DockerStorage(.layer), DockerStorage(.volume)]

  /// What images are rebuilt in.
  public static let images: [any ImageEnvironment] = [PlainDeployment(), LayeredImages(), DockerImages()]

  public static var names: [String] { all.map(\.name) }

  public static func definition(named name: String) -> (any EnvironmentDefinition)? { all.first { $0.name == name } }
}
