import Glibc
import TestSupport
import Testing

@testable import LinuxKit

/// Counts between `start` and `stop`, by event.
private func count(_ counters: consuming EventCounters, _ body: () throws -> Void) rethrows -> [KernelEvent:
  EventCounters.Count]
{
  counters.start()
  try body()
  counters.stop()
  return Dictionary(uniqueKeysWithValues: counters.counts.map { ($0.event, $0.count) })
}

extension EventCounters.Count {
  fileprivate var number: UInt64? { if case .value(let number) = self { number } else { nil } }
  fileprivate var reason: String? { if case .unavailable(let reason) = self { reason } else { nil } }
}

/// A filter for what happens in the calling thread alone.
private func thisThread() throws -> String {
  var buffer = [CChar](repeating: 0, count: 64)
  let count = readlink("/proc/thread-self", &buffer, buffer.count)
  try #require(count > 0)
  let path = String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  return "common_pid == \(try #require(path.split(separator: "/").last))"
}

/// All CPUs: a test's thread runs where it likes.
private let allCPUs = Array(0..<Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
private let tracefs = TraceFS.places

@Suite("Kernel events are counted exactly", .requiresTracepoints)
struct KernelEventTests {
  /// Namespaces with an address each and a way between the first and the last, whose devices have names that nobody else
  /// uses: other tests have packets of their own on the same CPUs.
  private enum Path: CaseIterable, CustomTestStringConvertible {
    case loopback, veth, bridge

    var testDescription: String { "\(self)" }
    var namespaces: Int { self == .loopback ? 1 : self == .veth ? 2 : 3 }
    /// Devices that a packet passes, on its way there.
    var hops: UInt64 { self == .bridge ? 2 : 1 }

    /// - Returns: the names of all its devices.
    func lay(_ names: [NetworkNamespace]) throws -> [String] {
      let tag = String(UInt32.random(in: .min ... .max), radix: 36)
      for namespace in names {
        // Nobody solicits routers and looks for duplicate addresses while packets are counted.
        try namespace.run { () throws(SystemError) in
          for which in ["all", "default"] {
            try SmallFile.write("1", to: "/proc/sys/net/ipv6/conf/\(which)/disable_ipv6")
          }
        }
      }
      func ip(_ namespace: NetworkNamespace, _ command: String) throws {
        let child = try shell("exec ip -n \(namespace.name) \(command)")
        try #require(try child.waitForExit(deadline: farDeadline()) == .exited(0), "ip \(command)")
      }
      let (first, last) = (names[0], names[names.count - 1])
      switch self {
      case .loopback:
        try ip(first, "link set lo name l\(tag)")
        try ip(first, "addr add 198.18.0.1/24 dev l\(tag)")
        try ip(first, "addr add 198.18.0.2/24 dev l\(tag)")
        try ip(first, "link set l\(tag) up")
        return ["l\(tag)"]
      case .veth:
        try ip(first, "link add c\(tag) type veth peer name s\(tag) netns \(last.name)")
      case .bridge:
        let middle = names[1]
        try ip(middle, "link add b\(tag) type bridge")
        try ip(middle, "link set b\(tag) up")
        try ip(first, "link add c\(tag) type veth peer name p\(tag) netns \(middle.name)")
        try ip(last, "link add s\(tag) type veth peer name q\(tag) netns \(middle.name)")
        for port in ["p\(tag)", "q\(tag)"] { try ip(middle, "link set \(port) master b\(tag) up") }
      }
      try ip(first, "addr add 198.18.0.1/24 dev c\(tag)")
      try ip(last, "addr add 198.18.0.2/24 dev s\(tag)")
      try ip(first, "link set c\(tag) up")
      try ip(last, "link set s\(tag) up")
      return ["c", "s", "p", "q", "b"].map { $0 + tag }
    }
  }

  @Test(
    "each device sends and receives a packet once, and 20 repetitions agree",
    .requiresNetworkNamespaces, .requiresProgram("ip"), arguments: Path.allCases)
  private func devices(path: Path) throws {
    try withNamespaces(path.namespaces) { namespaces in
      let devices = try path.lay(namespaces).map { "name == \"\($0)\"" }.joined(separator: " || ")
      let talk = try Talk(namespaces[0], "198.18.0.1", namespaces[namespaces.count - 1], "198.18.0.2")
      try talk.roundTrips(100)
      let expected = 2000 * path.hops
      for repetition in 0..<20 {
        let counters = EventCounters.open(
          cpus: allCPUs, processes: [getpid()], tracefs: tracefs,
          narrowing: [
            .deviceTransmissions: devices, .deviceReceptions: devices, .skbAllocations: try thisThread(),
          ])
        let counts = try count(counters) { try talk.roundTrips(1000) }
        for event in [KernelEvent.deviceTransmissions, .deviceReceptions] {
          let number = try #require(counts[event]?.number, "\(counts)")
          // Within 0.5 %: an ARP request may fall in.
          #expect(
            (expected * 995 / 1000...expected * 1005 / 1000).contains(number), "\(event) in repetition \(repetition)")
        }
        // One buffer a datagram, however many devices it passes.
        let buffers = try #require(counts[.skbAllocations]?.number, "\(counts)")
        #expect((1990...2010).contains(buffers), "repetition \(repetition)")
      }
    }
  }

  @Test("TCP's packet buffers are counted, although their cache goes by another's name", .requiresNetworkNamespaces)
  func cloneable() throws {
    let talk = try Talk(stream: ())
    try talk.roundTrips(100)
    let counters = EventCounters.open(
      cpus: allCPUs, processes: [getpid()], tracefs: tracefs, narrowing: [.skbAllocations: try thisThread()])
    let counts = try count(counters) { try talk.roundTrips(1000) }
    let buffers = try #require(counts[.skbAllocations]?.number, "\(counts)")
    // Each segment has one; acknowledgements ride on the next message, or have one more.
    #expect((2000...4010).contains(buffers))
  }

  @Test("of softirqs only those of the network count, and context switches are those of /proc/stat")
  func filters() throws {
    let talk = try Talk(stream: ())
    let counters = EventCounters.open(cpus: allCPUs, processes: [getpid()])
    // Whatever else the host does meanwhile is in both.
    let outer = try (network: networkSoftirqs(), switches: contextSwitches())
    var inner = outer
    var innerEnd = outer
    let counts = try count(counters) {
      inner = try (network: networkSoftirqs(), switches: contextSwitches())
      let end = Clock.monotonic() + 100_000_000
      while Clock.monotonic() < end {
        try talk.roundTrips(20)
        usleep(1000)
      }
      innerEnd = try (network: networkSoftirqs(), switches: contextSwitches())
    }
    let outerEnd = try (network: networkSoftirqs(), switches: contextSwitches())
    let softirqs = try #require(counts[.softirqs]?.number, "\(counts)")
    #expect(softirqs > 0 && softirqs >= innerEnd.network - inner.network)
    #expect(softirqs <= outerEnd.network - outer.network, "timers and others are not in it")
    let switches = try #require(counts[.contextSwitches]?.number, "\(counts)")
    #expect(switches > 0 && switches >= innerEnd.switches - inner.switches)
    #expect(switches <= outerEnd.switches - outer.switches)
  }

  @Test("system calls are those of the process, of its threads, and of the children that it starts")
  func systemCalls() throws {
    func calls(_ blocks: Int, _ prefix: String) throws -> UInt64 {
      let child = try shell("echo ready; read go; \(prefix)dd if=/dev/zero of=/dev/null bs=1 count=\(blocks) 2>&1; :")
      #expect(try child.readText() == "ready")
      let counters = EventCounters.open(cpus: allCPUs, processes: [child.pid])
      let counts = try count(counters) {
        try child.write(Array("go\n".utf8))
        _ = try child.readAllLines()
        try #require(try child.waitForExit(deadline: farDeadline()) == .exited(0))
      }
      return try #require(counts[.systemCalls]?.number, "\(counts)")
    }
    for prefix in ["", "exec "] {
      let few = try calls(1000, prefix)
      let many = try calls(3000, prefix)
      // Each block is a read and a write. What else dd does may differ by the moment at which the shell waits for it.
      #expect((3995...4005).contains(many - few), "\(few) and \(many)")
      #expect(few < 2000 + 500, "nobody else's calls: \(few)")
    }
  }

  @Test("a CPU that is named twice is counted once, and counters stand still outside")
  func once() throws {
    let talk = try Talk(stream: ())
    let narrowing = [KernelEvent.skbAllocations: try thisThread()]
    func buffers(_ cpus: [Int]) throws -> UInt64 {
      let counters = EventCounters.open(
        cpus: cpus, processes: [getpid()], tracefs: tracefs, narrowing: narrowing)
      try talk.roundTrips(500)
      counters.start()
      try talk.roundTrips(500)
      counters.stop()
      try talk.roundTrips(500)
      return try #require(counters.counts.first { $0.event == .skbAllocations }?.count.number)
    }
    let plain = try buffers(allCPUs)
    let doubled = try buffers(allCPUs + allCPUs)
    #expect((1000...2010).contains(plain) && (1000...2010).contains(doubled), "\(plain) and \(doubled)")
  }
}

