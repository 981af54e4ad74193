internal import Model

/// From what the pairing has counted to the result: the order of the taps, the hops between them, and what to know of it.
struct FileHopsReduction {
  private let sources: [CaptureSource]
  private let ledger: TapLedger
  private var pairing: HopPairing
  private let options: FileHops.Options
  private var taps: [FileHopsResult.Tap] = []
  private var notices: [String] = []
  /// Pairs of taps of which it has been said that their clocks differ.
  private var differing: Set<[Int]> = []

  init(sources: [CaptureSource], taps: TapLedger, pairing: HopPairing, options: FileHops.Options) {
    self.sources = sources
    self.ledger = taps
    self.pairing = pairing
    self.options = options
  }

  mutating func result() -> FileHopsResult {
    taps = sortedTaps()
    noticeTaps()
    let traffic = FileHopsResult.Traffic.Kind.allCases.compactMap { self.traffic($0) }
    noticePairing(traffic)
    noticeLimits()
    return FileHopsResult(
      files: sources.map {
        FileHopsResult.File(path: $0.path, packets: $0.packets, bytes: $0.bytesRead, problem: $0.error?.problem)
      }, taps: taps, traffic: traffic, notices: notices)
  }

  // MARK: Taps

  /// The pairing's number of each tap of the result: by file, then by interface.
  private var numbers: [Int] { sources.flatMap { $0.used.map(\.tap) } }

  private func sortedTaps() -> [FileHopsResult.Tap] {
    var result: [FileHopsResult.Tap] = []
    let names = Self.fileNames(sources.map(\.path))
    for (source, name) in zip(sources, names) {
      let used = source.used
      for (interface, number) in used {
        let entry = ledger.entries[number]
        let suffix = interface.name ?? (used.count > 1 ? "\(interface.index)" : nil)
        var undecodable = Dictionary(uniqueKeysWithValues: entry.undecodable.map { ($0.rawValue, $1) })
        if entry.withoutTime > 0 { undecodable["without a time"] = entry.withoutTime }
        result.append(
          FileHopsResult.Tap(
            name: suffix.map { "\(name):\($0)" } ?? name, file: source.file, interface: interface.name,
            packets: entry.packets, used: entry.used, duplicates: entry.duplicates, undecodable: undecodable,
            backwards: entry.backwards, firstBackwards: entry.firstBackwards, cutShort: entry.cutShort,
            dropped: interface.dropped ?? interface.lostBetweenPackets, isCoarse: Self.isCoarse(interface.resolution),
            earliest: entry.earliest <= entry.latest ? entry.earliest : nil,
            latest: entry.earliest <= entry.latest ? entry.latest : nil))
      }
    }
    // One interface a file, each of another name, as in what `bench run --save-pcap` keeps: the files say no more.
    let interfaces = result.compactMap(\.interface)
    if sources.count > 1 && interfaces.count == result.count && Set(interfaces).count == interfaces.count {
      for index in result.indices { result[index].name = interfaces[index] }
    }
    // Interfaces of one name in one file, and files given twice.
    var seen: [String: Int] = [:]
    for index in result.indices {
      let name = result[index].name
      seen[name, default: 0] += 1
      if let times = seen[name], times > 1 { result[index].name = "\(name) (\(times))" }
    }
    return result
  }

  /// Names without directories where that leaves them different.
  private static func fileNames(_ paths: [String]) -> [String] {
    let names = paths.map { $0 == "-" ? "standard input" : String($0.split(separator: "/").last ?? "/") }
    return zip(paths, names).map { path, name in names.count { $0 == name } > 1 ? path : name }
  }

  private static func isCoarse(_ resolution: CaptureInterface.Resolution) -> Bool {
    switch resolution {
    case .decimal(let digits): digits <= 6
    case .binary(let digits): digits < 20
    }
  }

  private mutating func noticeTaps() {
    for tap in taps {
      if tap.backwards > 0 {
        notices.append(
          "at \(tap.name) the time runs backwards \(Self.times(tap.backwards)), first at packet "
            + "\(tap.firstBackwards ?? 0): its clock was set, or packets of several CPUs are not in order")
      }
      if tap.cutShort > 0 {
        notices.append(
          "at \(tap.name) \(tap.cutShort) packets were cut short of the \(PacketSight.comparedBytes) bytes of payload "
            + "that are compared: where another tap kept more, they are not recognised; capture with a greater snap length"
        )
      }
      if let dropped = tap.dropped, dropped > 0 {
        notices.append("the capture at \(tap.name) lost \(dropped) packets")
      }
    }
    let coarse = taps.filter(\.isCoarse).map(\.name)
    if !coarse.isEmpty {
      notices.append(
        "\(coarse.joined(separator: ", ")): stamps of whole microseconds, so that hops from or to there are known to "
          + "±1 µs; tcpdump --time-stamp-precision=nano keeps nanoseconds")
    }
  }

