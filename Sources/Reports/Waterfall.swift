internal import Model
internal import PlainText

/// One workload's round trip in one environment, taken apart: everything that any format says of it.
struct Waterfall {
  /// Where a message can be on its way: an application, or an interface.
  struct Place: Hashable {
    private let namespace: String
    private let interface: String
    let isApplication: Bool

    fileprivate init(_ point: Waypoint) {
      namespace = point.namespace
      interface = point.name
      isApplication = point.source == .application
    }

    /// "port-client", or "client" for the client's application.
    var name: String { InertText.name(interface) }
    /// "switch", the role of its namespace.
    var role: String { isApplication ? "application" : Waterfall.role(namespace) }
  }

  /// What happens between two neighbouring waypoints.
  struct Hop {
    let kind: HopKind
    let leg: HopLeg
    let from: Place
    let to: Place
    /// Its ends in ns after the client's send, by the p50 of the hops before it. A hop without p50 ends where it starts.
    let start: Double
    let end: Double
    let p50: LevelText
    let p90: LevelText
    let p99: LevelText

    /// "client0 → port-client".
    var path: String { "\(from.name) → \(to.name)" }
    var quantiles: [(name: String, level: LevelText)] { [("p50", p50), ("p90", p90), ("p99", p99)] }
    var isNegative: Bool { end < start }

    /// "client0 → port-client, device: p50 0.91 µs [0.88, 0.95], p90 …".
    var sentence: String {
      "\(path), \(kind.title): " + quantiles.map { "\($0.name) \($0.level.whole)" }.joined(separator: ", ")
    }
  }

  /// A line of the books: how far the hops are to be trusted.
  struct Book {
    /// One word, before ``text``.
    let label: String
    let text: String
    /// Whether it speaks against the hops.
    var isWarning = false

    var shape: String { isWarning ? "!" : "" }
  }

  struct Tap {
    let place: String
    let role: String
    /// In the order of ``tapColumns``.
    let counts: [String]
  }

  static let tapColumns = [
    "packets", "used", "outside", "duplicates", "foreign", "undecodable", "dropped", "dropped by interface",
  ]

  let environment: String
  /// What the environment is; may be empty.
  let summary: String
  let workload: String
  let hops: [Hop]
  /// In path order, from the client's application to the server's.
  let places: [Place]
  /// The sum of the hops' p50, with its unit; nil where one is missing.
  let sum: String?
  let books: [Book]
  let taps: [Tap]
  /// The books in a sentence, where there is no room for all of them: ``books`` that warn belong beside it.
  let total: String
  /// What is left of a waterfall that is not drawn.
  let brief: String

  fileprivate init(
    _ result: WaterfallResult, hops results: [HopResult], summary: String, unit: DisplayUnit, places: [Int]
  ) {
    environment = InertText.name(result.environment)
    workload = InertText.name(result.workload)
    self.summary = summary
    var time = 0.0
    hops = results.compactMap { hop in
      // A hop that is not between two waypoints has no place on the path.
      guard result.points.indices.contains(hop.index), result.points.indices.contains(hop.index + 1) else { return nil }
      let start = time
      if case .value(let level) = hop.p50, level.estimate.isFinite { time += level.estimate }
      return Hop(
        kind: hop.kind, leg: hop.leg, from: Place(result.points[hop.index]), to: Place(result.points[hop.index + 1]),
        start: start, end: time, p50: LevelText(hop.p50, unit: unit, places: places[0]),
        p90: LevelText(hop.p90, unit: unit, places: places[1]), p99: LevelText(hop.p99, unit: unit, places: places[2]))
    }
    var seen: Set<Place> = []
    self.places = result.points.map(Place.init).filter { seen.insert($0).inserted }
    sum = result.sum.map { unit.text($0, places: places[0]) }
    taps = result.taps.map { tap in
      Tap(
        place: InertText.name(tap.interface), role: Self.role(tap.namespace),
        counts: [
          tap.packets, tap.used, tap.outside, tap.duplicates, tap.foreign, tap.undecodable, tap.dropped,
          tap.interfaceDropped,
        ].map(Self.whole))
    }
    let tax = Self.tax(result, unit)
    books =
      result.trials == 0
      ? [Self.trials(result)]
      : [
        Self.closure(result, hops, sum, unit, places[0]), Self.matched(result), Self.taps(result), Self.trials(result),
        tax,
      ] + [Self.missing(hops), Self.negative(hops)].compactMap(\.self)
    let application = LevelText(result.observed, unit: unit, places: places[0]).withoutInterval
    let residual = result.residual.map { "residual \(NumberFormat.percent($0))" }
    let sumText = sum.map { "sum \($0)" } ?? "no sum"
    total =
      result.trials == 0
      ? "no trial counts"
      : [sumText, "application \(application)", residual].compactMap(\.self).joined(separator: ", ")
        + "; \(Self.share(result)) of \(Self.whole(result.sampled)) sampled requests matched, "
        + "\(Self.whole(Self.dropped(result))) packets dropped; \(tax.label) \(tax.text)"
    let longest = hops.max { $0.end - $0.start < $1.end - $1.start }
    brief =
      [sumText, residual].compactMap(\.self).joined(separator: ", ")
      + (longest.map { "; longest \($0.path) (\($0.kind.title)) \($0.p50.withoutInterval)" } ?? "")
  }

