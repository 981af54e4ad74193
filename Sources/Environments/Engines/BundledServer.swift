internal import LinuxKit
public import Model
internal import NetlinkKit

/// `runc-netns` and `gvisor`: a container of an OCI runtime, without an engine's network, at the end of a veth pair.
public struct BundledServer: NetworkEnvironment {
  /// What runs the container.
  public enum Runtime: Sendable {
    /// The kernel's own namespaces and control groups.
    case runc
    /// gVisor: a kernel in user space, with a network stack of its own.
    case gvisor
  }

  private let runtime: Runtime
  private let program: String

  /// - Parameter program: the runtime's name or path; nil is its usual name.
  public init(_ runtime: Runtime, program: String? = nil) {
    self.runtime = runtime
    self.program = program ?? (runtime == .runc ? "runc" : "runsc")
  }

  public var name: String {
    switch runtime {
    case .runc: "runc-netns"
    case .gvisor: "gvisor"
    }
  }

  public var summary: String {
    switch runtime {
    case .runc: "a veth pair to a server in a container of runc, without an engine's network"
    case .gvisor: "a veth pair to a server in gVisor, which has a network stack of its own"
    }
  }

  public var layer: String {
    switch runtime {
    case .runc: "a container around the server: runc without an engine's network"
    case .gvisor: "gVisor's kernel and network stack instead of the host's, for the server"
    }
  }

  public var needs: [HostCapability] {
    switch runtime {
    case .runc: [.networkNamespaces, .veth, .runc]
    case .gvisor: [.networkNamespaces, .veth, .gvisor]
    }
  }

  public func objection(to workload: WorkloadSpec) -> String? {
    guard runtime == .gvisor, workload.commands?.server != nil else { return nil }
    // Its sockets are not the kernel's: /proc/PID/net has none of them.
    return "does not show the host whether a server of yours listens"
  }

  public func build(with resources: HostResources) throws(UserError) -> BuiltEnvironment {
    try resources.requireRoot(for: "containers")
    _ = try EngineTool(program)
    let client = try resources.namespace("client")
    let server = try resources.namespace("server")
    let subnet = Subnet(family: resources.settings.family, number: 0)
    let near = Station(place: client, interface: EndToEnd.clientInterface, address: subnet.address(1))
    let far = Station(place: server, interface: EndToEnd.serverInterface, address: subnet.address(2))
    try explained { () throws(NetlinkError) in
      try server.socket.createVethPair(far.interface, peer: near.interface, peerIn: client.namespace)
      try near.raise(in: subnet)
      try far.raise(in: subnet)
      try Station.introduce(near, far)
    }
    let container: RuntimeContainer
    switch runtime {
    case .runc:
      container = try RuntimeContainer(
        RuntimeContainer.Runtime(program: program), in: server, with: resources)
    case .gvisor:
      container = try RuntimeContainer(
        RuntimeContainer.Runtime(
          program: program, flags: ["--network=sandbox", "--ignore-cgroups"], isCalledInside: true,
          wrapper: try Self.wrapper(in: server), isSandbox: true), in: server, with: resources)
      try container.awaitTakeover(of: far.interface, in: server, program: program)
    }
    return try BuiltEnvironment(
      client: client, server: server, serverPlace: .container(container.worker),
      service: ServiceAddress(listenAddress: far.address),
      path: [
        PathInterface(place: client, interface: near.interface, passage: .requestsOut, mtu: EndToEnd.mtu),
        PathInterface(place: server, interface: far.interface, passage: .requestsIn, mtu: EndToEnd.mtu),
      ])
  }

  /// What must stand before runsc on this kernel.
  ///
  /// runsc refuses to work in the host's own network namespace, and up to July 2024 it took any for that which has a
  /// file /proc/sys/net/core/rmem_default. On kernels that show the file in every namespace it would refuse always. So it
  /// is called in a mount namespace of its own, in which that directory is empty.
  private static func wrapper(in place: FurnishedNamespace) throws(UserError) -> [String] {
    guard let path = place.path else { preconditionFailure("a namespace of the run has a file") }
    let isShown: Bool
    do throws(SystemError) {
      isShown = try onDedicatedThread { () throws(SystemError) in
        try NetworkNamespace.enter(path: path)
        return SmallFile.line("/proc/sys/net/core/rmem_default") != nil
      }
    } catch { throw UserError(.unavailable, "cannot look into the run's own namespace: \(error)") }
    guard isShown else { return [] }
    return [
      try EngineTool("unshare").path, "--mount", "--propagation", "private", "/bin/sh", "-c",
      "mount -t tmpfs none /proc/sys/net/core && exec \"$0\" \"$@\"",
    ]
  }
}