@Suite("What cannot be counted says why")
struct UncountableEventTests {
  @Test("every event has an entry, a number or a reason", .requiresTracepoints)
  func complete() throws {
    let counts = EventCounters.open(cpus: [0], processes: [getpid()]).counts
    #expect(counts.map(\.event) == KernelEvent.allCases)
    // Never started: 0 would be a lie, but for a process that slept.
    for (event, count) in counts where event != .systemCalls {
      #expect(try #require(count.reason, "\(event)").isEmpty == false)
    }
  }

  @Test("without tracefs, its remedy; what needs none is not concerned")
  func unmounted() throws {
    let counters = EventCounters.open(cpus: [0], processes: [getpid()], tracefs: ["/nonexistent"])
    for (event, count) in counters.counts {
      let reason = try #require(count.reason, "\(event)")
      let takesNone = [.contextSwitches, .instructions, .cycles].contains(event)
      #expect(
        reason.contains("tracefs is not mounted: mount -t tracefs nodev /sys/kernel/tracing") != takesNone, "\(event)")
    }
  }

  @Test("a kernel without the event", .requiresTracepoints)
  func missing() throws {
    // A tracefs with no events at all.
    try withTemporaryDirectory { directory in
      try #require(mkdir("\(directory)/events", 0o700) == 0)
      defer { rmdir("\(directory)/events") }
      let counts = EventCounters.open(cpus: [0], processes: [getpid()], tracefs: [directory]).counts
      #expect(counts.first?.count.reason == "this kernel has no event net:net_dev_xmit")
    }
  }

  @Test("a process that has ended, and none at all", .requiresTracepoints)
  func ended() throws {
    let child = try shell("exit 0")
    let pid = child.pid
    #expect(try child.waitForExit(deadline: farDeadline()) == .exited(0))
    func reason(_ processes: [Int32]) throws -> String? {
      EventCounters.open(cpus: [0], processes: processes).counts.first { $0.event == .systemCalls }?.count.reason
    }
    #expect(try reason([pid]) == "process \(pid) has ended")
    #expect(try reason([]) == "no process was named")
  }

  @Test("without root nothing is counted, and every reason says so", .requiresTracepoints)
  func unprivileged() async {
    await #expect(processExitsWith: .success) {
      // Of the whole process: this one is the test's own.
      try #require(setuid(65534) == 0)
      let counts = EventCounters.open(cpus: [0], processes: [getpid()]).counts
      for (event, count) in counts where event != .instructions && event != .cycles {
        let reason = try #require(count.reason, "\(event)")
        #expect(reason == "counting kernel events takes root (CAP_PERFMON)", "\(event)")
      }
    }
  }

  @Test("no descriptor is left open", .requiresTracepoints)
  func descriptors() async {
    await #expect(processExitsWith: .success) {
      _ = EventCounters.open(cpus: [0], processes: [getpid()]).counts
      let before = try descriptorCount()
      for _ in 0..<10 {
        let counters = EventCounters.open(cpus: [0], processes: [getpid()])
        counters.start()
        counters.stop()
        _ = counters.counts
      }
      #expect(try descriptorCount() == before)
    }
  }
}

