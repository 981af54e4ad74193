public import Model

/// `netns`: the loopback of one fresh network namespace. Differs from `native` by the namespace alone, and by what the
/// host has loaded onto its own.
public struct NamespaceLoopback: NetworkEnvironment {
  public init() {}
  public var name: String { "netns" }
  public var summary: String { "the loopback interface of one fresh network namespace" }
  public var layer: String { "a network namespace" }
  public var needs: [HostCapability] { [.networkNamespaces] }

  public func build(with resources: HostResources) throws(UserError) -> BuiltEnvironment {
    try Loopback.environment(in: try resources.namespace("both"), resources.settings.family)
  }
}
