internal import LinuxKit
public import Model

/// `docker-published` and `docker-userland-proxy`: a container's port that Docker publishes, used by the host.
///
/// Both are the same container. To the bridge's address Docker's rules translate the host's own packets; those to a
/// loopback address they leave alone, and Docker's proxy in user space takes them.
public struct DockerPublished: NetworkEnvironment {
  /// How a published port is reached.
  public enum Way: Sendable {
    /// By destination address translation.
    case translation
    /// By Docker's proxy.
    case proxy
  }

  private static let servicePort: UInt16 = 9000
  private let way: Way
  private let host: String?

  /// - Parameter host: the daemon's socket; nil finds it as the docker command does.
  public init(_ way: Way, host: String? = nil) {
    self.way = way
    self.host = host
  }

  public var name: String {
    switch way {
    case .translation: "docker-published"
    case .proxy: "docker-userland-proxy"
    }
  }

  public var summary: String {
    switch way {
    case .translation: "from the host to a Docker container by a published port: Docker's address translation"
    case .proxy: "from the host to a Docker container by a published port: Docker's proxy in user space"
    }
  }

  public var layer: String {
    switch way {
    case .translation: "a published port: address translation by Docker's rules"
    case .proxy: "Docker's proxy instead of address translation"
    }
  }

  public var needs: [HostCapability] { [.docker] }

  public func build(with resources: HostResources) throws(UserError) -> BuiltEnvironment {
    let family = resources.settings.family
    let docker = try DockerTrial(host: host, with: resources)
    let place = docker.daemon.place
    // Before Docker 27 no rule translates IPv6 unless a daemon is told so as an experiment.
    if family == .ipv6 && way == .translation && docker.daemon.majorVersion < 27 {
      throw UserError(
        .unavailable, "Docker \(docker.daemon.version) publishes IPv6 ports by its proxy alone",
        remedy: "Docker 27 and later translate IPv6 addresses")
    }
    let network = try DockerNetwork(on: docker.daemon, with: resources)
    let port = try Self.freePort(in: place)
    let publication = ["tcp", "udp"].flatMap { ["--publish", "\(port):\(Self.servicePort)/\($0)"] }
    let server = try docker.create("server", network.arguments(1) + publication)
    let running = try docker.containers.start([server])
    try running[0].place.awaitAddress(network.address(1))
    try place.awaitAddress(network.gateway)
    let link = try running[0].place.link("eth0")
    let inside = [
      place.passing(try place.link(network.bridge), .requestsOut),
      place.passing(try place.outerEnd(of: link, in: running[0].place), .requestsOut),
      running[0].place.passing(link, .requestsIn),
    ]
    let target: String
    var path = inside
    var proxies: [Int32] = []
    let witness: PathWitness
    switch way {
    case .translation:
      target = network.gateway
      let rules = try TranslationRules(port: port, target: network.address(1), family: family, in: place)
      witness = PathWitness(name: "flows translated by Docker's rules") { () throws(UserError) in try rules.packets() }
    case .proxy:
      target = family == .ipv4 ? "127.0.0.1" : "::1"
      path.insert(place.passing(try place.link("lo"), .loopback), at: 0)
      proxies = Self.proxies(of: port, containerAddress: network.address(1), family: family)
      guard !proxies.isEmpty else {
        throw UserError(
          .unavailable, "Docker has started no proxy for port \(port)",
          remedy: "let the daemon have one: no \"userland-proxy\": false in /etc/docker/daemon.json")
      }
      let processes = proxies
      let before = Self.cpuTime(of: processes)
      witness = PathWitness(name: "CPU time of Docker's proxy, in ns") { () throws(UserError) in
        let now = Self.cpuTime(of: processes)
        return now > before ? now - before : 0
      }
    }
    return try BuiltEnvironment(
      client: place, server: running[0].place, serverPlace: .container(running[0].worker),
      service: ServiceAddress(
        listenAddress: network.address(1), listenPort: Self.servicePort, targetAddress: target, targetPort: port),
      path: path, proxies: proxies, witnesses: [witness])
  }

  /// A port that nobody uses in the daemon's namespace.
  private static func freePort(in place: FurnishedNamespace) throws(UserError) -> UInt16 {
    let path = place.path
    do throws(SystemError) {
      return try onDedicatedThread { () throws(SystemError) in
        if let path { try NetworkNamespace.enter(path: path) }
        return try FreePort.tcp()
      }
    } catch { throw UserError(.unavailable, "no port is free on the host: \(error)") }
  }

  /// Docker's proxies for a port and a container that listen to that family, one for each protocol.
  static func proxies(of port: UInt16, containerAddress: String, family: AddressFamily) -> [Int32] {
    ProcessTree.all().filter { process in
      let words = ProcessTree.command(of: process)
      guard words.first?.split(separator: "/").last == "docker-proxy" else { return false }
      func argument(_ name: String) -> String? {
        words.firstIndex(of: name).flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
      }
      return argument("-host-port") == "\(port)" && argument("-container-ip") == containerAddress
        && argument("-host-ip")?.contains(":") == (family == .ipv6)
    }
  }

  private static func cpuTime(of processes: [Int32]) -> UInt64 {
    processes.reduce(0) { $0 + ((try? Clock.cpuTime(of: $1)) ?? 0) }
  }
}

/// Docker's rules that translate the address of a published port, as iptables(8) lists them.
private struct TranslationRules {
  private let tool: EngineTool
  private let port: UInt16
  private let target: String

  /// Finds them. They must be there.
  init(port: UInt16, target: String, family: AddressFamily, in place: FurnishedNamespace) throws(UserError) {
    tool = try EngineTool(family == .ipv4 ? "iptables" : "ip6tables", namespace: place.path)
    self.port = port
    self.target = target
    guard try !counters().isEmpty else {
      throw UserError(
        .unavailable, "Docker has no rule that translates the address of port \(port)",
        remedy: "let the daemon make its rules: no \"iptables\": false in /etc/docker/daemon.json")
    }
  }

  /// How many packets they have translated: the first one of each flow.
  func packets() throws(UserError) -> UInt64 { try counters().reduce(0, +) }

  private func counters() throws(UserError) -> [UInt64] {
    let list = try engineExplained { () throws(EngineTool.Failure) in
      try tool.run(["--table", "nat", "--numeric", "--verbose", "--exact", "--list", "DOCKER", "--wait"])
    }
    // Packets, bytes, target, …, tcp dpt:PORT to:ADDRESS:PORT
    return list.split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ")
      guard words.count > 3, words[2] == "DNAT", words.contains("dpt:\(port)"),
        words.last?.contains(target) == true
      else { return nil }
      return UInt64(words[0])
    }
  }
}
