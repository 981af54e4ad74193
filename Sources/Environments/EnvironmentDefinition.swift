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

  /// Makes it on the host. Whatever is made is made through `resources`, which takes it away again.
  func build(with resources: HostResources) throws(UserError) -> BuiltEnvironment
}

/// What an environment asks of the host.
public enum HostCapability: String, Sendable, CaseIterable {
  case networkNamespaces, veth, bridge
}

/// The environments that there are, in ladder order.
public enum EnvironmentRegistry {
  public static let all: [any EnvironmentDefinition] = [
    NativeLoopback(), NamespaceLoopback(), VethPair(), BridgedPair(),
  ]

  public static var names: [String] { all.map(\.name) }

  public static func definition(named name: String) -> (any EnvironmentDefinition)? { all.first { $0.name == name } }
}
