internal import CLinux
internal import Glibc

/// What the kernel, or the processor, can be asked to count.
public enum KernelEvent: String, Sendable, CaseIterable {
  /// Packets handed to a network device to be sent, once for each device that a packet passes (net:net_dev_xmit). What
  /// a bridge forwards goes out by its port; the bridge itself is a sender only of what its own host sends.
  case deviceTransmissions = "device_transmissions"
  /// Packets that the stack took from a network device, once for each device (net:netif_receive_skb). All ways lead
  /// past this tracepoint: the backlog of lo and veth, NAPI, and lists of packets. What GRO has merged is one packet.
  case deviceReceptions = "device_receptions"
  /// Softirqs for sending and receiving packets (irq:softirq_entry, NET_TX and NET_RX).
  case softirqs
  /// Changes from one task to another (PERF_COUNT_SW_CONTEXT_SWITCHES). Where it was held against
  /// /proc/stat, the tracepoint sched:sched_switch had missed up to a tenth of them, and this counter none.
  case contextSwitches = "context_switches"
  /// System calls of the processes (raw_syscalls:sys_enter).
  case systemCalls = "system_calls"
  /// Heads of packet buffers that the stack took from the kernel's caches (kmem:kmem_cache_alloc), clones included.
  case skbAllocations = "skb_allocations"
  /// Packet buffers given back (skb:consume_skb and skb:kfree_skb).
  case skbFrees = "skb_frees"
  /// Instructions of kernel and user; takes a PMU.
  case instructions
  /// Cycles in which a CPU was not idle; takes a PMU.
  case cycles
}

/// Counters of kernel events (perf_event_open(2)), which stand still until they are started.
///
/// Counts are exact: each event adds one, however busy the host is. But the kernel counts whatever happens on the CPUs,
/// not the caller's packets alone, so that a quiet host counts best. ``KernelEvent/systemCalls`` is counted for the
/// given processes alone, with the threads and children that they start meanwhile.
///
/// Counting takes time at each event: count beside no window that is timed.
public struct EventCounters: ~Copyable {
  /// How often an event happened, or why that is not known.
  public enum Count: Sendable, Equatable {
    case value(UInt64)
    case unavailable(String)
  }

  private let counters: [(event: KernelEvent, opened: Result<[Counter], Obstacle>)]

  /// Opens a counter of each event. Never fails as a whole: an event that cannot be counted has its reason in
  /// ``counts``.
  /// - Parameters:
  ///   - cpus: at least one; one that is named twice is counted once.
  ///   - processes: those whose system calls are counted.
  public static func open(cpus: [Int], processes: [Int32]) -> EventCounters {
    open(cpus: cpus, processes: processes, tracefs: TraceFS.places)
  }

  /// - Parameters:
  ///   - tracefs: where it may be mounted.
  ///   - narrowing: a further filter for some events, in the kernel's words (Documentation/trace/events.rst).
  static func open(
    cpus: [Int], processes: [Int32], tracefs: [String], narrowing: [KernelEvent: String] = [:]
  ) -> EventCounters {
    precondition(!cpus.isEmpty, "events are counted on CPUs")
    let targets = Set(cpus).sorted().map { Target(process: -1, cpu: Int32(clamping: $0)) }
    return EventCounters(
      counters: KernelEvent.allCases.map { event in
        let opened = Result { () throws(Obstacle) in
          let targets = event == .systemCalls ? try threads(of: processes) : targets
          var counters: [Counter] = []
          for source in try event.sources(tracefs: tracefs, narrowing: narrowing[event]) {
            for target in targets {
              if let counter = try Counter.open(source, target) { counters.append(counter) }
            }
          }
          guard !counters.isEmpty else { throw Obstacle("the processes to be counted have ended") }
          return counters
        }
        return (event, opened)
      })
  }

  /// Lets all counters count.
  public func start() { forEach { $0.start() } }

  /// Lets all counters cease.
  public func stop() { forEach { $0.stop() } }