  private static func role(_ namespace: String) -> String {
    namespace == "both" ? "both sides" : InertText.name(namespace)
  }

  // MARK: The books

  private static func whole(_ count: Int) -> String { NumberFormat.decimal(Double(count), places: 0) }

  private static func dropped(_ result: WaterfallResult) -> Int {
    result.taps.reduce(0) { $0 + $1.dropped + $1.interfaceDropped }
  }

  private static func share(_ result: WaterfallResult) -> String {
    result.sampled > 0
      ? NumberFormat.shareOfAll(Double(result.matched) / Double(result.sampled)) : NumberFormat.none
  }

  private static func residual(_ share: Double) -> (text: String, isWarning: Bool) {
    let isLarge = !(abs(share) <= WaterfallResult.largestResidual)
    let limit = NumberFormat.confidence(WaterfallResult.largestResidual)
    return (
      "residual \(NumberFormat.percent(share))"
        + (isLarge ? ", beyond the \(limit) within which the hops pass for the whole" : ""), isLarge
    )
  }

  private static func closure(
    _ result: WaterfallResult, _ hops: [Hop], _ sum: String?, _ unit: DisplayUnit, _ places: Int
  ) -> Book {
    guard let sum else {
      let lacking = hops.count { $0.p50.isMissing }
      return Book(
        label: "closure",
        text: hops.isEmpty
          ? "there are no hops"
          : "the hops have no sum" + (lacking > 0 ? ": \(NumberFormat.count(lacking, "hop")) without a p50" : ""),
        isWarning: true)
    }
    var text = "the hops' p50 sum to \(sum)"
    var isWarning = false
    let observed = LevelText(result.observed, unit: unit, places: places)
    if let reason = observed.reason {
      text += "; what the application measured for the same requests is unavailable: \(reason)"
      isWarning = true
    } else {
      text += ", the application measured \(observed.whole) for the same requests"
      if let share = result.residual {
        let residual = residual(share)
        text += ": \(residual.text)"
        isWarning = residual.isWarning
      }
    }
    if let closure = result.requestClosure {
      text += "; request by request the difference is \(unit.text(closure, places: max(places, 2)))"
    }
    if case .value = result.roundTrip {
      text += "; all requests of these trials took \(LevelText(result.roundTrip, unit: unit, places: places).whole)"
    }
    return Book(label: "closure", text: text, isWarning: isWarning)
  }

  private static func matched(_ result: WaterfallResult) -> Book {
    guard result.sampled > 0 else { return Book(label: "matched", text: "no request was sampled", isWarning: true) }
    let share = Double(result.matched) / Double(result.sampled)
    let reasons = result.unmatched.filter { $0.value > 0 }
      .sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { "\(whole($0.value)) \(InertText.line($0.key, limit: 160))" }
    var text =
      "\(whole(result.matched)) of \(whole(result.sampled)) sampled requests (\(Self.share(result)))"
    if !reasons.isEmpty { text += "; the others: " + reasons.prefix(5).joined(separator: ", ") }
    if reasons.count > 5 { text += ", and \(NumberFormat.count(reasons.count - 5, "more reason"))" }
    return Book(label: "matched", text: text, isWarning: share < WaterfallResult.smallestMatchedShare)
  }

