public import Model

/// `docker-bridge`: two containers on a user-defined network of Docker's.
public struct DockerBridge: NetworkEnvironment {
  private let host: String?

  /// - Parameter host: the daemon's socket; nil finds it as the docker command does.
  public init(host: String? = nil) { self.host = host }
  public var name: String { "docker-bridge" }
  public var summary: String { "two Docker containers on a network of their own" }
  public var layer: String { "Docker: its containers, bridge and firewall" }
  public var needs: [HostCapability] { [.docker] }

  public func build(with resources: HostResources) throws(UserError) -> BuiltEnvironment {
    let docker = try DockerTrial(host: host, with: resources)
    let network = try DockerNetwork(on: docker.daemon, with: resources)
    let server = try docker.create("server", network.arguments(1))
    let client = try docker.create("client", network.arguments(2))
    let running = try docker.containers.start([server, client])
    let host = docker.daemon.place
    try running[0].place.awaitAddress(network.address(1))
    try running[1].place.awaitAddress(network.address(2))
    let serverLink = try running[0].place.link("eth0")
    let clientLink = try running[1].place.link("eth0")
    return try BuiltEnvironment(
      client: running[1].place, clientPlace: .container(running[1].worker), server: running[0].place,
      serverPlace: .container(running[0].worker), service: ServiceAddress(listenAddress: network.address(1)),
      path: [
        running[1].place.passing(clientLink, .requestsOut),
        host.passing(try host.outerEnd(of: clientLink, in: running[1].place), .requestsIn),
        host.passing(try host.outerEnd(of: serverLink, in: running[0].place), .requestsOut),
        running[0].place.passing(serverLink, .requestsIn),
      ], others: [host])
  }
}

/// What one trial makes with Docker.
struct DockerTrial {
  let daemon: DockerDaemon
  let containers: EngineContainers
  let image: EngineCache.Image
  private let content: StorageContent?
  private let resources: HostResources

  /// - Parameter content: what the image has beside the worker.
  init(host: String?, with resources: HostResources, content: StorageContent? = nil) throws(UserError) {
    try resources.requireRoot(for: "Docker's containers")
    daemon = try DockerDaemon(host: host)
    containers = EngineContainers(address: daemon.address, tool: daemon.tool)
    image = try resources.engineCache.image(on: daemon.host, worker: resources.settings.worker, content: content)
    self.content = content
    self.resources = resources
  }

  /// Makes a container with the worker, which is still to be started.
  func create(_ role: String, _ arguments: [String]) throws(UserError) -> (name: String, role: String) {
    let name = resources.unique(role)
    try resources.track(.container(engine: daemon.address, name: name))
    try engineExplained { () throws(EngineTool.Failure) in
      try daemon.tool.run(
        containers.commonArguments(name, with: resources) + arguments + [image.name],
        within: EngineTool.patience(for: content))
    }
    return (name, role)
  }
}
