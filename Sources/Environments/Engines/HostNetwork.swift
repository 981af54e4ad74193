public import Model

/// `host-network`: a container with its host's network, used by the host.
public struct HostNetwork: NetworkEnvironment {
  private let host: String?

  /// - Parameter host: the daemon's socket; nil finds it as the docker command does.
  public init(host: String? = nil) { self.host = host }
  public var name: String { "host-network" }
  public var summary: String { "from the host to a Docker container that shares its network" }
  public var layer: String { "a Docker container without a network of its own" }
  public var needs: [HostCapability] { [.docker] }

  public func build(with resources: HostResources) throws(UserError) -> BuiltEnvironment {
    let docker = try DockerTrial(host: host, with: resources)
    let place = docker.daemon.place
    let server = try docker.create("server", ["--network", "host"])
    let running = try docker.containers.start([server], in: place)
    return try BuiltEnvironment(
      client: place, server: place, serverPlace: .container(running[0].worker),
      service: ServiceAddress(listenAddress: resources.settings.family == .ipv4 ? "127.0.0.1" : "::1"),
      path: [place.passing(try place.link("lo"), .loopback)])
  }
}