  /// What was counted between ``start()`` and ``stop()``, one entry an event.
  public var counts: [(event: KernelEvent, count: Count)] {
    var counts = counters.map { entry in (event: entry.event, count: Self.sum(entry.opened)) }
    // What is taken is given back some time. Where less than that is seen, there are ways back past the tracepoints:
    // the caches of NAPI, for one (napi_skb_cache_put), and what a UDP socket has read (skb_attempt_defer_free).
    if let taken = counts.firstIndex(where: { $0.event == .skbAllocations }),
      let back = counts.firstIndex(where: { $0.event == .skbFrees }),
      case .value(let allocations) = counts[taken].count, case .value(let frees) = counts[back].count,
      Double(frees) < 0.99 * Double(allocations)
    {
      counts[back].count = .unavailable(
        "this kernel has no event for every packet buffer given back: \(allocations) were taken, \(frees) seen to return"
      )
    }
    return counts
  }

  private func forEach(_ body: (Counter) -> Void) {
    for entry in counters {
      if case .success(let opened) = entry.opened { opened.forEach(body) }
    }
  }

  private static func sum(_ opened: Result<[Counter], Obstacle>) -> Count {
    do throws(Obstacle) {
      var sum: UInt64 = 0
      for counter in try opened.get() { sum += try counter.read() }
      return .value(sum)
    } catch { return .unavailable(error.reason) }
  }

  /// Every thread of the processes: a counter is of one thread, and of those that it starts later.
  private static func threads(of processes: [Int32]) throws(Obstacle) -> [Target] {
    guard !processes.isEmpty else { throw Obstacle("no process was named") }
    var targets: [Target] = []
    for process in processes {
      let path = "/proc/\(process)/task"
      guard let directory = opendir(path) else { throw Obstacle("process \(process) has ended") }
      defer { closedir(directory) }
      while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if let thread = Int32(name) { targets.append(Target(process: thread, cpu: -1)) }
      }
    }
    return targets
  }
}

/// Why an event cannot be counted, with the remedy where there is one.
private struct Obstacle: Error {
  let reason: String

  init(_ reason: String) { self.reason = reason }

  static let permission = Obstacle("counting kernel events takes root (CAP_PERFMON)")
}

/// What a counter is of: every process on a CPU, or a thread on every CPU (−1).
private struct Target {
  var process: Int32
  var cpu: Int32
}

/// One counter of one thread, or of one CPU.
private final class Counter {
  private let name: String
  private let target: Target
  private let descriptor: Descriptor
  /// Of starting or stopping it.
  private var failure: SystemError?

  private init(name: String, target: Target, descriptor: consuming Descriptor) {
    self.name = name
    self.target = target
    self.descriptor = descriptor
  }

  /// - Returns: nil for a thread that has ended meanwhile.
  static func open(_ source: EventSource, _ target: Target) throws(Obstacle) -> Counter? {
    do throws(SystemError) {
      let descriptor = Descriptor(
        owning: try systemCall("perf_event_open", on: source.name) {
          clinux_perf_counter_open(source.type, source.config, target.process, target.cpu, target.process < 0 ? 0 : 1)
        })
      if let filter = source.filter {
        let number = descriptor.rawValue
        try systemCall("ioctl PERF_EVENT_IOC_SET_FILTER", on: "\(source.name): \(filter)") {
          clinux_perf_filter(number, filter)
        }
      }
      return Counter(name: source.name, target: target, descriptor: descriptor)
    } catch {
      if error.code == ESRCH { return nil }
      if error.isPermission { throw .permission }
      if source.isHardware, error.isMissing || error.code == EOPNOTSUPP {
        throw Obstacle("this host gives no access to performance counters (PMU)")
      }
      throw Obstacle(error.description)
    }
  }

  func start() { control("PERF_EVENT_IOC_ENABLE", clinux_perf_start) }
  func stop() { control("PERF_EVENT_IOC_DISABLE", clinux_perf_stop) }

  private func control(_ request: String, _ call: (Int32) -> Int32) {
    let number = descriptor.rawValue
    do throws(SystemError) { try systemCall("ioctl", on: "\(name), \(request)") { call(number) } } catch {
      failure = failure ?? error
    }
  }

