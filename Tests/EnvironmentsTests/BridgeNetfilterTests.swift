import Foundation
import LinuxKit
import Model
import NetlinkKit
import NftablesKit
import TestSupport
import Testing

@testable import Environments

@Suite("Bridge netfilter is on in the one bridge's namespace and off in the other's", .requiresNetworkNamespaces)
struct BridgeNetfilterTests {
  private static let switches = ["iptables", "ip6tables", "arptables"].map {
    "/proc/sys/net/bridge/bridge-nf-call-\($0)"
  }

  private func hub(_ workplace: Workplace) -> NetworkNamespace {
    NetworkNamespace(name: "bench-\(workplace.runID)-3-switch")
  }

  private func read(in namespace: NetworkNamespace) throws -> [String] {
    try namespace.run { () throws(SystemError) in Self.switches.compactMap { SmallFile.line($0) } }
  }

  private func attest(_ environment: BuiltEnvironment, _ family: AddressFamily) throws -> Attestation {
    let exchange = try Exchange(environment)
    let before = try environment.readCounters()
    try exchange.roundTrips(50, size: 64)
    return environment.attest(
      from: before, to: try environment.readCounters(), traffic: .datagrams(50, family: family))
  }

  @Test("bridge: off")
  func off() throws {
    let workplace = try Workplace()
    try workplace.with(BridgedPair()) { _ in
      // None at all where the kernel has no br_netfilter.
      let switches = try read(in: hub(workplace))
      #expect(switches.allSatisfy { $0 == "0" }, "\(switches)")
    }
  }

  @Test(
    "bridge-netfilter: on, and the firewall counts every packet but those that are first of their flow",
    .requiresProgram("nft"), arguments: AddressFamily.allCases)
  func on(_ family: AddressFamily) throws {
    let workplace = try Workplace(family: family)
    try workplace.with(BridgeNetfilter()) { environment in
      let hub = hub(workplace)
      #expect(try read(in: hub) == ["1", "1", "1"])
      #expect(try attest(environment, family).isPassed)
      let counted = try Nftables.counter(named: "known", table: "bench", family: family.keyword, in: hub.path)
      // 51 exchanges of one flow, whose first packet is that of an unknown one.
      #expect(counted == 2 * 51 - 1)
    }
    #expect(try remains(of: workplace.runID) == [])
  }

  @Test("a datagram that is cut and put together on the way is one packet to the firewall", .requiresProgram("nft"))
  func fragments() throws {
    let workplace = try Workplace()
    try workplace.with(BridgeNetfilter()) { environment in
      let exchange = try Exchange(environment)
      let name = hub(workplace).path
      let before = try Nftables.counter(named: "known", table: "bench", family: "ip", in: name)
      try exchange.roundTrips(10, size: 9000)
      #expect(try Nftables.counter(named: "known", table: "bench", family: "ip", in: name) - before == 20)
    }
  }

  @Test("a bridge that keeps its packets from the firewall is found out", arguments: AddressFamily.allCases)
  func bypassed(_ family: AddressFamily) throws {
    let workplace = try Workplace(family: family)
    try workplace.with(BridgeNetfilter()) { environment in
      try hub(workplace).disableBridgeNetfilter()
      #expect(
        try attest(environment, family).failures == [
          "bridged packets of known flows: 0 where the path has at least 1"
        ])
    }
  }

  @Test(
    "the host's own rules and switches are as they were", .requiresProgram("nft"),
    arguments: linkEnvironments.map(\.name))
  func host(_ name: String) throws {
    func state() throws -> [String?] {
      let sysctls =
        Self.switches
        + [
          "disable_ipv6", "accept_ra", "autoconf", "router_solicitations", "accept_dad", "dad_transmits",
          "addr_gen_mode",
        ]
        .flatMap { name in ["default", "lo"].map { "/proc/sys/net/ipv6/conf/\($0)/\(name)" } }
        + ["/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close"]
      return [try output("/usr/bin/env", ["nft", "list", "ruleset"])] + sysctls.map { SmallFile.line($0) }
    }
    let before = try state()
    for family in AddressFamily.allCases {
      let workplace = try Workplace(family: family)
      try workplace.with(try #require(linkEnvironments.first { $0.name == name })) { environment in
        try Exchange(environment).roundTrips(1, size: 64)
        #expect(try state() == before)
      }
    }
    #expect(try state() == before)
  }

  @Test("a kernel without it makes the environment unavailable, with the remedy")
  func missing() {
    let error = BridgeNetfilter.explain(SystemError(call: "open", subject: Self.switches[0], code: ENOENT))
    #expect(error.exitCode == .unavailable && error.message.hasPrefix("the kernel has no bridge netfilter"))
    #expect(error.remedy?.contains("modprobe br_netfilter") == true)
    #expect(BridgeNetfilter.explain(SystemError(call: "open", code: EACCES)).exitCode == .notPermitted)
  }
}