  private static func taps(_ result: WaterfallResult) -> Book {
    guard !result.taps.isEmpty else {
      let isBySocket = result.points.contains { $0.source == .socket }
      return Book(
        label: "taps", text: isBySocket ? "none: the kernel's timestamps of the sockets tell the times" : "none")
    }
    func total(_ count: (TapReading) -> Int) -> Int { result.taps.reduce(0) { $0 + count($1) } }
    let dropped = total(\.dropped)
    let byInterface = total(\.interfaceDropped)
    let always = [
      (total(\.used), "used"), (total(\.duplicates), "duplicates"), (dropped, "dropped"),
    ]
    let others = [
      (total(\.outside), "outside the window"), (total(\.foreign), "of others"), (total(\.undecodable), "undecodable"),
      (byInterface, "dropped by an interface"),
    ].filter { $0.0 > 0 }
    return Book(
      label: "taps",
      text: "\(result.taps.count), with \(whole(total(\.packets))) packets: "
        + (always + others).map { "\(whole($0.0)) \($0.1)" }.joined(separator: ", "),
      isWarning: Self.dropped(result) > 0)
  }

  private static func trials(_ result: WaterfallResult) -> Book {
    let excluded = result.excluded.map { InertText.line($0, limit: 200) }
    var text = "\(result.trials), looking at one request in \(whole(result.sampling))"
    if !excluded.isEmpty {
      text += "; \(excluded.count) more \(excluded.count == 1 ? "does" : "do") not count: "
      text += excluded.prefix(5).joined(separator: "; ")
      if excluded.count > 5 { text += "; and \(excluded.count - 5) more" }
    }
    return Book(label: "trials", text: text, isWarning: !excluded.isEmpty || result.trials == 0)
  }

  private static func tax(_ result: WaterfallResult, _ unit: DisplayUnit) -> Book {
    var known: [String] = []
    var unknown: [String] = []
    for tax in result.tax {
      let name =
        switch tax.metric {
        case .rttP50: "p50"
        case .rttP99: "p99"
        default: tax.metric.title
        }
      let size = tax.ratio.map(NumberFormat.change) ?? tax.difference.map { DifferenceText($0, unit: unit).whole }
      let note = tax.note.map { InertText.line($0, limit: 200) }
      if let size {
        known.append("\(name) \(size)" + (note.map { " (\($0))" } ?? ""))
      } else {
        unknown.append("\(name)" + (note.map { ": \($0)" } ?? ""))
      }
    }
    let parts = [
      known.isEmpty ? nil : "costs " + known.joined(separator: ", "),
      !unknown.isEmpty || known.isEmpty
        ? "has a cost that is not known" + (unknown.isEmpty ? "" : " at " + unknown.joined(separator: ", at ")) : nil,
    ]
    return Book(label: "looking", text: parts.compactMap(\.self).joined(separator: "; "))
  }

  private static func missing(_ hops: [Hop]) -> Book? {
    var parts: [String] = []
    for index in 0..<3 {
      let levels = hops.map { $0.quantiles[index] }
      let reasons = levels.compactMap(\.level.reason)
      guard let first = reasons.first, let name = levels.first?.name else { continue }
      let others = Set(reasons).count - 1
      parts.append(
        "\(name) of \(NumberFormat.count(reasons.count, "hop")): \(first)"
          + (others > 0 ? ", and \(NumberFormat.count(others, "other reason"))" : ""))
    }
    return parts.isEmpty ? nil : Book(label: "missing", text: parts.joined(separator: "; "))
  }

  private static func negative(_ hops: [Hop]) -> Book? {
    let negative = hops.filter(\.isNegative)
    guard !negative.isEmpty else { return nil }
    return Book(
      label: "negative",
      text: negative.map(\.path).joined(separator: ", ")
        + ": a stamp is taken a little before or after the event it stands for, and here that is more than the hop",
      isWarning: true)
  }
}

/// The waterfalls of one workload, all in one unit and with the same number of places.
struct WaterfallGroup {
  let workload: String
  let unit: DisplayUnit
  let items: [Waterfall]
  /// Every end of a hop, in ns after the client's send: what a scale common to all must cover.
  var times: [Double] { [0] + items.flatMap { $0.hops.map(\.end) } }
}

/// A level and its interval as text.
struct LevelText {
  /// Without the unit; "–" where there is none.
  let estimate: String
  /// "[0.88, 0.95]"; nil where there are too few trials for one.
  let interval: String?
  /// Why there is no level.
  let reason: String?
  private let unit: String

