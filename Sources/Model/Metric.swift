/// What one trial of a workload yields as a single number.
///
/// Raw values are the stable names used in the store, in scenarios and in `bench.run/1`. An *operation* is what the
/// workload repeats: a round trip, a connection with its request and reply, a message of a stream.
public enum Metric: String, Codable, Sendable, CaseIterable, Hashable, CodingKeyRepresentable {
  case rttP50 = "rtt_p50"
  case rttP90 = "rtt_p90"
  case rttP99 = "rtt_p99"
  case rttP999 = "rtt_p99_9"
  case rttMax = "rtt_max"
  case rttMean = "rtt_mean"
  case serviceP50 = "service_p50"
  case serviceP99 = "service_p99"
  case serviceP999 = "service_p99_9"
  case rate = "rate"
  case throughput = "throughput"
  case loss = "loss"
  case duration = "duration"
  case reported = "reported"
  case clientCPU = "client_cpu"
  case serverCPU = "server_cpu"
  case proxyCPU = "proxy_cpu"
  case softirqCPU = "softirq_cpu"
  case totalCPU = "total_cpu"
  case cpuPerByte = "cpu_per_byte"
  case proxyMemory = "proxy_memory"
  case clientSwitches = "client_switches"
  case serverSwitches = "server_switches"
  case deviceTransmissions = "device_transmissions"
  case deviceReceptions = "device_receptions"
  case softirqs = "softirqs"
  case contextSwitches = "context_switches"
  case systemCalls = "system_calls"
  case skbAllocations = "skb_allocations"
  case skbFrees = "skb_frees"
  case instructions = "instructions"
  case cycles = "cycles"

  /// The unit of stored values.
  public enum Unit: String, Codable, Sendable, CaseIterable {
    case nanoseconds = "ns"
    case perSecond = "1/s"
    case nanosecondsPerRoundTrip = "ns/roundtrip"
    case perRoundTrip = "1/roundtrip"
    case bitsPerSecond = "bit/s"
    case nanosecondsPerByte = "ns/byte"
    case bytes = "byte"
    /// A part of a whole, 0...1, or a number without a unit of its own.
    case one = "1"
  }

  public var unit: Unit {
    switch self {
    case .rttP50, .rttP90, .rttP99, .rttP999, .rttMax, .rttMean, .serviceP50, .serviceP99, .serviceP999, .duration:
      .nanoseconds
    case .rate: .perSecond
    case .throughput: .bitsPerSecond
    case .loss, .reported: .one
    case .clientCPU, .serverCPU, .proxyCPU, .softirqCPU, .totalCPU: .nanosecondsPerRoundTrip
    case .cpuPerByte: .nanosecondsPerByte
    case .proxyMemory: .bytes
    case .clientSwitches, .serverSwitches, .deviceTransmissions, .deviceReceptions, .softirqs, .contextSwitches,
      .systemCalls, .skbAllocations, .skbFrees, .instructions, .cycles:
      .perRoundTrip
    }
  }

  /// Whether a larger value means a higher cost. Rates and throughputs are better when larger; so is what the client
  /// of the user's own commands reports, as it is mostly a rate.
  public var isCost: Bool {
    switch self {
    case .rate, .throughput, .reported: false
    default: true
    }
  }

  /// Whether it is a number of events, counted by the kernel or the processor over a fixed number of operations, and
  /// so the same on a busy host and a quiet one.
  public var isCount: Bool {
    switch self {
    case .deviceTransmissions, .deviceReceptions, .softirqs, .contextSwitches, .systemCalls, .skbAllocations,
      .skbFrees, .instructions, .cycles:
      true
    default: false
    }
  }

