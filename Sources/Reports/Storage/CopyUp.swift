internal import Model
internal import PlainText

/// What the first change of a file of a lower layer costs, over all sizes of files at once: workloads of kind copy-up
/// that differ in nothing else.
struct CopyUp {
  struct Size {
    var workload: String
    /// In bytes.
    var bytes: Int
    /// "64 MiB", or the workload's name where two have files of one size.
    var title: String
  }

  /// The metrics whose growth with the size is of interest, the first being what the section is about.
  static let lineMetrics: [Metric] = [.openForWriting, .firstDurable, .metadataChange]
  /// A ledger of more rows is folded up.
  private static let longLedger = 48

  let page: Presentation
  let cache: FileWork.Cache
  /// Ascending.
  let sizes: [Size]
  let environments: [String]
  let lines: [LineResult]

  init(_ page: Presentation, cache: FileWork.Cache) {
    self.page = page
    self.cache = cache
    let specs = page.workloads.compactMap(page.spec)
      .filter { $0.kind == .copyUp && ($0.files?.cache ?? .warm) == cache }
    let all = specs.map { (name: $0.name, bytes: $0.files?.size ?? 0) }
      .sorted { ($0.bytes, $0.name) < ($1.bytes, $1.name) }
    sizes = all.map { size in
      let isOnly = all.count { $0.bytes == size.bytes } == 1
      return Size(
        workload: size.name, bytes: size.bytes,
        title: isOnly ? Self.text(size.bytes) : InertText.name(size.name))
    }
    let names = Set(sizes.map(\.workload))
    environments = page.ran(in: sizes.map(\.workload))
    lines = (page.result.lines ?? []).filter { $0.points.contains { names.contains($0.workload) } }
  }

  private static func text(_ bytes: Int) -> String {
    FileWork.text(bytes: bytes).replacing(" ", with: NumberFormat.gap)
  }

  var isJudged: Bool { sizes.allSatisfy { page.validity.canJudge($0.workload) } }

  func line(_ environment: String, _ metric: Metric) -> LineResult? {
    lines.first { $0.environment == environment && $0.metric == metric }
  }

  func median(_ environment: String, _ size: Size, _ metric: Metric) -> Double? {
    page.series(environment, size.workload, metric)?.median
  }

  var section: StorageSection {
    let isOnly = !page.workloads.contains { workload in
      page.kind(workload) == .copyUp && (page.spec(workload)?.files?.cache ?? .warm) != cache
    }
    return StorageSection(
      title: isOnly ? "Copy-up" : "Copy-up, \(cache.rawValue) cache",
      summary:
        "Files of \(sizes.map(\.title).listed) in a lower layer, \(cache.rawValue) in the page cache, are opened for "
        + "writing, written, written again, and changed in their metadata; each is used once. Workloads: "
        + sizes.map { InertText.name($0.workload) }.listed,
      standing: page.standing(environments),
      findings: environments.filter(page.isLayered).compactMap(finding), parts: parts,
      workloads: sizes.map(\.workload))
  }

  // MARK: Tables and charts

  private var parts: [StorageSection.Part] {
    var parts: [StorageSection.Part] = []
    if let chart = chart(.openForWriting) { parts.append(.chart(chart)) }
    if let table = lineTable(.openForWriting) { parts.append(.table(table)) }
    let medians = "medians, and how many times what it is held against"
    let ratios = "medians, and as a ratio to what it is held against"
    parts += grid("Opening for writing, by size of the file", medians, .openForWriting, .estimate).map { .table($0) }
    parts += grid("Bytes copied by opening, for each file", "by where they lie on the disk", .bytesCopied).map {
      .table($0)
    }
    if let table = breakEven { parts.append(.table(table)) }
    parts += grid("Second write, into the page cache", ratios, .secondWrite).map { .table($0) }
    parts += grid("Second write, to the disk", ratios, .secondDurable).map { .table($0) }
    parts += grid("Change of metadata alone", medians, .metadataChange, .estimate).map { .further($0) }
    parts += grid("Open, first writes and fsync, all together", medians, .firstDurable, .estimate).map { .further($0) }
    for metric in Self.lineMetrics.dropFirst() {
      let further = [chart(metric).map(StorageSection.Part.chart), lineTable(metric).map(StorageSection.Part.table)]
        .compactMap(\.self)
      if !further.isEmpty { parts.append(.folded("\(metric.title.withCapital) against the size of the file", further)) }
    }
    if let ledger {
      parts.append(
        ledger.rows.count > Self.longLedger ? .folded("\(ledger.title), by size", [.table(ledger)]) : .table(ledger))
    }
    return parts
  }

  /// One metric, sizes across; none without data.
  private func grid(
    _ title: String, _ aside: String, _ metric: Metric, _ detail: TextTable.Detail = .interval
  ) -> [TextTable] {
    let table = TextTable(
      title: title, aside: aside, environments: environments,
      columns: sizes.map { (title: $0.title, workload: $0.workload, metric: metric) }, page: page, detail: detail)
    return table.hasData || !table.notes.isEmpty ? [table] : []
  }

  /// a and b of time = a + b · size.
  private func lineTable(_ metric: Metric) -> TextTable? {
    let known = environments.compactMap { environment in line(environment, metric).map { (environment, $0) } }
    guard !known.isEmpty else { return nil }
    let rows = known.map { environment, line in
      let growth: String =
        switch line.slope {
        case nil: line.note.map { InertText.line($0, limit: 160) } ?? "no line"
        case .some where !isJudged: "? not judged"
        case let slope? where slope.low > 0: "▲ grows with the size"
        case let slope? where slope.high < 0: "▼ shrinks with the size"
        case .some: "≈ no growth found"
        }
      return TextTable.Row(
        name: InertText.name(environment),
        cells: [
          line.intercept.map { Self.cell($0, metric) } ?? .none,
          line.slope.map { Self.cell($0.perMebibyte, metric) } ?? .none,
          TextTable.Cell(text: growth),
        ])
    }
    return TextTable(
      title: "\(metric.title.withCapital) = a + b · size of the file",
      aside: "\(page.confidence.map { "\($0) intervals" } ?? "no intervals") over the blocks",
      columns: ["a, whatever the size", "b, for each MiB", "finding"], wordColumn: 2,
      groups: [TextTable.Group(title: nil, rows: rows)])
  }

