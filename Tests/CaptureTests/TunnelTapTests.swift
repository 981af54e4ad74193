import Glibc
import LinuxKit
import Model
import TestSupport
import Testing

@testable import Capture

@Suite("Taps around a tunnel", .requiresNetworkNamespaces, .requiresProgram("ip"))
struct TunnelTapTests {
  private struct Addresses {
    var underlay: (String, String)
    var overlay: (String, String)
    var prefixLength: Int

    init(_ family: AddressFamily) {
      switch family {
      case .ipv4: (underlay, overlay, prefixLength) = (("198.18.1.1", "198.18.1.2"), ("198.18.0.1", "198.18.0.2"), 30)
      case .ipv6:
        (underlay, overlay, prefixLength) = (("2001:2:0:1::1", "2001:2:0:1::2"), ("2001:2::1", "2001:2::2"), 64)
      }
    }
  }

  /// Two namespaces, joined by u0 and u1, and over them by a VXLAN link x0 in each; made with `ip`.
  private func withTunnel(
    _ family: AddressFamily, _ body: (_ sender: NetworkNamespace, _ receiver: NetworkNamespace) throws -> Void
  ) throws {
    let addresses = Addresses(family)
    let prefix = addresses.prefixLength
    try withNamespaces(2) { namespaces in
      let (a, b) = (namespaces[0].name, namespaces[1].name)
      let flag = family == .ipv6 ? " nodad" : ""
      var commands = ["-n \(a) link add u0 type veth peer name u1 netns \(b)"]
      for (name, device, own, other, inside) in [
        (a, "u0", addresses.underlay.0, addresses.underlay.1, addresses.overlay.0),
        (b, "u1", addresses.underlay.1, addresses.underlay.0, addresses.overlay.1),
      ] {
        commands += [
          "-n \(name) addr add \(own)/\(prefix) dev \(device)\(flag)", "-n \(name) link set \(device) up",
          "-n \(name) link add x0 type vxlan id 4097 dev \(device) local \(own) remote \(other) dstport 4789",
          "-n \(name) addr add \(inside)/\(prefix) dev x0\(flag)", "-n \(name) link set x0 up",
        ]
      }
      for command in commands {
        let child = try ChildProcess(
          executable: "/usr/bin/env", arguments: ["ip"] + command.split(separator: " ").map(String.init),
          environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
        try #require(try child.waitForExit(deadline: Clock.monotonic() + 20_000_000_000) == .exited(0), "ip \(command)")
      }
      try body(namespaces[0], namespaces[1])
    }
  }

  /// Connects sockets of both ends, which know each other before anything is looked at.
  private func withPair(
    _ family: AddressFamily, _ sender: NetworkNamespace, _ receiver: NetworkNamespace,
    _ body: (_ client: Int32, _ server: Int32) throws -> Void
  ) throws {
    func open(_ namespace: NetworkNamespace, _ own: String, _ other: String) throws -> Descriptor {
      let number = try namespace.run { () throws(SystemError) in
        try systemCall("socket") {
          Glibc.socket(
            family == .ipv4 ? AF_INET : AF_INET6, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        }
      }
      let socket = Descriptor(owning: number)
      var patience = timeval(tv_sec: 0, tv_usec: 200_000)
      setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
      for (address, call) in [(own, bind), (other, connect)] {
        if family == .ipv4 {
          var name = sockaddr_in()
          name.sin_family = sa_family_t(AF_INET)
          name.sin_port = UInt16(7001).bigEndian
          inet_pton(AF_INET, address, &name.sin_addr)
          try withUnsafePointer(to: &name) { pointer in
            _ = try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
              try systemCall("bind or connect") { call(number, pointer, socklen_t(MemoryLayout<sockaddr_in>.size)) }
            }
          }
        } else {
          var name = sockaddr_in6()
          name.sin6_family = sa_family_t(AF_INET6)
          name.sin6_port = UInt16(7001).bigEndian
          inet_pton(AF_INET6, address, &name.sin6_addr)
          try withUnsafePointer(to: &name) { pointer in
            _ = try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
              try systemCall("bind or connect") { call(number, pointer, socklen_t(MemoryLayout<sockaddr_in6>.size)) }
            }
          }
        }
      }
      return socket
    }
    let inside = Addresses(family).overlay
    let client = try open(sender, inside.0, inside.1)
    let server = try open(receiver, inside.1, inside.0)
    // The carriers come, and the neighbours answer, after some attempts.
    var byte: UInt8 = 0
    let hasArrived = (0..<50).contains { _ in
      send(client.rawValue, &byte, 1, 0)
      return recv(server.rawValue, &byte, 1, 0) == 1
    }
    try #require(hasArrived, "nothing comes through the tunnel")
    try body(client.rawValue, server.rawValue)
    extendLifetime(client)
    extendLifetime(server)
  }

  @Test(
    "see the same messages inside and outside; what is received inside still has the time of the outside",
    arguments: AddressFamily.allCases, [64, 4000])
  func stamps(_ family: AddressFamily, _ size: Int) throws {
    try withTunnel(family) { sender, receiver in
      try withPair(family, sender, receiver) { client, server in
        let plain = TapFilter(transport: .udp, sampling: 1, family: family)
        var wrapped = plain
        wrapped.encapsulation = .vxlan
        let taps = try TapSet(
          [(sender, "x0", plain), (sender, "u0", wrapped), (receiver, "u1", wrapped), (receiver, "x0", plain)].map {
            TapConfiguration(namespace: $0.path, interface: $1, filter: $2, duration: 200_000_000)
          })
        let types = taps.linkTypes
        let count = 50
        for sequence in 0..<count {
          var message = [UInt8](repeating: 0, count: size)
          message[0] = UInt8(sequence)
          message.replaceSubrange(8..<12, with: Array("BNCH".utf8))
          try #require(send(client, message, size, 0) == size)
          try #require(recv(server, &message, size, 0) == size)
        }
        var times = [[UInt64]](repeating: [], count: 4)
        let counts = try taps.drain(patience: 2_000_000_000) { index, frame, time, length in
          guard let packet = try? PacketDecoder.decode(frame, linkType: types[index], originalLength: length),
            packet.message?.sequence == UInt64(times[index].count)
          else { return }
          #expect(packet.vxlanLayers == (index == 1 || index == 2 ? 1 : 0))
          times[index].append(time)
        }
        #expect(counts.allSatisfy { $0.packets == count && $0.dropped == 0 && $0.isComplete }, "\(counts)")
        try #require(times.allSatisfy { $0.count == count })
        #expect(zip(times[0], times[1]).allSatisfy { $0 < $1 }, "sent inside before outside")
        #expect(zip(times[1], times[2]).allSatisfy { $0 <= $1 })
        // So a tap that listens for what is received inside would tell nothing.
        #expect(times[2] == times[3])
      }
    }
  }
}