  /// A short name for table heads.
  public var title: String {
    switch self {
    case .rttP50: "round trip p50"
    case .rttP90: "round trip p90"
    case .rttP99: "round trip p99"
    case .rttP999: "round trip p99.9"
    case .rttMax: "round trip max"
    case .rttMean: "round trip mean"
    case .serviceP50: "service time p50"
    case .serviceP99: "service time p99"
    case .serviceP999: "service time p99.9"
    case .rate: "round trips per second"
    case .throughput: "throughput"
    case .loss: "messages lost"
    case .duration: "duration"
    case .reported: "reported by the client"
    case .clientCPU: "client CPU per round trip"
    case .serverCPU: "server CPU per round trip"
    case .proxyCPU: "proxy CPU per round trip"
    case .softirqCPU: "softirq CPU per round trip"
    case .totalCPU: "CPU per round trip"
    case .cpuPerByte: "CPU per byte"
    case .proxyMemory: "memory of the proxies"
    case .clientSwitches: "client context switches per round trip"
    case .serverSwitches: "server context switches per round trip"
    case .deviceTransmissions: "device transmissions per round trip"
    case .deviceReceptions: "device receptions per round trip"
    case .softirqs: "network softirqs per round trip"
    case .contextSwitches: "context switches per round trip"
    case .systemCalls: "system calls per round trip"
    case .skbAllocations: "packet buffers allocated per round trip"
    case .skbFrees: "packet buffers freed per round trip"
    case .instructions: "instructions per round trip"
    case .cycles: "cycles per round trip"
    }
  }

  /// Its name for one kind of workload, whose operation may not be a round trip.
  public func title(for kind: WorkloadSpec.Kind) -> String {
    switch kind {
    case .udpRR, .tcpRR: title
    case .exec: title.replacing("per round trip", with: "per run")
    case .udpOpen, .tcpOpen:
      title.replacing("round trips per second", with: "replies per second")
        .replacing("per round trip", with: "per request").replacing("round trip ", with: "response time ")
    case .tcpCRR:
      title.replacing("round trips per second", with: "transactions per second")
        .replacing("per round trip", with: "per transaction").replacing("round trip ", with: "transaction ")
    case .tcpStream, .udpStream:
      title.replacing("round trips per second", with: "messages per second")
        .replacing("per round trip", with: "per message")
    }
  }

  /// How the number comes about, for the definitions in reports.
  public var definition: String {
    switch self {
    case .rttP50, .rttP90, .rttP99, .rttP999:
      "The quantile, by nearest rank, of every operation in one trial's window, on CLOCK_MONOTONIC in the client. Closed "
        + "loop: from just before the request is handed to the kernel until the whole reply has been read. tcp-crr: "
        + "from just before connect() until the connection is closed. Open loop: from when the request was *meant* to "
        + "be sent until its reply has been read."
    case .rttMax: "The longest such time in one trial's window."
    case .rttMean: "The arithmetic mean of such times in one trial's window."
    case .serviceP50, .serviceP99, .serviceP999:
      "Open loop: the same replies, timed from when the request was really sent. Where response time is much longer, "
        + "requests had to wait for their turn."
    case .rate:
      "Operations completed in one trial's window, divided by the length of the window; of udp-stream, messages that the "
        + "server received."
    case .throughput:
      "Bits of payload that the server received in one trial's window, divided by the time from the first send until "
        + "the last byte had been received."
    case .loss: "The part of the messages sent in one trial's window that the server never received."
    case .duration: "From the start of the user's client command to its end, on CLOCK_MONOTONIC."
    case .reported: "The number that the user's client command printed, read off its output by the pattern given."
    case .clientCPU:
      "CPU time of the client process (user and system) within the window, divided by the operations completed."
    case .serverCPU:
      "CPU time of the server process (user and system), read from its CPU clock by the controller right before the "
        + "window opens and right after it closes, divided by the operations completed. In a sandbox with a kernel of "
        + "its own, the time of the whole sandbox."
    case .proxyCPU:
      "CPU time of every proxy between client and server, read like the server's, divided by the operations completed."
    case .softirqCPU:
      "Time that /proc/stat accounts as softirq on the CPUs in use, divided by the operations completed. Softirqs that "
        + "run within a worker's system call are in the worker's own time instead."
    case .totalCPU: "CPU time of client, server and proxies, and softirq time, together."
    case .cpuPerByte: "CPU time of client, server and proxies, divided by the bytes of payload that were received."
    case .proxyMemory: "Memory that the proxies' processes hold (resident set) right after the window."
    case .clientSwitches:
      "Voluntary and involuntary context switches of the client within the window, divided by the operations."
    case .serverSwitches:
      "Voluntary and involuntary context switches of the server around the window, divided by the operations."
    case .deviceTransmissions:
      "Packets that any network device was given to send (tracepoint net:net_dev_xmit) during a fixed number of "
        + "operations after the window, divided by that number. A packet across a bridge is sent twice."
    case .deviceReceptions:
      "Packets that the stack took from any network device (tracepoint net:netif_receive_skb), counted like "
        + "transmissions."
    case .softirqs: "Softirqs for sending and receiving (irq:softirq_entry, NET_TX and NET_RX), counted likewise."
    case .contextSwitches: "Context switches on the CPUs in use (the kernel's own software counter), counted likewise."
    case .systemCalls: "System calls of client, server and proxies (raw_syscalls:sys_enter), counted likewise."
    case .skbAllocations:
      "Packet buffers taken from the kernel's caches (kmem:kmem_cache_alloc, by the places that call it), counted likewise."
    case .skbFrees:
      "Packet buffers given back (skb:consume_skb and skb:kfree_skb), counted likewise; unavailable where the kernel "
        + "gives most of them back past these tracepoints."
    case .instructions: "Instructions of kernel and user on the CPUs in use (a PMU is needed), counted likewise."
    case .cycles: "Cycles of the CPUs in use (a PMU is needed), counted likewise."
    }
  }
}