  private static func times(_ count: Int) -> String { count == 1 ? "once" : "\(count) times" }

  // MARK: Traffic

  private mutating func traffic(_ kind: FileHopsResult.Traffic.Kind) -> FileHopsResult.Traffic? {
    let forward = kind == .messages ? 0 : 1
    let backward = forward + 2
    guard pairing.books[forward].packets + pairing.books[backward].packets > 0 else { return nil }
    let numbers = numbers
    func present(_ group: Int) -> [Int] {
      numbers.indices.filter { tap in
        pairing.books[group].alone[numbers[tap]] > 0
          || numbers.contains { $0 != numbers[tap] && pairing.common(group, numbers[tap], $0) > 0 }
      }
    }
    let precedences = Precedences(
      forward: medians(forward), backward: medians(backward), isOrderGiven: options.isOrderGiven)
    for pair in precedences.differing where differing.insert([pair.a, pair.b]).inserted {
      notices.append(
        "the clocks of \(taps[pair.a].name) and \(taps[pair.b].name) differ by about \(Self.text(pair.offset)), if both "
          + "ways take equally long: hops between the two are wrong by that, to opposite sides in the two directions; "
          + "round trips are right")
    }
    let orders = (
      precedences.order(present(forward), isBackward: false), precedences.order(present(backward), isBackward: true)
    )
    return FileHopsResult.Traffic(
      kind: kind, forward: direction(forward, orders.0), backward: direction(backward, orders.1),
      roundTrips: kind == .messages ? roundTrips(orders.0) : [])
  }

  /// Row-major: the median of the second tap's time − the first's.
  private mutating func medians(_ group: Int) -> [[Int64?]] {
    let numbers = numbers
    return numbers.map { a in numbers.map { b in a == b ? nil : pairing.median(group, from: a, to: b) } }
  }

  private mutating func direction(_ group: Int, _ order: [Int]) -> FileHopsResult.Direction {
    let numbers = numbers
    var hops: [FileHopsResult.Hop] = []
    for (from, to) in zip(order, order.dropFirst()) {
      guard let hop = pairing.hop(group, from: numbers[from], to: numbers[to]) else {
        if pairing.books[group].paired > 0 {
          notices.append(
            "no packet was seen both at \(taps[from].name) and at \(taps[to].name), which follow each other")
        }
        continue
      }
      let durations = Self.durations(hop)
      hops.append(FileHopsResult.Hop(from: from, to: to, durations: durations))
      if durations.p50 < 0 && !differing.contains([min(from, to), max(from, to)]) {
        notices.append(
          "from \(taps[from].name) to \(taps[to].name) the median is negative: the clocks of the two captures differ, or "
            + "the order is wrong")
      }
    }
    let books = pairing.books[group]
    var unpaired: [String: Int] = [:]
    for (tap, number) in numbers.enumerated() where books.alone[number] > 0 {
      unpaired["seen at one tap only (\(taps[tap].name))"] = books.alone[number]
    }
    if books.ambiguous > 0 { unpaired["repeated, and nothing tells the copies apart"] = books.ambiguous }
    return FileHopsResult.Direction(
      order: order, packets: books.packets, paired: books.paired, unpaired: unpaired, hops: hops)
  }

  private mutating func roundTrips(_ order: [Int]) -> [FileHopsResult.RoundTrip] {
    let numbers = numbers
    return order.compactMap { tap in
      pairing.roundTrip(numbers[tap]).map {
        FileHopsResult.RoundTrip(tap: tap, durations: Self.durations($0))
      }
    }
  }

  /// Of few values the higher quantiles would be little more than the greatest.
  private static func durations(_ hop: (count: Int, values: [Int64])) -> FileHopsResult.Durations {
    FileHopsResult.Durations(
      count: hop.count, min: hop.values[0], p50: hop.values[1],
      p90: HopQuantileReduction.rank(90, of: hop.count) == nil ? nil : hop.values[2],
      p99: HopQuantileReduction.rank(99, of: hop.count) == nil ? nil : hop.values[3], max: hop.values[4])
  }

  private static func text(_ nanoseconds: Int64) -> String {
    let size = Double(nanoseconds.magnitude)
    let (divisor, unit) =
      if size >= 1e9 { (1e9, "s") } else if size >= 1e6 { (1e6, "ms") } else if size >= 1e3 { (1e3, "µs") } else {
        (1.0, "ns")
      }
    let tenths = Int((size / divisor * 10).rounded())
    return "\(tenths / 10).\(tenths % 10) \(unit)"
  }

