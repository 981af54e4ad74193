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
  case openForWriting = "open_for_writing"
  case firstWrite = "first_write"
  case lastWrite = "last_write"
  case firstSync = "first_sync"
  case firstDurable = "first_durable"
  case secondWrite = "second_write"
  case secondDurable = "second_durable"
  case metadataChange = "metadata_change"
  case bytesWritten = "bytes_written"
  case bytesAllocated = "bytes_allocated"
  case bytesShared = "bytes_shared"
  case bytesCopied = "bytes_copied"
  case bytesTaken = "bytes_taken"
  case bytesToDevice = "bytes_to_device"
  case writeAmplification = "write_amplification"
  case spaceAmplification = "space_amplification"
  case ioP50 = "io_p50"
  case ioP90 = "io_p90"
  case ioP99 = "io_p99"
  case ioP999 = "io_p99_9"
  case iops
  case bandwidth
  case syncP50 = "sync_p50"
  case syncP99 = "sync_p99"
  case cpuPerOperation = "cpu_per_operation"
  case lookupTime = "lookup_time"
  case missingLookupTime = "missing_lookup_time"
  case openTime = "open_time"
  case listTime = "list_time"
  case createTime = "create_time"
  case unlinkTime = "unlink_time"
  case renameTime = "rename_time"
  case renameDirectoryTime = "rename_directory_time"
  case chmodTime = "chmod_time"
  case privateFault = "private_fault"
  case sharedFault = "shared_fault"
  case commitP50 = "commit_p50"
  case commitP99 = "commit_p99"
  case commitRate = "commit_rate"
  case imagesTotal = "images_total"
  case imagesReclaimable = "images_reclaimable"
  case imagesShared = "images_shared"
  case imagesUnique = "images_unique"
  case reclaimableShare = "reclaimable_share"
  case growthPerRebuild = "growth_per_rebuild"

  /// The unit of stored values.
  public enum Unit: String, Codable, Sendable, CaseIterable {
    case nanoseconds = "ns"
    case perSecond = "1/s"
    case nanosecondsPerRoundTrip = "ns/roundtrip"
    case perRoundTrip = "1/roundtrip"
    case bitsPerSecond = "bit/s"
    case nanosecondsPerByte = "ns/byte"
    case bytes = "byte"
    case bytesPerSecond = "byte/s"
    case nanosecondsPerOperation = "ns/operation"
    /// A part of a whole, 0...1, or a number without a unit of its own.
    case one = "1"
  }

  public var unit: Unit {
    switch self {
    case .openForWriting, .firstWrite, .lastWrite, .firstSync, .firstDurable, .secondWrite, .secondDurable,
      .metadataChange, .ioP50, .ioP90, .ioP99, .ioP999, .syncP50, .syncP99, .lookupTime, .missingLookupTime, .openTime,
      .listTime, .createTime, .unlinkTime, .renameTime, .renameDirectoryTime, .chmodTime, .privateFault, .sharedFault,
      .commitP50, .commitP99:
      .nanoseconds
    case .bytesWritten, .bytesAllocated, .bytesShared, .bytesCopied, .bytesTaken, .bytesToDevice, .imagesTotal,
      .imagesReclaimable, .imagesShared, .imagesUnique, .growthPerRebuild:
      .bytes
    case .writeAmplification, .spaceAmplification, .reclaimableShare: .one
    case .iops, .commitRate: .perSecond
    case .bandwidth: .bytesPerSecond
    case .cpuPerOperation: .nanosecondsPerOperation
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
    case .rate, .throughput, .reported, .iops, .bandwidth, .commitRate, .bytesShared, .imagesShared: false
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
    // What an operation allocates is decided by the file system alone; what reaches the device, by its journal, too.
    case .bytesWritten, .bytesAllocated, .bytesShared, .bytesCopied, .bytesTaken, .spaceAmplification, .imagesTotal,
      .imagesReclaimable, .imagesShared, .imagesUnique, .reclaimableShare, .growthPerRebuild:
      true
    default: false
    }
  }

  /// Whether it is counted by events, operation by operation, after the window.
  public var isEventCount: Bool { isCount && unit == .perRoundTrip }

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
    case .openForWriting: "open for writing"
    case .firstWrite: "first write, at the start"
    case .lastWrite: "first write, at the end"
    case .firstSync: "fsync after the first writes"
    case .firstDurable: "open, first writes and fsync"
    case .secondWrite: "second write, into the page cache"
    case .secondDurable: "second write, to the disk"
    case .metadataChange: "change of metadata"
    case .bytesWritten: "bytes written by the application"
    case .bytesAllocated: "bytes allocated"
    case .bytesShared: "bytes shared"
    case .bytesCopied: "bytes copied"
    case .bytesTaken: "bytes newly taken"
    case .bytesToDevice: "bytes to the block device"
    case .writeAmplification: "write amplification"
    case .spaceAmplification: "space amplification"
    case .ioP50: "completion p50"
    case .ioP90: "completion p90"
    case .ioP99: "completion p99"
    case .ioP999: "completion p99.9"
    case .iops: "IOPS"
    case .bandwidth: "bandwidth"
    case .syncP50: "fsync p50"
    case .syncP99: "fsync p99"
    case .cpuPerOperation: "CPU per operation"
    case .lookupTime: "stat of a name"
    case .missingLookupTime: "stat of a name that is not there"
    case .openTime: "open for reading"
    case .listTime: "listing a directory"
    case .createTime: "create"
    case .unlinkTime: "unlink"
    case .renameTime: "rename of a file"
    case .renameDirectoryTime: "rename of a directory"
    case .chmodTime: "chmod"
    case .privateFault: "write fault, private mapping"
    case .sharedFault: "write fault, shared mapping"
    case .commitP50: "commit p50"
    case .commitP99: "commit p99"
    case .commitRate: "commits per second"
    case .imagesTotal: "disk used by images"
    case .imagesReclaimable: "reclaimable"
    case .imagesShared: "shared by the newest image"
    case .imagesUnique: "the newest image's own"
    case .reclaimableShare: "reclaimable share"
    case .growthPerRebuild: "growth per rebuild"
    }
  }

  /// Its name for one kind of workload, whose operation may not be a round trip.
  public func title(for kind: WorkloadSpec.Kind) -> String {
    switch kind {
    case .udpRR, .tcpRR, .copyUp, .randomIO, .sequentialIO, .lookup, .metadata, .mmapWrite, .sqliteCommit,
      .imageRebuild:
      title
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
    case .openForWriting:
      "Time of open(2) for reading and writing, of a file that was not written before: here overlayfs copies it up. The "
        + "median over the trial's files, each of which is used once."
    case .firstWrite: "Time of the first pwrite(2) of 4 KiB at the file's start (of the whole file, if it is shorter)."
    case .lastWrite: "Time of the first pwrite(2) of 4 KiB at the file's end."
    case .firstSync: "Time of the fdatasync(2) that follows the first writes."
    case .firstDurable:
      "Open for writing, both first writes and fdatasync together: what it takes until the first change is on the disk, "
        + "however a file system spreads the copying over them."
    case .secondWrite:
      "Time of pwrite(2) of 4 KiB at the start of a file that was written and synced before; the mean of 16, median over "
        + "the files."
    case .secondDurable: "The same write with an fdatasync(2) after it; the median of 64, median over the files."
    case .metadataChange: "Time of chmod(2) of a file that was not changed before. The median over the trial's files."
    case .bytesWritten: "Bytes that the application wrote for the first time, for each file."
    case .bytesAllocated:
      "Blocks that the file takes where it was written (st_blocks), for each file, after it was synced."
    case .bytesShared: "Of these, what it shares with another file (FIEMAP's shared extents)."
    case .bytesCopied:
      "Bytes of the file that lie elsewhere on the disk after it was opened for writing than before (FIEMAP's physical "
        + "addresses), for each file, before the application has written anything: what was copied."
    case .bytesTaken:
      "Bytes of the file that lie elsewhere on the disk after the first writes, synced, than before it was opened, for each "
        + "file: the room that the change took."
    case .bytesToDevice:
      "Bytes that were written to the block device under the file system from the opening of the window until all was "
        + "synced, for each file; with its journal and its metadata."
    case .writeAmplification: "Bytes to the block device ÷ bytes written by the application."
    case .spaceAmplification: "Bytes newly taken ÷ bytes written by the application."
    case .ioP50, .ioP90, .ioP99, .ioP999:
      "The quantile, by nearest rank, over every read and write of one trial's window, from its submission to its "
        + "completion, on CLOCK_MONOTONIC."
    case .iops: "Reads and writes completed in one trial's window, divided by its length; fsyncs are in the time."
    case .bandwidth: "Bytes read and written in one trial's window, divided by its length."
    case .syncP50, .syncP99: "The quantile over every fsync(2) of one trial's window."
    case .cpuPerOperation:
      "CPU time of the worker (user and system) within the window, divided by the operations. What kernel threads do for "
        + "it is not in it."
    case .lookupTime:
      "Time of stat(2) of a name in a directory that all layers have: of names in the lowest layer. The mean over a "
        + "trial's names."
    case .missingLookupTime: "Time of stat(2) of names that no layer has. The mean over a trial's names."
    case .openTime: "Time of open(2) for reading of names in the lowest layer, without close(2). The mean."
    case .listTime: "Time to open and list a directory that all layers have (getdents64(2)), divided by its entries."
    case .createTime: "Time of open(2) with O_CREAT of a new file. The mean over a trial's files."
    case .unlinkTime: "Time of unlink(2) of a file of the lower layer. The mean over a trial's files."
    case .renameTime: "Time of rename(2) of a file of the lower layer. The mean over a trial's files."
    case .renameDirectoryTime:
      "Time of rename(2) of a directory of the lower layer; unavailable where the file system refuses it (EXDEV)."
    case .chmodTime: "Time of chmod(2) of a file of the lower layer. The mean over a trial's files."
    case .privateFault:
      "Time of the first write to a page of a private mapping of the file, which copies the page in memory. The mean over "
        + "its pages."
    case .sharedFault: "Time of the first write to a page of a shared mapping of the file. The mean over its pages."
    case .commitP50, .commitP99:
      "The quantile over every transaction of one trial's window, from BEGIN to the end of COMMIT, with a write-ahead log "
        + "and synchronous=FULL: each is on the disk before the next begins."
    case .commitRate: "Transactions completed in one trial's window, divided by its length."
    case .imagesTotal:
      "Bytes that the store of images takes after the last rebuild; of a real engine, as it says itself."
    case .imagesReclaimable: "Of these, what no image with a name uses any more."
    case .imagesShared: "Bytes of the newest image that other images use, too."
    case .imagesUnique: "Bytes that the newest image alone uses."
    case .reclaimableShare: "Reclaimable ÷ disk used by images, after the last rebuild."
    case .growthPerRebuild:
      "By how many bytes the store grew with each rebuild: the slope of the least-squares line through all of a trial."
    }
  }
}

