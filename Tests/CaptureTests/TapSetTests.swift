import Foundation
import Glibc
import LinuxKit
import Synchronization
import TestSupport
import Testing
import WorkerProtocol

@testable import Capture

@Suite("Taps", .requiresNetworkNamespaces)
struct TapSetTests {
  private static let message: [UInt8] = {
    var bytes = [UInt8](repeating: 0, count: 64)
    bytes.replaceSubrange(8..<12, with: Array("BNCH".utf8))
    return bytes
  }()

  /// Two namespaces joined by a veth pair, made with `ip`: v0 in the first, v1 with the address 198.18.0.2 in the second.
  private func withPair(_ body: (_ sender: NetworkNamespace, _ receiver: NetworkNamespace) throws -> Void) throws {
    try withNamespaces(2) { namespaces in
      let (a, b) = (namespaces[0].name, namespaces[1].name)
      for command in [
        "-n \(a) link add v0 type veth peer name v1 netns \(b)", "-n \(a) addr add 198.18.0.1/30 dev v0",
        "-n \(b) addr add 198.18.0.2/30 dev v1", "-n \(a) link set v0 up", "-n \(b) link set v1 up",
      ] {
        let child = try ChildProcess(
          executable: "/usr/bin/env", arguments: ["ip"] + command.split(separator: " ").map(String.init),
          environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
        try #require(try child.waitForExit(deadline: Clock.monotonic() + 20_000_000_000) == .exited(0), "ip \(command)")
      }
      try body(namespaces[0], namespaces[1])
    }
  }

  /// Sends datagrams over the pair, with these sequence numbers and this magic. Nobody listens, so nobody answers but
  /// the kernel, and what it says is none of ours.
  private func send(
    _ sequences: Range<UInt64>, magic: String = "BNCH", to host: UInt32 = 0xc612_0002, from namespace: NetworkNamespace
  ) throws {
    try namespace.run { () throws(SystemError) in
      let socket = try systemCall("socket") { Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0) }
      defer { close(socket) }
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = UInt16(9).bigEndian
      address.sin_addr.s_addr = host.bigEndian
      for sequence in sequences {
        var bytes = Self.message
        withUnsafeBytes(of: sequence.littleEndian) { bytes.replaceSubrange(0..<8, with: $0) }
        bytes.replaceSubrange(8..<12, with: Array(magic.utf8))
        try withUnsafePointer(to: &address) { pointer throws(SystemError) in
          _ = try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer throws(SystemError) in
            try systemCall("sendto") {
              sendto(socket, bytes, bytes.count, 0, pointer, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
          }
        }
      }
    }
  }

  private struct Seen {
    var sequences: [UInt64] = []
    var times: [UInt64] = []
    var counts: [TapCounts] = []
  }

  private func capture(
    sampling: Int, on interfaces: [(NetworkNamespace, String)], duration: UInt64 = 200_000_000,
    while body: () throws -> Void
  ) throws -> [Seen] {
    let set = try TapSet(
      interfaces.map { namespace, interface in
        TapConfiguration(
          namespace: namespace.path, interface: interface, filter: TapFilter(transport: .udp, sampling: sampling),
          duration: duration)
      })
    let types = set.linkTypes
    try body()
    var seen = [Seen](repeating: Seen(), count: interfaces.count)
    let counts = try set.drain(patience: 2_000_000_000) { index, frame, time, length in
      if let packet = try? PacketDecoder.decode(frame, linkType: types[index], originalLength: length),
        let message = packet.message
      {
        seen[index].sequences.append(message.sequence)
        seen[index].times.append(time)
      }
    }
    for index in seen.indices { seen[index].counts = [counts[index]] }
    return seen
  }

  @Test("let pass one message in N, and nothing else", .requiresProgram("ip"), arguments: [1, 4, 64, 512])
  func sampling(_ sampling: Int) throws {
    try withPair { sender, receiver in
      let before = Clock.realtime()
      let seen = try capture(sampling: sampling, on: [(sender, "v0"), (receiver, "v1")]) {
        try send(0..<1500, from: sender)
        try send(0..<100, magic: "XXXX", from: sender)
        try send(1500..<2000, magic: "BNCh", from: sender)
      }
      let after = Clock.realtime()
      let expected = (0..<2000).filter { $0 % sampling == 0 }.map(UInt64.init)
      for tap in seen {
        #expect(tap.sequences == expected)
        #expect(tap.counts == [TapCounts(packets: expected.count, dropped: 0, isComplete: true)])
        #expect(tap.times.allSatisfy { (before...after).contains($0) } && tap.times == tap.times.sorted())
        // Microseconds times a thousand would all end in 000.
        #expect(tap.times.contains { $0 % 1000 != 0 })
      }
      #expect(zip(seen[0].times, seen[1].times).allSatisfy { $0 <= $1 }, "sent before received")
    }
  }

  @Test("count what did not fit", .requiresProgram("ip"))
  func overflow() throws {
    try withPair { sender, _ in
      // A ring for no time at all has a few blocks.
      let seen = try capture(sampling: 1, on: [(sender, "v0")], duration: 0) { try send(0..<20_000, from: sender) }
      let counts = try #require(seen[0].counts.first)
      #expect(counts.dropped > 0 && counts.packets + counts.dropped == 20_000 && counts.isComplete)
    }
  }

  @Test("are complete, also where others' packets passed while they were opened", .requiresProgram("ip"))
  func busy() throws {
    try withPair { sender, receiver in
      let isOver = Mutex(false)
      let ended = DispatchSemaphore(value: 0)
      Thread.detachNewThread {
        while !isOver.withLock({ $0 }) { try? send(0..<200, magic: "XXXX", from: sender) }
        ended.signal()
      }
      defer {
        isOver.withLock { $0 = true }
        ended.wait()
      }
      for _ in 0..<5 {
        let seen = try capture(sampling: 1, on: [(sender, "v0"), (receiver, "v1")]) { try send(0..<20, from: sender) }
        for tap in seen {
          #expect(tap.sequences.count == 20 && tap.counts.first?.isComplete == true, "\(tap.counts)")
        }
      }
    }
  }

  @Test("show each packet of a loopback once, and are complete", .requiresProgram("ip"), arguments: [1, 20, 500])
  func loopback(_ count: Int) throws {
    try withPair { sender, _ in
      let child = try ChildProcess(
        executable: "/usr/bin/env", arguments: ["ip", "-n", sender.name, "link", "set", "lo", "up"],
        environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
      try #require(try child.waitForExit(deadline: Clock.monotonic() + 20_000_000_000) == .exited(0))
      let seen = try capture(sampling: 1, on: [(sender, "lo")]) {
        // To the namespace's own address, so over its loopback.
        try send(0..<UInt64(count), to: 0xc612_0001, from: sender)
      }
      #expect(seen[0].sequences == (0..<UInt64(count)).map { $0 })
      #expect(seen[0].counts == [TapCounts(packets: count, dropped: 0, isComplete: true)])
    }
  }

  @Test("on what is not there are refused, and none stays open")
  func missing() throws {
    try withNamespaces(1) { namespaces in
      let filter = TapFilter(transport: .udp, sampling: 1)
      let good = TapConfiguration(namespace: nil, interface: "lo", filter: filter, duration: 0)
      var bad = good
      bad.namespace = namespaces[0].path
      bad.interface = "nothing0"
      let error = #expect(throws: TapError.self) { try TapSet([good, bad]) }
      #expect(error?.interface == "nothing0" && error?.isPermission == false)
      #expect(error?.description.hasPrefix("cannot capture on nothing0: ") == true)
      bad.namespace = "/run/netns/bench-test-nowhere"
      #expect(throws: TapError.self) { try TapSet([bad]) }
    }
  }

  @Test("close with their set, and closing twice is no error")
  func closing() async {
    await #expect(processExitsWith: .success) {
      let filter = TapFilter(transport: .udp, sampling: 1)
      let configuration = TapConfiguration(namespace: nil, interface: "lo", filter: filter, duration: 0)
      _ = try? TapSet([configuration])
      let before = try descriptorCount()
      for _ in 0..<3 {
        let set = try TapSet([configuration, configuration])
        set.close()
        set.close()
        _ = try TapSet([configuration])
      }
      let after = try descriptorCount()
      precondition(after == before, "\(after - before) descriptors are still open")
    }
  }

  @Test("have a ring that grows with the window and the share that is looked at")
  func ring() {
    func configuration(_ milliseconds: UInt64, _ sampling: Int) -> TapConfiguration {
      TapConfiguration(
        namespace: nil, interface: "lo", filter: TapFilter(transport: .udp, sampling: sampling),
        duration: milliseconds * 1_000_000)
    }
    // All that the fastest path carries in a second.
    #expect(configuration(1000, 1).ringBytes > 400_000 * 256)
    #expect(configuration(1000, 64).ringBytes < configuration(1000, 1).ringBytes / 5)
    #expect(configuration(270, 64).ringBytes < 8 << 20)
    #expect(configuration(600_000, 1).ringBytes == 256 << 20)
  }
}
