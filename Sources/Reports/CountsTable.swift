internal import Model
internal import PlainText

/// What each operation makes the kernel do, environment by environment. Counts are exact, so a count that is the same
/// in all blocks stands alone; another has its range instead of an interval.
struct CountsTable {
  static let title = "What each operation makes the kernel do"

  struct Column {
    var metric: Metric
    /// "transmissions".
    var title: String
    /// For terminals.
    var short: String
  }

  struct Row {
    var name: String
    /// One a column; "–" where this environment has none.
    var cells: [String]
  }

  /// All the columns that there can be, in their order.
  static let all: [Column] = [
    Column(metric: .deviceTransmissions, title: "transmissions", short: "sent"),
    Column(metric: .deviceReceptions, title: "receptions", short: "received"),
    Column(metric: .softirqs, title: "softirqs", short: "softirqs"),
    Column(metric: .contextSwitches, title: "context switches", short: "switches"),
    Column(metric: .systemCalls, title: "system calls", short: "syscalls"),
    Column(metric: .skbAllocations, title: "buffers allocated", short: "allocated"),
    Column(metric: .skbFrees, title: "buffers freed", short: "freed"),
    Column(metric: .instructions, title: "instructions", short: "instr."),
    Column(metric: .cycles, title: "cycles", short: "cycles"),
    Column(metric: .totalCPU, title: "CPU", short: "CPU"),
  ]

  /// "a round trip".
  let operation: String
  let columns: [Column]
  let rows: [Row]
  /// "In bridge, a round trip is transmitted 4× and received 4×; …".
  let sentences: [String]
  /// Columns that no environment has, each group with the reason.
  let missing: [(names: String, reason: String)]

  /// nil where no count was asked for, as in results of before there were counts.
  init?(_ page: Presentation, _ workload: String) {
    let present = page.metrics(of: workload)
    guard present.contains(where: \.isEventCount), let spec = page.spec(workload) else { return nil }
    operation = spec.kind.operation
    let asked = Self.all.filter { present.contains($0.metric) }
    func values(_ environment: String, _ metric: Metric) -> SeriesResult? {
      page.series(environment, workload, metric).flatMap { $0.trials.isEmpty ? nil : $0 }
    }
    let known = asked.filter { column in page.environments.contains { values($0, column.metric) != nil } }
    let cpu = DisplayUnit(
      .totalCPU, reference: page.environments.compactMap { values($0, .totalCPU)?.median }.first ?? 0)
    columns = known.map { column in
      guard column.metric == .totalCPU else { return column }
      return Column(
        metric: column.metric, title: "\(column.title), \(cpu.symbol)", short: "\(column.short), \(cpu.symbol)")
    }
    let ran = page.environments.filter { environment in known.contains { values(environment, $0.metric) != nil } }
    rows = ran.map { environment in
      Row(
        name: InertText.name(environment),
        cells: known.map { column in
          values(environment, column.metric).map { series in
            column.metric == .totalCPU ? Self.level(series, cpu) : Self.count(series)
          } ?? NumberFormat.none
        })
    }
    sentences = Self.sentences(
      ran.compactMap { environment in
        guard let sent = values(environment, .deviceTransmissions),
          let received = values(environment, .deviceReceptions)
        else { return nil }
        return (InertText.name(environment), sent, received)
      }, spec)
    let names = Dictionary(Self.all.map { ($0.metric, $0.title) }, uniquingKeysWith: { first, _ in first })
    let unknown = asked.map(\.metric).filter { metric in !known.contains { $0.metric == metric } }
    missing = page.missing(unknown, of: workload)
      .map { entry in (entry.metrics.compactMap { names[$0] }.joined(separator: ", "), entry.reason) }
  }

  private static func level(_ series: SeriesResult, _ unit: DisplayUnit) -> String {
    series.median.map { NumberFormat.decimal(unit.scaled($0), places: 2) } ?? NumberFormat.none
  }