  init(_ level: Measured<LevelEstimate>, unit: DisplayUnit, places: Int) {
    self.unit = unit.symbol
    func text(_ value: Double) -> String { NumberFormat.decimal(unit.scaled(value), places: places) }
    switch level {
    case .value(let level):
      estimate = text(level.estimate)
      reason = nil
      if let low = level.low, let high = level.high {
        interval = "[\(text(low)), \(text(high))]"
      } else {
        interval = nil
      }
    case .unavailable(let why):
      estimate = NumberFormat.none
      interval = nil
      reason = InertText.line(why, limit: 200)
    }
  }

  var isMissing: Bool { estimate == NumberFormat.none }
  /// "0.91 [0.88, 0.95]".
  var cell: String { [estimate, interval].compactMap(\.self).joined(separator: " ") }
  /// "0.91 µs".
  var withoutInterval: String { isMissing ? estimate : estimate + NumberFormat.gap + unit }
  /// "0.91 µs [0.88, 0.95]".
  var whole: String { [withoutInterval, interval].compactMap(\.self).joined(separator: " ") }
}

extension Presentation {
  /// In the order of the tables, then what only the waterfalls know.
  static func waterfalls(_ result: RunResult, workloads: [String], environments: [EnvironmentRecord])
    -> [WaterfallGroup]
  {
    struct Key: Hashable {
      var workload: String
      var environment: String
    }
    guard !result.waterfalls.isEmpty else { return [] }
    var hops: [Key: [HopResult]] = [:]
    if case .value(let all) = result.hops {
      hops = Dictionary(grouping: all) { Key(workload: $0.workload, environment: $0.environment) }
    }
    var order: [String: Int] = [:]
    for (index, name) in environments.map(\.name).enumerated() where order[name] == nil { order[name] = index }
    let byWorkload = Dictionary(grouping: result.waterfalls, by: \.workload)
    var seen: Set<String> = []
    let names = (workloads + result.waterfalls.map(\.workload)).filter { seen.insert($0).inserted }
    return names.compactMap { workload in
      guard let unsorted = byWorkload[workload] else { return nil }
      let sorted = unsorted.enumerated().sorted {
        (order[$0.element.environment] ?? .max, $0.offset) < (order[$1.element.environment] ?? .max, $1.offset)
      }.map(\.element)
      let lists = sorted.map { waterfall in
        hops[Key(workload: workload, environment: waterfall.environment), default: []].sorted { $0.index < $1.index }
      }
      let sums = sorted.compactMap(\.sum) + lists.joined().compactMap(\.p50.estimate)
      let unit = DisplayUnit(.nanoseconds, reference: sums.map(abs).max() ?? 0)
      let places = [\HopResult.p50, \.p90, \.p99].map { quantile in
        lists.joined().compactMap { hop -> Int? in
          guard case .value(let level) = hop[keyPath: quantile] else { return nil }
          guard let low = level.low, let high = level.high else { return 2 }
          return NumberFormat.places(forWidth: unit.scaled(high) - unit.scaled(low), in: 0...2)
        }.max() ?? 2
      }
      return WaterfallGroup(
        workload: InertText.name(workload), unit: unit,
        items: zip(sorted, lists).map { waterfall, hops in
          let summary = environments.first { $0.name == waterfall.environment }?.summary ?? ""
          return Waterfall(
            waterfall, hops: hops, summary: InertText.line(summary, limit: 200), unit: unit, places: places)
        })
    }
  }

  static let insideTitle = "Inside the round trip"

  /// What the hops are, before the first of them; nil without any.
  var insideIntroduction: String? {
    guard !waterfalls.isEmpty else { return nil }
    var text =
      "Each hop's p50, one after the other, from the client's send to its receive. Hops come from trials of their own "
      + "that look at \(samplings); claims and all other tables use trials that look at nothing."
    if let confidence = hopConfidence { text += " Brackets are \(confidence) intervals over trials." }
    return text
  }

  /// "one request in 64".
  private var samplings: String {
    Set(result.waterfalls.map(\.sampling)).sorted()
      .map { $0 == 1 ? "every request" : "one request in \(NumberFormat.decimal(Double($0), places: 0))" }
      .joined(separator: " or ")
  }