/// Two sockets that talk to each other, both ends in the hands of one thread.
private struct Talk: ~Copyable {
  private let client: Descriptor
  private let server: Descriptor

  /// By UDP, from namespace to namespace.
  init(_ near: NetworkNamespace, _ nearAddress: String, _ far: NetworkNamespace, _ farAddress: String) throws {
    let client = try Self.socket(in: near, nearAddress)
    let server = try Self.socket(in: far, farAddress)
    try Self.connect(client, to: Self.address(of: server))
    try Self.connect(server, to: Self.address(of: client))
    self.client = Descriptor(owning: client)
    self.server = Descriptor(owning: server)
  }

  /// By TCP over the host's loopback.
  init(stream: Void) throws {
    let listening = Descriptor(owning: try Self.socket(SOCK_STREAM))
    try Self.bind(listening.rawValue, to: "127.0.0.1")
    let door = listening.rawValue
    try systemCall("listen") { listen(door, 1) }
    let client = try Self.socket(SOCK_STREAM)
    try Self.connect(client, to: Self.address(of: door))
    let server = try systemCall("accept") { accept(door, nil, nil) }
    var yes: Int32 = 1
    for end in [client, server] {
      setsockopt(end, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
      Self.setPatience(end)
    }
    self.client = Descriptor(owning: client)
    self.server = Descriptor(owning: server)
  }

  func roundTrips(_ count: Int) throws {
    var message = [UInt8](repeating: 7, count: 64)
    let (near, far) = (client.rawValue, server.rawValue)
    for _ in 0..<count {
      for (from, to) in [(near, far), (far, near)] {
        try systemCall("send") { send(from, message, message.count, Int32(MSG_NOSIGNAL)) }
        let length = try systemCall("recv") { recv(to, &message, message.count, 0) }
        try #require(length == message.count)
      }
    }
  }

  private static func socket(_ type: __socket_type) throws(SystemError) -> Int32 {
    try systemCall("socket") { Glibc.socket(AF_INET, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0) }
  }

  private static func socket(in namespace: NetworkNamespace, _ address: String) throws -> Int32 {
    try namespace.run { () throws(SystemError) in
      let number = try socket(SOCK_DGRAM)
      setPatience(number)
      try bind(number, to: address)
      return number
    }
  }

  /// A lost message fails the test instead of hanging it.
  private static func setPatience(_ socket: Int32) {
    var patience = timeval(tv_sec: 5, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
  }

  private static func bind(_ socket: Int32, to address: String) throws(SystemError) {
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    inet_pton(AF_INET, address, &name.sin_addr)
    try withPointer(to: name) { pointer, length throws(SystemError) in
      _ = try systemCall("bind", on: address) { Glibc.bind(socket, pointer, length) }
    }
  }

  private static func connect(_ socket: Int32, to address: sockaddr_in) throws(SystemError) {
    try withPointer(to: address) { pointer, length throws(SystemError) in
      _ = try systemCall("connect") { Glibc.connect(socket, pointer, length) }
    }
  }

  private static func address(of socket: Int32) throws(SystemError) -> sockaddr_in {
    var name = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    try withUnsafeMutablePointer(to: &name) { pointer throws(SystemError) in
      let raw = UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
      _ = try systemCall("getsockname") { getsockname(socket, raw, &length) }
    }
    return name
  }

  private static func withPointer(
    to address: sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) throws(SystemError) -> Void
  ) throws(SystemError) {
    try withUnsafePointer(to: address) { pointer throws(SystemError) in
      try body(
        UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  }
}

/// Softirqs NET_TX and NET_RX since boot, on all CPUs.
private func networkSoftirqs() throws -> UInt64 {
  let lines = try SmallFile.text("/proc/softirqs").split(separator: "\n")
  let rows = lines.filter { $0.contains("NET_TX:") || $0.contains("NET_RX:") }
  try #require(rows.count == 2)
  return rows.flatMap { $0.split(separator: " ").dropFirst().compactMap { UInt64($0) } }.reduce(0, +)
}

/// Context switches since boot, on all CPUs.
private func contextSwitches() throws -> UInt64 {
  let line = try #require(try SmallFile.text("/proc/stat").split(separator: "\n").first { $0.hasPrefix("ctxt ") })
  return try #require(UInt64(line.dropFirst(5)))
}