  private static func cell(_ interval: IntervalEstimate, _ metric: Metric) -> TextTable.Cell {
    let text = DifferenceText(interval, unit: unit(of: interval, metric))
    return TextTable.Cell(text: [text.estimate, text.unit].joined(separator: NumberFormat.gap), detail: text.interval)
  }

  private static func unit(of interval: IntervalEstimate, _ metric: Metric) -> DisplayUnit {
    DisplayUnit(metric, reference: max(abs(interval.estimate), (interval.high - interval.low) / 2))
  }

  private var breakEven: TextTable? {
    let rows = environments.compactMap { environment -> TextTable.Row? in
      guard let line = line(environment, .openForWriting), line.points.contains(where: { $0.breakEvenWrites != nil })
      else { return nil }
      return TextTable.Row(
        name: InertText.name(environment),
        cells: sizes.map { size in
          let writes = line.points.first { $0.workload == size.workload }?.breakEvenWrites
          return writes.map {
            TextTable.Cell(text: $0 < 1 ? "<\(NumberFormat.gap)1" : NumberFormat.decimal($0, places: 0))
          } ?? .none
        })
    }
    guard !rows.isEmpty else { return nil }
    return TextTable(
      title: "Break-even: writes of 4\(NumberFormat.gap)KiB until the first opening is half of the time",
      aside: "to the disk, in the plain file system", columns: sizes.map(\.title),
      groups: [TextTable.Group(title: nil, rows: rows)])
  }

  /// What was written, what was allocated, what reached the device.
  private var ledger: TextTable? {
    let columns: [(title: String, metric: Metric)] = [
      ("written", .bytesWritten), ("copied", .bytesCopied), ("newly taken", .bytesTaken),
      ("allocated", .bytesAllocated), ("shared", .bytesShared), ("to the device", .bytesToDevice),
      ("write amplification", .writeAmplification), ("space amplification", .spaceAmplification),
    ]
    var notes: [String] = []
    let groups = sizes.compactMap { size -> TextTable.Group? in
      let table = TextTable(
        title: "", aside: "", environments: environments,
        columns: columns.map { (title: $0.title, workload: size.workload, metric: $0.metric) }, page: page)
      notes += table.notes
      guard table.rows.contains(where: { $0.cells.contains { $0 != .none } }) else { return nil }
      // A ratio of ratios says nothing that the columns do not say.
      let rows = table.rows.map { row in
        TextTable.Row(name: row.name, cells: row.cells.map { TextTable.Cell(text: $0.text) })
      }
      return TextTable.Group(title: "files of \(size.title)", rows: rows)
    }
    guard !groups.isEmpty else { return nil }
    return TextTable(
      title: "The ledger of bytes", aside: "for each file, of the first change; to the device with the journal",
      columns: columns.map(\.title), groups: groups, notes: Presentation.distinct(notes))
  }

  private func chart(_ metric: Metric) -> XYChart? {
    let known = environments.compactMap { environment in line(environment, metric).map { (environment, $0) } }
    guard !known.isEmpty else { return nil }
    var styles = XYChart.Styles(page)
    let lines = known.map { environment, line in
      let points = line.points.filter { $0.size > 0 && $0.median > 0 }.sorted { $0.size < $1.size }
      var fit: [XYChart.Point] = []
      if let a = line.intercept?.estimate, let b = line.slope?.estimate, let first = points.first,
        let last = points.last
      {
        fit = XYChart.steps(Double(first.size), Double(last.size), 24).map { XYChart.Point(x: $0, y: a + b * $0) }
      }
      return XYChart.Line(
        name: InertText.name(environment), style: styles.next(environment),
        points: points.map {
          XYChart.Point(x: Double($0.size), y: $0.median, low: $0.low, high: $0.high)
        }, path: fit)
    }
    let said = known.map { environment, line in
      "\(InertText.name(environment)): "
        + line.points.map { "\(Self.text($0.size)) \(NumberFormat.level($0.median, metric))" }.joined(separator: ", ")
    }
    return XYChart(
      title: "\(metric.title.withCapital) against the size of the file, both logarithmic",
      summary: said.joined(separator: "; "), heading: "\(metric.title.withCapital) against the size of the file",
      caption:
        "Both axes logarithmic. Marks are medians over the blocks, bars reach from the lowest to the highest; the "
        + "thin line is a + b · size.",
      lines: lines, isLogarithmic: true,
      ticks: sizes.map { (value: Double($0.bytes), text: Self.text($0.bytes)) }, axis: "size of the file",
      text: { value in
        let unit = DisplayUnit(metric, reference: value)
        return NumberFormat.plain(unit.scaled(value)) + NumberFormat.gap + unit.symbol
      })
  }
}

extension IntervalEstimate {
  /// Of a slope for each byte: for each MiB.
  var perMebibyte: IntervalEstimate {
    var interval = self
    interval.estimate *= 1_048_576
    interval.low *= 1_048_576
    interval.high *= 1_048_576
    interval.minimumDetectableEffect *= 1_048_576
    return interval
  }
}

extension String {
  var withCapital: String { prefix(1).uppercased() + dropFirst() }
}
