internal import LinuxKit
public import Model
internal import NetlinkKit

/// `podman-bridge`: two containers on a network of Podman's, which root runs without a daemon.
///
/// Podman makes its bridge and rules in the namespace that it is called in. That is one of the run's own, and its storage
/// is the run's own, too.
public struct PodmanBridge: NetworkEnvironment {
  private let program: String

  /// - Parameter program: Podman's name or path.
  public init(program: String = "podman") { self.program = program }
  public var name: String { "podman-bridge" }
  public var summary: String { "two Podman containers on a network of their own" }
  public var layer: String { "Podman instead of Docker" }
  public var needs: [HostCapability] { [.networkNamespaces, .podman] }

  public func build(with resources: HostResources) throws(UserError) -> BuiltEnvironment {
    try resources.requireRoot(for: "Podman's containers")
    _ = try EngineTool(program)
    let cache = resources.engineCache
    if let runtime = cache.podmanRuntime { return try build(with: resources, runtime: runtime) }
    do throws(UserError) {
      let environment = try build(with: resources, runtime: nil)
      cache.podmanRuntime = .some(nil)
      return environment
    } catch {
      // crun, Podman's usual choice, starts nothing where version 1 and 2 of the control groups are mixed; runc does.
      guard error.exitCode == .unavailable, EngineTool.find("runc") != nil else { throw error }
      let environment: BuiltEnvironment
      do throws(UserError) { environment = try build(with: resources, runtime: "runc") } catch _ { throw error }
      cache.podmanRuntime = .some("runc")
      return environment
    }
  }

  private func build(with resources: HostResources, runtime: String?) throws(UserError) -> BuiltEnvironment {
    let family = resources.settings.family
    let host = try resources.namespace("host")
    guard let namespace = host.path else { preconditionFailure("a namespace of the run has a file") }
    let storage = try resources.folder("podman")
    let state = "/run/\(resources.unique("podman"))"
    try resources.track(.folder(path: state))
    try Folder.make(state)
    let group = resources.unique("podman")
    try resources.track(.controlGroup(name: group))
    let address = EngineAddress.podman(storage: storage, state: state, runtime: runtime, namespace: namespace)
    let tool = try address.tool()
    let containers = EngineContainers(address: address, tool: tool)

    // All of it is in the run's own namespaces, so that any range is free.
    let subnet = Subnet(family: family, number: 1)
    let network = "bench"
    try resources.track(.engineNetwork(engine: address, name: network))
    try engineExplained { () throws(EngineTool.Failure) in
      var arguments = [
        "network", "create", "--driver", "bridge", "--disable-dns", "--label",
        "\(HostResources.label)=\(resources.runID)", "--subnet", subnet.prefix, "--gateway", subnet.address(1),
      ]
      if family == .ipv6 { arguments.append("--ipv6") }
      try tool.run(arguments + [network])
    }
    var made: [(name: String, role: String)] = []
    for (number, role) in ["server", "client"].enumerated() {
      let name = resources.unique(role)
      let root = "\(storage)/\(role)"
      try Folder.makeRootFileSystem(root, worker: resources.settings.worker)
      try resources.track(.container(engine: address, name: name))
      var arguments = containers.commonArguments(name, with: resources)
      arguments += ["--network", network, family == .ipv6 ? "--ip6" : "--ip", subnet.address(2 + number)]
      arguments += ResourceLimit.arguments + ["--cgroup-parent", "/\(group)"]
      if family == .ipv4 {
        // As Docker has it: otherwise routers are solicited in the window that is measured.
        arguments += [
          "--sysctl", "net.ipv6.conf.all.disable_ipv6=1", "--sysctl", "net.ipv6.conf.default.disable_ipv6=1",
        ]
      }
      try engineExplained { () throws(EngineTool.Failure) in
        try tool.run(arguments + ["--rootfs", root, ContainerImage.workerPath])
      }
      made.append((name, role))
    }
    let running = try containers.start(made)
    try running[0].place.awaitAddress(subnet.address(2))
    try running[1].place.awaitAddress(subnet.address(3))
    let serverLink = try running[0].place.link("eth0")
    let clientLink = try running[1].place.link("eth0")
    return try BuiltEnvironment(
      client: running[1].place, clientPlace: .container(running[1].worker), server: running[0].place,
      serverPlace: .container(running[0].worker), service: ServiceAddress(listenAddress: subnet.address(2)),
      path: [
        running[1].place.passing(clientLink, .requestsOut),
        host.passing(try host.outerEnd(of: clientLink, in: running[1].place), .requestsIn),
        host.passing(try host.outerEnd(of: serverLink, in: running[0].place), .requestsOut),
        running[0].place.passing(serverLink, .requestsIn),
      ], others: [host])
  }
}

/// Limits of the containers' processes. Podman would raise them, which not every root may; so they get the controller's,
/// as far as Podman has not lowered its own: it allows itself no more processes than the kernel has numbers for.
private enum ResourceLimit {
  static var arguments: [String] {
    let lines = (SmallFile.line("/proc/self/limits") ?? "").split(separator: "\n")
    let mostProcesses = SmallFile.line("/proc/sys/kernel/pid_max").flatMap { UInt64($0) } ?? 32_768
    return [("nofile", "Max open files", 1_048_576), ("nproc", "Max processes", mostProcesses)].flatMap {
      name, title, most -> [String] in
      guard let line = lines.first(where: { $0.hasPrefix(title) }) else { return [] }
      // Soft, hard, unit.
      let numbers = line.dropFirst(title.count).split(separator: " ").prefix(2).map { min(UInt64($0) ?? most, most) }
      return ["--ulimit", "\(name)=\(numbers.map(String.init).joined(separator: ":"))"]
    }
  }
}
