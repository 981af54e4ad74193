import Foundation
import LinuxKit
import Model
import TestSupport
import Testing

@testable import Environments

/// The environments over routers, rules and proxies.
private let routedEnvironments: [any NetworkEnvironment] =
  [
    NatEgress(), PublishedPort(client: .outside), PublishedPort(client: .neighbor), PublishedProxy(),
    RuleChain(.linear, count: 0), RuleChain(.linear, count: 100), RuleChain(.map, count: 100),
  ] + SidecarProxies.Mode.allCases.flatMap { mode in (1...2).map { SidecarProxies(mode, count: $0) } }

/// The rules of the host's own namespace, as the program nft writes them.
private func hostRuleset() throws -> String { try output("/usr/bin/env", ["nft", "list", "ruleset"]) }

/// The switches of the host's own namespace that routers have set otherwise.
private func hostSwitches() -> [String?] {
  [
    "ipv4/ip_forward", "ipv6/conf/all/forwarding", "ipv6/conf/default/forwarding", "bridge/bridge-nf-call-iptables",
    "netfilter/nf_conntrack_tcp_timeout_close", "ipv6/conf/all/disable_ipv6", "ipv6/conf/default/disable_ipv6",
  ].map { SmallFile.line("/proc/sys/net/\($0)") }
}

@Suite(
  "Paths over routers, rules and proxies are attested", .requiresNetworkNamespaces, .requiresProgram("nft"),
  .requiresProgram("haproxy"))
struct RoutedPathTests {
  static let names = routedEnvironments.map(\.name)

  private func definition(_ name: String) throws -> any NetworkEnvironment {
    try #require(routedEnvironments.first { $0.name == name })
  }

  private func styles(_ name: String) -> [Dialogue.Style] {
    switch name {
    case _ where name.hasPrefix("sidecar-tcp"): [.bytes]
    case _ where name.hasPrefix("sidecar-http"): [.http]
    default: [.datagrams, .bytes]
    }
  }

  @Test("requests and replies, small and large", arguments: names, AddressFamily.allCases)
  func attested(_ name: String, _ family: AddressFamily) throws {
    for style in styles(name) {
      let workplace = try Workplace(family: family)
      try workplace.with(try definition(name)) { environment in
        let dialogue = try Dialogue(environment, style, family: family)
        try dialogue.roundTrips(3, size: 1)
        for size in [1, 64, 1400, 9000] {
          let before = try environment.readCounters()
          try dialogue.roundTrips(100, size: size)
          // A head is in the same segment as its body, or makes one more.
          let wire = style == .http ? size + 80 : size
          let attestation = environment.attest(
            from: before, to: try environment.readCounters(),
            traffic: PathTraffic(
              transport: style == .datagrams ? .udp : .tcp, family: family, size: wire, requests: 100, replies: 100))
          #expect(attestation.isPassed, "\(style), \(size) B: \(attestation.failures)")
          #expect(attestation.hops.filter(\.isDeclared).allSatisfy { $0.transmitted >= 100 && $0.received >= 100 })
        }
      }
      #expect(try remains(of: workplace.runID) == [])
    }
  }

  @Test("many short connections", arguments: names, AddressFamily.allCases)
  func connections(_ name: String, _ family: AddressFamily) throws {
    let style = try #require(styles(name).last)
    let workplace = try Workplace(family: family)
    try workplace.with(try definition(name)) { environment in
      let dialogue = try Dialogue(environment, style, family: family)
      try dialogue.connections(3, size: 1)
      let before = try environment.readCounters()
      try dialogue.connections(100, size: 64)
      let attestation = environment.attest(
        from: before, to: try environment.readCounters(),
        traffic: PathTraffic(
          transport: .tcp, family: family, size: style == .http ? 144 : 64, requests: 100, replies: 100,
          connections: 100))
      #expect(attestation.isPassed, "\(attestation.failures)")
    }
  }

  @Test("nothing is sent on the path that nobody asked for, and the host is as it was", arguments: names)
  func quiet(_ name: String) throws {
    let rules = try hostRuleset()
    let switches = hostSwitches()
    let links = try hostLinks()
    let workplace = try Workplace()
    try workplace.with(try definition(name)) { environment in
      let counters = try environment.readCounters()
      let attestation = environment.attest(from: counters, to: counters, traffic: .datagrams(0))
      #expect(attestation.hops.filter { !$0.isDeclared }.allSatisfy { $0.transmitted == 0 })
      #expect(try hostRuleset() == rules)
      #expect(hostSwitches() == switches)
    }
    #expect(try hostRuleset() == rules)
    #expect(hostSwitches() == switches)
    #expect(
      try hostLinks().subtracting(links).isDisjoint(with: [
        "client0", "server0", "bridge0", "uplink0", "port-client", "port-server", "router-client", "router-server",
      ]))
    #expect(try remains(of: workplace.runID) == [])
    #expect(workplace.journal.resources == [])
  }

  @Test("a controller that was killed leaves nothing after the sweep", arguments: names)
  func killed(_ name: String) async throws {
    let rules = try hostRuleset()
    let switches = hostSwitches()
    let directory = try ScratchDirectory()
    let path = directory.path
    let runID = randomRunID()
    await #expect(processExitsWith: .signal(SIGKILL)) {
      [path = path as String, runID = runID as String, name = name as String] in
      // What the test library has open here must not stay open in processes that outlive this one.
      for number in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap(Int32.init) {
        if number > 2 { _ = fcntl(number, F_SETFD, FD_CLOEXEC) }
      }
      let journal = try Journal(runID: runID, directory: path)
      let definition = try #require(routedEnvironments.first { $0.name == name })
      let environment = try definition.build(with: HostResources(journal: journal))
      _ = try environment.readCounters()
      kill(getpid(), SIGKILL)
      extendLifetime(environment)
    }
    #expect(try !remains(of: runID).isEmpty)
    let journal = Journal.replay(try SmallFile.text("\(path)/\(runID).journal"))
    let processes = journal.compactMap { resource in
      if case .process(let pid, let startTime) = resource {
        ProcessIdentity(pid: pid, startTime: startTime)
      } else {
        nil
      }
    }
    #expect(processes.count == (name.hasPrefix("sidecar") ? Int(name.suffix(1)) : 0))
    for process in processes {
      #expect(ProcessIdentity(of: process.pid) == process, "it outlives its controller")
      #expect(SmallFile.line("/proc/\(process.pid)/comm") == "haproxy")
    }
    let outcomes = try Sweep.run(directory: path)
    #expect(outcomes.map(\.runID) == [runID] && outcomes.first?.failed == [])
    #expect(try remains(of: runID) == [])
    for process in processes { #expect(ProcessIdentity(of: process.pid) != process) }
    #expect(try hostRuleset() == rules)
    #expect(hostSwitches() == switches)
    #expect(directory.files == [])
  }
}