  func read() throws(Obstacle) -> UInt64 {
    if let failure { throw Obstacle(failure.description) }
    let bytes: [UInt8]
    do throws(SystemError) { bytes = try descriptor.read(upTo: 24) } catch { throw Obstacle(error.description) }
    guard bytes.count == 24 else { throw Obstacle("\(name): the kernel gave no count") }
    let numbers = (0..<3).map { part in
      bytes[(8 * part)..<(8 * part + 8)].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }
    // A thread that sleeps all the time has no time, and nothing to count.
    if target.process < 0, numbers[1] == 0 { throw Obstacle("\(name) was not counted on CPU \(target.cpu)") }
    guard numbers[1] == numbers[2] else { throw Obstacle("\(name): its counter had to be shared with others") }
    return numbers[0]
  }
}

/// What perf_event_open(2) is asked for.
private struct EventSource {
  /// E.g. "net:net_dev_xmit".
  var name: String
  var type: UInt32
  var config: UInt64
  var filter: String?

  var isHardware: Bool { type == PERF_TYPE_HARDWARE.rawValue }

  static func hardware(_ name: String, _ event: perf_hw_id) -> EventSource {
    EventSource(name: name, type: PERF_TYPE_HARDWARE.rawValue, config: UInt64(event.rawValue))
  }

  static func software(_ name: String, _ event: perf_sw_ids) -> EventSource {
    EventSource(name: name, type: PERF_TYPE_SOFTWARE.rawValue, config: UInt64(event.rawValue))
  }

  /// - Throws: where this kernel has no such event, or does not show it.
  static func tracepoint(
    _ name: String, _ filter: String? = nil, tracefs: [String]
  ) throws(Obstacle) -> EventSource {
    let text = try text("id", of: name, tracefs: tracefs)
    guard let id = UInt64(text.filter(\.isNumber)) else { throw Obstacle("\(name) has no number in tracefs") }
    return EventSource(name: name, type: PERF_TYPE_TRACEPOINT.rawValue, config: id, filter: filter)
  }

  /// A file that tracefs has for an event.
  static func text(_ file: String, of name: String, tracefs: [String]) throws(Obstacle) -> String {
    var isMounted = false
    for place in tracefs {
      do throws(SystemError) {
        return try SmallFile.text("\(place)/events/\(name.replacing(":", with: "/"))/\(file)")
      } catch {
        if error.isPermission { throw .permission }
        if access("\(place)/events", F_OK) == 0 { isMounted = true }
      }
    }
    if !isMounted && TraceFS.isRefused && tracefs == TraceFS.places { throw .permission }
    throw Obstacle(
      isMounted
        ? "this kernel has no event \(name)"
        : "tracefs is not mounted: mount -t tracefs nodev /sys/kernel/tracing")
  }
}

extension KernelEvent {
  /// What to count; more than one are added up.
  fileprivate func sources(tracefs: [String], narrowing: String?) throws(Obstacle) -> [EventSource] {
    func tracepoint(_ name: String, _ filter: String? = nil) throws(Obstacle) -> EventSource {
      let filters = [filter, narrowing].compactMap { $0 }
      return try .tracepoint(
        name, filters.isEmpty ? nil : filters.map { "(\($0))" }.joined(separator: " && "), tracefs: tracefs)
    }
    switch self {
    case .deviceTransmissions: return [try tracepoint("net:net_dev_xmit")]
    case .deviceReceptions: return [try tracepoint("net:netif_receive_skb")]
    // NET_TX_SOFTIRQ and NET_RX_SOFTIRQ of linux/interrupt.h, a part of the tracepoint's format.
    case .softirqs: return [try tracepoint("irq:softirq_entry", "vec == 2 || vec == 3")]
    case .contextSwitches: return [.software("context switches", PERF_COUNT_SW_CONTEXT_SWITCHES)]
    case .systemCalls: return [try tracepoint("raw_syscalls:sys_enter")]
    case .skbAllocations:
      // Before 6.1 what is allocated near a CPU's memory had an event of its own.
      let names = ["kmem:kmem_cache_alloc", "kmem:kmem_cache_alloc_node"]
      var sources: [EventSource] = []
      var obstacle = Obstacle("this kernel has no event for packet buffers taken")
      for name in names {
        do throws(Obstacle) {
          let format = try EventSource.text("format", of: name, tracefs: tracefs)
          let callers = try PacketBufferCallers.filter()
          sources.append(
            // The packet's bytes are taken by others; were that inlined, they would still come from a cache of their own.
            try tracepoint(name, format.contains(" name;") ? "(\(callers)) && name != \"skbuff_small_head\"" : callers))
        } catch { if name == names[0] { obstacle = error } }
      }
      guard !sources.isEmpty else { throw obstacle }
      return sources
    case .skbFrees: return [try tracepoint("skb:consume_skb"), try tracepoint("skb:kfree_skb")]
    case .instructions: return [.hardware("instructions", PERF_COUNT_HW_INSTRUCTIONS)]
    case .cycles: return [.hardware("cycles", PERF_COUNT_HW_CPU_CYCLES)]
    }
  }
}

