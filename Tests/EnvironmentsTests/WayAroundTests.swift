import Foundation
import LinuxKit
import Model
import NftablesKit
import TestSupport
import Testing

@testable import Environments

@Suite("A path around the rules or the proxy is found out", .requiresNetworkNamespaces, .requiresProgram("ip"))
struct WayAroundTests {
  private func attest(
    _ environment: BuiltEnvironment, _ style: Dialogue.Style = .datagrams,
    target: (address: String, port: UInt16)? = nil, requests: Int = 50
  ) throws -> Attestation {
    let dialogue = try Dialogue(environment, style, target: target)
    let before = try environment.readCounters()
    try dialogue.roundTrips(50, size: 64)
    return environment.attest(
      from: before, to: try environment.readCounters(),
      traffic: PathTraffic(
        transport: style == .datagrams ? .udp : .tcp, size: 64, requests: UInt64(requests), replies: UInt64(requests)))
  }

  private let untranslated = "flows translated by nft: 0 where the path has at least 1"

  @Test("nat-egress without the rule, and with a route back")
  func egress() throws {
    let workplace = try Workplace()
    try workplace.with(NatEgress()) { environment in
      try Nftables.run("flush chain ip bench postrouting", in: try namespace(workplace, "host"))
      #expect(throws: (any Error).self, "the server knows no way back") { try attest(environment) }
      try ip(workplace.runID, "server", "route", "add", "198.18.1.0/24", "via", "198.18.0.1")
      #expect(try attest(environment).failures == [untranslated])
    }
  }

  @Test("a published port whose container the client reaches by itself")
  func published() throws {
    let workplace = try Workplace()
    try workplace.with(PublishedPort(client: .outside)) { environment in
      try ip(workplace.runID, "client", "route", "add", "198.18.1.0/24", "via", "198.18.0.1")
      let service = environment.service
      #expect(
        try attest(environment, target: (service.listenAddress, service.listenPort)).failures == [untranslated])
      #expect(try attest(environment).isPassed, "as it should be")
    }
  }

  @Test("a published port without its rule, which then leads nowhere")
  func unpublished() throws {
    let workplace = try Workplace()
    try workplace.with(PublishedPort(client: .outside)) { environment in
      try Nftables.run("flush chain ip bench prerouting", in: try namespace(workplace, "host"))
      #expect(throws: (any Error).self) { try attest(environment) }
    }
  }

  @Test("a hairpin that is none: to the neighbour straight over the bridge")
  func hairpin() throws {
    let workplace = try Workplace()
    try workplace.with(PublishedPort(client: .neighbor)) { environment in
      let service = environment.service
      let failures = try attest(environment, target: (service.listenAddress, service.listenPort)).failures
      #expect(failures.contains(untranslated))
      // A neighbour's address is asked for by ARP, which the bridge's own interface hears.
      #expect(
        failures.contains { $0.hasPrefix("bridge0 (host) sent 0 packets") || $0.hasPrefix("bridge0 (host) sent 1 ") })
    }
  }

  @Test("past the proxy there is no way: its host forwards nothing")
  func proxy() throws {
    let workplace = try Workplace()
    try workplace.with(PublishedProxy()) { environment in
      try ip(workplace.runID, "client", "route", "add", "198.18.1.0/24", "via", "198.18.0.1")
      let service = environment.service
      #expect(throws: (any Error).self) {
        try attest(environment, target: (service.listenAddress, service.listenPort))
      }
      #expect(try attest(environment).isPassed)
    }
  }

  @Test("rules that packets are let past", arguments: [RuleChain.Kind.linear, .map])
  func rules(_ kind: RuleChain.Kind) throws {
    let workplace = try Workplace()
    try workplace.with(RuleChain(kind, count: 100)) { environment in
      try Nftables.run("insert rule ip bench forward accept", in: try namespace(workplace, "router"))
      #expect(
        try attest(environment).failures == [
          "packets that came to the end of the rules: 0 where the path has at least 1"
        ])
    }
  }

  @Test("a witness whose rules are gone fails the attestation instead of the trial")
  func gone() throws {
    let workplace = try Workplace()
    try workplace.with(RuleChain(.linear, count: 0)) { environment in
      try Nftables.run("delete table ip bench", in: try namespace(workplace, "router"))
      let failures = try attest(environment).failures
      #expect(failures.count == 1)
      #expect(try #require(failures.first).hasPrefix("packets that came to the end of the rules cannot be read: "))
    }
  }

  @Test("straight to the server, past the sidecar", .requiresProgram("haproxy"))
  func sidecar() throws {
    let workplace = try Workplace()
    try workplace.with(SidecarProxies(.tcp, count: 1)) { environment in
      let service = environment.service
      let failures = try attest(environment, .bytes, target: (service.listenAddress, service.listenPort)).failures
      #expect(failures.contains("lo (client) sent 0 packets where the path has at least 100"), "\(failures)")
    }
  }

  private func namespace(_ workplace: Workplace, _ role: String) throws -> String {
    for resource in workplace.journal.resources {
      if case .networkNamespace(let name) = resource, name.hasSuffix("-\(role)") {
        return NetworkNamespace(name: name).path
      }
    }
    throw UserError(.internalError, "no namespace '\(role)'")
  }
}

/// A line of iproute2 in a namespace of a run.
private func ip(_ runID: String, _ role: String, _ arguments: String...) throws {
  let name = try #require(
    try FileManager.default.contentsOfDirectory(atPath: NetworkNamespace.directory)
      .first { $0.hasPrefix("bench-\(runID)-") && $0.hasSuffix("-\(role)") })
  _ = try output("/usr/bin/env", ["ip", "-n", name] + arguments)
}