  /// "4.00" where all agree, else "4.00–4.31".
  static func count(_ series: SeriesResult, per parts: Double = 1) -> String {
    guard let low = series.trials.min(), let high = series.trials.max() else { return NumberFormat.none }
    let places = abs(high / parts) >= 1_000 ? 0 : 2
    if let exact = series.exact { return NumberFormat.decimal(exact / parts, places: places) }
    let ends = [low, high].map { NumberFormat.decimal($0 / parts, places: places) }
    return ends[0] == ends[1] ? ends[0] : "\(ends[0])–\(ends[1])"
  }

  /// "4×", "4.25×" or "4.00–4.31×".
  private static func times(_ series: SeriesResult, per parts: Double) -> String {
    let text = count(series, per: parts)
    return (text.hasSuffix(".00") && !text.contains("–") ? String(text.dropLast(3)) : text) + "×"
  }

  /// One sentence for all environments in which the same was counted.
  private static func sentences(
    _ counts: [(name: String, sent: SeriesResult, received: SeriesResult)], _ spec: WorkloadSpec
  ) -> [String] {
    // A request and a reply of the same size take the same way, in as many packets.
    let isSymmetric = (spec.kind == .udpRR || spec.kind == .udpOpen) && spec.size == spec.replySize
    var groups: [(names: [String], text: String)] = []
    for count in counts {
      func said(per parts: Double) -> String {
        "transmitted \(times(count.sent, per: parts)) and received \(times(count.received, per: parts))"
      }
      var text = "\(spec.kind.operation) is \(said(per: 1))"
      if isSymmetric { text += ", so each packet, request or reply, is \(said(per: 2))" }
      if let index = groups.firstIndex(where: { $0.text == text }) {
        groups[index].names.append(count.name)
      } else {
        groups.append(([count.name], text))
      }
    }
    return groups.map { "In \(listed($0.names)) \($0.text)." }
  }

  private static func listed(_ names: [String]) -> String {
    guard let last = names.last, names.count > 1 else { return names.first ?? "" }
    return names.dropLast().joined(separator: ", ") + " and " + last
  }
}

/// Medians side by side: what an open loop took beside what its replies took, what proxies cost.
struct SideBySide {
  struct Column {
    var metric: Metric
    /// "response p50, µs".
    var title: String
  }

  let title: String
  let columns: [Column]
  /// Each cell "12.3 (1.10×)".
  let rows: [(name: String, cells: [(median: String, ratio: String)])]

  /// nil where there is nothing to set side by side.
  init?(_ page: Presentation, _ workload: String) {
    guard let kind = page.kind(workload) else { return nil }
    let own: (title: String, metrics: [Metric]) =
      switch kind {
      case .udpOpen, .tcpOpen:
        (
          "Response time beside service time",
          [.rttP50, .rttP99, .rttP999, .serviceP50, .serviceP99, .serviceP999, .rate, .loss]
        )
      case .udpStream: ("Messages that arrived", [.rate])
      case .exec: ("CPU of the commands", [.clientCPU, .serverCPU])
      case .udpRR, .tcpRR, .tcpCRR, .tcpStream: ("What the proxies take", [])
      case .copyUp, .randomIO, .sequentialIO, .lookup, .metadata, .mmapWrite, .sqliteCommit, .imageRebuild: ("", [])
      }
    let tables = (own.metrics + [.proxyCPU, .proxyMemory]).map { page.table(workload, $0) }.filter(\.hasData)
    guard !tables.isEmpty else { return nil }
    title = own.title
    columns = tables.map { table in
      let short = table.title.replacing(" time ", with: " ").replacing(" per request", with: "")
      // "replies per second" says it.
      let unit = table.unit.symbol == "/s" ? "" : table.unit.symbol
      return Column(metric: table.metric, title: unit.isEmpty ? short : "\(short), \(unit)")
    }
    rows = page.environments.indices.compactMap { index in
      let cells = tables.map { $0.rows[index] }
      guard let name = cells.first(where: { $0.series != nil })?.name else { return nil }
      return (name, cells.map { ($0.median, $0.ratio.map { "\($0.estimate)×" } ?? "") })
    }
  }
}