extension WorkloadSpec.Kind {
  /// The metrics that a workload of this kind can yield, in the order of tables.
  public var metrics: [Metric] {
    let latency: [Metric] = [.rttP50, .rttP90, .rttP99, .rttP999, .rttMax, .rttMean]
    let cpu: [Metric] = [.clientCPU, .serverCPU, .proxyCPU, .softirqCPU, .totalCPU]
    let switches: [Metric] = [.clientSwitches, .serverSwitches]
    let counts = Metric.allCases.filter(\.isEventCount)
    let ledger: [Metric] = [
      .bytesWritten, .bytesCopied, .bytesTaken, .bytesAllocated, .bytesShared, .bytesToDevice, .spaceAmplification,
      .writeAmplification,
    ]
    return switch self {
    case .udpRR, .tcpRR, .tcpCRR: latency + [.rate] + cpu + [.proxyMemory] + switches + counts
    case .udpOpen, .tcpOpen:
      latency + [.serviceP50, .serviceP99, .serviceP999, .rate, .loss] + cpu + [.proxyMemory] + switches + counts
    case .tcpStream: [.throughput] + cpu + [.cpuPerByte, .proxyMemory] + switches + counts
    case .udpStream: [.throughput, .rate, .loss] + cpu + [.cpuPerByte, .proxyMemory] + switches + counts
    case .exec: [.duration, .reported, .clientCPU, .serverCPU]
    case .copyUp:
      [
        .openForWriting, .firstWrite, .lastWrite, .firstSync, .firstDurable, .secondWrite, .secondDurable,
        .metadataChange,
      ] + ledger
    case .randomIO, .sequentialIO:
      [.iops, .bandwidth, .ioP50, .ioP90, .ioP99, .ioP999, .syncP50, .syncP99, .cpuPerOperation, .bytesToDevice]
    case .lookup: [.lookupTime, .missingLookupTime, .openTime, .listTime]
    case .metadata: [.createTime, .chmodTime, .renameTime, .unlinkTime, .renameDirectoryTime]
    case .mmapWrite: [.sharedFault, .privateFault]
    case .sqliteCommit: [.commitRate, .commitP50, .commitP99, .cpuPerOperation, .bytesToDevice]
    case .imageRebuild:
      [
        .imagesTotal, .imagesReclaimable, .reclaimableShare, .imagesShared, .imagesUnique, .growthPerRebuild, .duration,
      ]
    }
  }