/// Who takes heads of packet buffers, by address.
///
/// The name of the cache will not do: the kernel merges caches of objects of one size (slab_merge), and the heads that
/// TCP uses, of `skbuff_fclone_cache`, then go under the name of whoever came first.
private enum PacketBufferCallers {
  /// Those of net/core/skbuff.c. What NAPI takes, it takes in bulk, of which there is no event.
  private static let functions = ["__alloc_skb", "slab_build_skb", "__build_skb", "skb_clone", "alloc_skb_for_msg"]

  /// A filter for kmem:kmem_cache_alloc. Addresses hold until the next boot.
  static func filter() throws(Obstacle) -> String { try cached.get() }

  private static let cached = Result { () throws(Obstacle) in
    let symbols: [UInt8]
    do throws(SystemError) { symbols = try SmallFile.bytes("/proc/kallsyms", limit: 1 << 26) } catch {
      throw Obstacle("the kernel's symbols cannot be read: \(error)")
    }
    return try filter(symbols: symbols)
  }

  /// - Parameter symbols: the text of /proc/kallsyms: hexadecimal address, type and name, ascending by address.
  static func filter(symbols: [UInt8]) throws(Obstacle) -> String {
    let ranges = (symbols + [0]).withUnsafeBufferPointer { bytes in
      functions.compactMap { range(of: $0, in: UnsafeRawBufferPointer(bytes)) }
    }
    guard ranges.first?.name == functions[0] else {
      throw Obstacle(
        "the kernel does not show where packet buffers are taken: it takes root, and kptr_restrict below 2")
    }
    return ranges.map { "(call_site > 0x\($0.from) && call_site < 0x\($0.to))" }.joined(separator: " || ")
  }

  /// From where to where a function goes.
  /// - Parameter text: ends with a 0.
  private static func range(
    of function: String, in text: UnsafeRawBufferPointer
  ) -> (name: String, from: String, to: String)? {
    guard let base = text.baseAddress?.assumingMemoryBound(to: CChar.self) else { return nil }
    for type in ["T", "t"] {
      guard let found = strstr(base, " \(type) \(function)\n") else { continue }
      var start = UnsafePointer(found)
      while start > base, start[-1] != CChar(UInt8(ascii: "\n")) { start -= 1 }
      guard let from = address(at: start), from != 0 else { continue }
      // Two names may have one address.
      var next = strchr(found, Int32(UInt8(ascii: "\n")))
      while let line = next {
        if let to = address(at: line + 1), to > from {
          return (function, String(from, radix: 16), String(to, radix: 16))
        }
        next = strchr(line + 1, Int32(UInt8(ascii: "\n")))
      }
    }
    return nil
  }

  private static func address(at text: UnsafePointer<CChar>) -> UInt64? {
    var digits: [UInt8] = []
    var place = text
    while digits.count < 16, isxdigit(Int32(place.pointee)) != 0 {
      digits.append(UInt8(bitPattern: place.pointee))
      place += 1
    }
    return UInt64(String(decoding: digits, as: UTF8.self), radix: 16)
  }
}