  private var hopConfidence: String? {
    guard case .value(let hops) = result.hops else { return nil }
    let levels = Set(hops.flatMap { [$0.p50, $0.p90, $0.p99] }.compactMap(\.confidence)).sorted()
    return levels.isEmpty ? nil : levels.map(NumberFormat.confidence).joined(separator: " and ")
  }

  /// How the hops were had: facts of "how it was measured"; empty where packets were not captured.
  var insideMethod: [Fact] {
    guard !waterfalls.isEmpty else { return [] }
    var facts = [
      Fact(
        name: "hops: sampling",
        value:
          "\(samplings), chosen by the low bits of its sequence number, in trials of their own in the same blocks; "
          + "taps are read when the window has ended")
    ]
    var seen: Set<String> = []
    for waterfall in waterfalls.flatMap(\.items) where seen.insert(waterfall.environment).inserted {
      let inside = waterfall.places.filter { !$0.isApplication }.map { "\($0.name) (\($0.role))" }
      facts.append(
        Fact(
          name: "hops: places in \(waterfall.environment)",
          value: inside.isEmpty
            ? "none"
            : inside.joined(separator: ", ") + (waterfall.taps.isEmpty ? ": timestamps of the sockets" : ": taps")))
    }
    facts.append(
      Fact(
        name: "hops: clocks",
        value:
          "the stamps of applications, sockets and taps are all CLOCK_REALTIME, read by one kernel; a step of that "
          + "clock excludes the trial. The application measures the round trip itself by CLOCK_MONOTONIC"))
    facts.append(
      Fact(
        name: "hops: residual",
        value:
          "(sum of the hops' p50 − the p50 that the application measured for the same requests) ÷ the latter; up to "
          + "\(NumberFormat.confidence(WaterfallResult.largestResidual)) the hops pass for the whole"))
    return facts
  }

  /// The words of this result's tables.
  var terms: [(title: String, text: String)] {
    Self.terms + (waterfalls.isEmpty ? [] : Self.insideTerms) + (hasStorage ? Self.storageTerms : [])
  }

  private static let insideTerms: [(title: String, text: String)] = [
    ("hop", "What happens between two neighbouring places at which it is known when a message passed."),
    (
      "waterfall",
      "The hops of a round trip one after the other, each by its p50. p90 and p99 of hops do not add up: the slowest "
        + "requests are not slow at every hop."
    ),
    (
      "residual",
      "How far the sum of the hops is from the round trip of the same requests as the application measured it. It tests "
        + "whether a hop is missing, or counted twice."
    ),
    (
      "capture tax",
      "What looking costs: the round trip with taps on against taps off, compared within each block. Most of it falls on "
        + "the requests that are looked at, which is why hops are held against these alone."
    ),
  ]
}

extension HopKind {
  /// A word or two, where ``title`` has no room.
  var shortTitle: String {
    switch self {
    case .stackDown: "stack down"
    case .device: "device"
    case .forwarding: "forwarding"
    case .stackUp: "stack up"
    case .turnAround: "turn-around"
    }
  }
}

extension Measured<LevelEstimate> {
  fileprivate var estimate: Double? {
    if case .value(let level) = self, level.estimate.isFinite { level.estimate } else { nil }
  }

  fileprivate var confidence: Double? {
    if case .value(let level) = self, level.low != nil { level.confidence } else { nil }
  }
}

extension NumberFormat {
  /// 0.99968 as "99.96 %": never rounded up to the whole.
  static func shareOfAll(_ share: Double) -> String {
    guard share.isFinite && share < 1 else { return percent(share) }
    let places = share >= 0.99 ? 2 : 1
    let scale = places == 2 ? 10_000.0 : 1000
    return decimal((share * scale).rounded(.down) / scale * 100, places: places) + gap + "%"
  }

  /// A ratio of 1.031 [1.010, 1.052] as "+3.1 % [1.0, 5.2]".
  static func change(_ ratio: IntervalEstimate) -> String {
    let places = (ratio.high - ratio.low) * 100 < 10 ? 1 : 0
    func text(_ ratio: Double) -> String { decimal((ratio - 1) * 100, places: places) }
    let estimate = text(ratio.estimate)
    let isPlus = ratio.estimate > 1 && estimate != text(1)
    return "\(isPlus ? "+" : "")\(estimate)\(gap)% [\(text(ratio.low)), \(text(ratio.high))]"
  }
}