  /// The metric that ladders, controls and charts are about.
  public var headline: Metric {
    switch self {
    case .udpRR, .tcpRR, .tcpCRR, .udpOpen, .tcpOpen: .rttP50
    case .tcpStream, .udpStream: .throughput
    case .exec: .duration
    case .copyUp: .openForWriting
    case .randomIO, .sequentialIO: .iops
    case .lookup: .lookupTime
    case .metadata: .createTime
    case .mmapWrite: .sharedFault
    case .sqliteCommit: .commitP50
    case .imageRebuild: .imagesTotal
    }
  }

  public var field: WorkloadSpec.Field {
    switch self {
    case .udpRR, .tcpRR, .tcpCRR, .tcpStream, .udpStream, .udpOpen, .tcpOpen, .exec: .network
    case .copyUp, .randomIO, .sequentialIO, .lookup, .metadata, .mmapWrite, .sqliteCommit: .storage
    case .imageRebuild: .images
    }
  }

  /// Whether each operation is a round trip that is timed, so that there is a distribution of them.
  public var isTimed: Bool { headline == .rttP50 }

  public var isUDP: Bool {
    switch self {
    case .udpRR, .udpStream, .udpOpen: true
    case .tcpRR, .tcpCRR, .tcpStream, .tcpOpen, .exec, .copyUp, .randomIO, .sequentialIO, .lookup, .metadata,
      .mmapWrite,
      .sqliteCommit, .imageRebuild:
      false
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