  // MARK: What is left

  private mutating func noticePairing(_ traffic: [FileHopsResult.Traffic]) {
    if taps.count == 1 {
      notices.append(
        "hops need at least two taps, and all packets were seen at one (\(taps[0].name)): give a second capture of the "
          + "same traffic")
      return
    }
    let directions = traffic.flatMap { [$0.forward, $0.backward] }
    guard taps.count > 1, directions.allSatisfy({ $0.paired == 0 }), directions.contains(where: { $0.packets > 0 })
    else { return }
    notices.append(Self.apart(taps) ?? "no packet was seen at two taps: the captures are of different traffic")
  }

  /// What to say if two taps' captures have no time in common.
  private static func apart(_ taps: [FileHopsResult.Tap]) -> String? {
    for (index, a) in taps.enumerated() {
      for b in taps[(index + 1)...] {
        guard let ends = a.latest, let begins = a.earliest, let otherEnds = b.latest, let otherBegins = b.earliest,
          ends < otherBegins || otherEnds < begins
        else { continue }
        let gap =
          ends < otherBegins
          ? otherBegins.subtractingReportingOverflow(ends) : begins.subtractingReportingOverflow(otherEnds)
        return
          "no packet was seen at two taps: \(a.name) and \(b.name) are \(text(gap.overflow ? .max : gap.partialValue)) "
          + "apart; they were captured at different times, or their clocks differ by more than --horizon"
      }
    }
    return nil
  }

  private mutating func noticeLimits() {
    if let shortest = pairing.shortest {
      notices.append(
        "at this rate packets could be remembered for \(Self.text(shortest)) only, not for the \(Self.text(options.horizon)) "
          + "of --horizon: those that took longer are among the unpaired")
    }
    if pairing.lost > 0 {
      notices.append(
        "\(pairing.lost) durations found no room and are in no quantile: there are too many different ones; the clocks of "
          + "the captures may drift apart")
    }
    if pairing.forgotten > 0 {
      notices.append(
        "\(pairing.forgotten) packets belong to more flows than are remembered; each is taken to come from its client")
    }
    if ledger.beyond > 0 {
      notices.append("\(ledger.beyond) packets of more than \(HopPairing.mostTaps) interfaces were not looked at")
    }
  }
}

/// Which tap comes before which, by the medians of the times between them.
struct Precedences {
  /// Two taps whose clocks differ by more than the way between them takes, and by how much (the second's − the first's).
  struct Difference {
    var a: Int
    var b: Int
    var offset: Int64
  }

  private let forward: [[Int64?]]
  private let backward: [[Int64?]]
  private let isOrderGiven: Bool
  private(set) var differing: [Difference] = []

  /// - Parameter forward: row-major, the median of the second tap's time − the first's; nil without common packets.
  init(forward: [[Int64?]], backward: [[Int64?]], isOrderGiven: Bool) {
    self.forward = forward
    self.backward = backward
    self.isOrderGiven = isOrderGiven
    for a in forward.indices {
      for b in forward.indices where a < b {
        // What one direction passes first, the other passes last: by two right clocks the signs differ.
        if let there = forward[a][b], let back = backward[a][b], (there > 0 && back > 0) || (there < 0 && back < 0) {
          differing.append(Difference(a: a, b: b, offset: there / 2 + back / 2))
        }
      }
    }
  }

  /// The taps in the order in which packets of a direction pass them. Those without common packets stay as given.
  func order(_ taps: [Int], isBackward: Bool) -> [Int] {
    if isOrderGiven { return isBackward ? taps.reversed() : taps }
    var left = isBackward ? taps.reversed() : taps
    var order: [Int] = []
    while !left.isEmpty {
      // Without a circle there is one that nothing that is left precedes.
      let next = left.indices.min { a, b in
        preceding(left[a], left, isBackward) < preceding(left[b], left, isBackward)
      }
      guard let next else { break }
      order.append(left.remove(at: next))
    }
    return order
  }

  private func preceding(_ tap: Int, _ others: [Int], _ isBackward: Bool) -> Int {
    others.count { $0 != tap && isBefore($0, tap, isBackward) }
  }

  /// Whether packets pass `a` before `b`.
  private func isBefore(_ a: Int, _ b: Int, _ isBackward: Bool) -> Bool {
    let (own, other) = isBackward ? (backward, forward) : (forward, backward)
    guard let median = own[a][b] else { return false }
    // The difference of the clocks is in both directions' medians with the same sign, and falls out of theirs.
    if let opposite = other[a][b], (median > 0 && opposite > 0) || (median < 0 && opposite < 0) {
      return median / 2 > opposite / 2
    }
    return median > 0
  }
}