extension WorkloadSpec.Kind {
  /// The metrics that a workload of this kind can yield, in the order of tables.
  public var metrics: [Metric] {
    let latency: [Metric] = [.rttP50, .rttP90, .rttP99, .rttP999, .rttMax, .rttMean]
    let cpu: [Metric] = [.clientCPU, .serverCPU, .proxyCPU, .softirqCPU, .totalCPU]
    let switches: [Metric] = [.clientSwitches, .serverSwitches]
    let counts = Metric.allCases.filter(\.isCount)
    return switch self {
    case .udpRR, .tcpRR, .tcpCRR: latency + [.rate] + cpu + [.proxyMemory] + switches + counts
    case .udpOpen, .tcpOpen:
      latency + [.serviceP50, .serviceP99, .serviceP999, .rate, .loss] + cpu + [.proxyMemory] + switches + counts
    case .tcpStream: [.throughput] + cpu + [.cpuPerByte, .proxyMemory] + switches + counts
    case .udpStream: [.throughput, .rate, .loss] + cpu + [.cpuPerByte, .proxyMemory] + switches + counts
    case .exec: [.duration, .reported, .clientCPU, .serverCPU]
    }
  }

  /// The metric that ladders, controls and charts are about.
  public var headline: Metric {
    switch self {
    case .udpRR, .tcpRR, .tcpCRR, .udpOpen, .tcpOpen: .rttP50
    case .tcpStream, .udpStream: .throughput
    case .exec: .duration
    }
  }

  /// Whether each operation is timed, so that there is a distribution.
  public var isTimed: Bool { headline == .rttP50 }

  public var isUDP: Bool {
    switch self {
    case .udpRR, .udpStream, .udpOpen: true
    case .tcpRR, .tcpCRR, .tcpStream, .tcpOpen, .exec: false
    }
  }
}

extension WorkloadSpec.Kind {
  /// The fewest bytes a message of this kind must have, and why.
  public var smallestSize: (bytes: Int, why: String) {
    switch self {
    case .udpStream: (WorkloadSpec.smallestCaptured, "each datagram carries the whole header")
    case .udpOpen, .tcpOpen: (8, "requests in flight are told apart by their whole number")
    default: (1, "")
    }
  }
}

/// Which Internet Protocol a run's packets are of.
public enum AddressFamily: String, Codable, Sendable, CaseIterable {
  case ipv4, ipv6
}
