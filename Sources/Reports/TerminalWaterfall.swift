public import Model
internal import PlainText

extension TerminalTable {
  /// Renders what `result` knows of the inside of its round trips, for every workload, ending in a newline. Says why
  /// where it knows nothing.
  /// - Parameters:
  ///   - width: of the terminal, in columns; taken to be between 40 and 160.
  ///   - color: whether to add ANSI colour and weight. Nothing is said by colour alone.
  public static func waterfalls(_ result: RunResult, width: Int, color: Bool) -> String {
    var table = TerminalTable(Presentation(result), width: width, color: color)
    if !table.page.validity.isValid { table.banner() }
    table.header()
    table.inside(whole: true)
    if table.page.waterfalls.isEmpty {
      table.heading(Presentation.insideTitle, "")
      for item in table.page.unavailable { table.hanging("–", style: .dim, "\(item.what): \(item.why)", indent: 2) }
    }
    return table.text
  }

  /// The section "Inside the round trip". Without `whole`, every workload but the first gets a line or two for each
  /// environment, and of the books only what speaks against the hops is there.
  mutating func inside(whole: Bool) {
    for (index, group) in page.waterfalls.enumerated() {
      heading(Presentation.insideTitle, group.workload)
      if index == 0, let introduction = page.insideIntroduction { paragraph(introduction, indent: 2, style: .dim) }
      if whole || index == 0 {
        let columns = WaterfallColumns(group, width: width)
        for waterfall in group.items { self.waterfall(waterfall, columns, whole: whole) }
      } else {
        let column = group.items.map { $0.environment.fitted(to: 24).terminalWidth }.max() ?? 0
        for waterfall in group.items {
          let name = waterfall.environment.fitted(to: 24).padded(to: column)
          hanging(name, style: nil, waterfall.brief, indent: 2)
          books(waterfall, whole: false)
        }
      }
    }
  }

  private mutating func waterfall(_ waterfall: Waterfall, _ columns: WaterfallColumns, whole: Bool) {
    let aside = waterfall.summary.isEmpty ? "" : " " + styled("(\(waterfall.summary))", .dim)
    let isAsideFitting = 2 + waterfall.environment.terminalWidth + 3 + waterfall.summary.terminalWidth <= width
    lines.append("")
    lines.append("  " + styled(waterfall.environment.fitted(to: width - 2), .bold) + (isAsideFitting ? aside : ""))
    for hop in waterfall.hops {
      var line = "    "
      if let titleWidth = columns.title {
        line += styled(columns.title(hop).padded(to: titleWidth), .dim) + "  "
      }
      line += hop.path.fitted(to: columns.path).padded(to: columns.path) + "  "
      line += hop.p50.estimate.fitted(to: columns.estimate).leftPadded(to: columns.estimate)
      line += " " + (hop.p50.isMissing ? "" : columns.unit).padded(to: columns.unit.terminalWidth)
      if let interval = columns.interval {
        line += " " + styled((hop.p50.interval ?? "").fitted(to: interval).padded(to: interval), .dim)
      }
      if columns.bar > 0 && !hop.p50.isMissing { line += "  " + columns.bars.bar(from: hop.start, to: hop.end) }
      lines.append(line)
    }
    if !whole { paragraph(waterfall.total, indent: 4) }
    books(waterfall, whole: whole)
  }

  private mutating func books(_ waterfall: Waterfall, whole: Bool) {
    for book in waterfall.books where whole || book.isWarning {
      hanging(
        (book.isWarning ? "! " : "  ") + book.label.padded(to: 8), style: book.isWarning ? .open : .dim, book.text,
        indent: 2)
    }
  }
}

/// The widths of the columns of all waterfalls of one workload. What a narrow terminal has no room for goes in this
/// order: the hop's full title, its interval, its title, the bar.
private struct WaterfallColumns {
  private static let longestPath = 32
  private static let longestNumber = 12
  let title: Int?
  private let isTitleFull: Bool
  let path: Int
  let estimate: Int
  let unit: String
  let interval: Int?
  let bar: Int
  let bars: WaterfallBars

  init(_ group: WaterfallGroup, width: Int) {
    let hops = group.items.flatMap(\.hops)
    let estimate = min(Self.longestNumber, hops.map(\.p50.estimate.terminalWidth).max() ?? 1)
    let longest = min(Self.longestPath, hops.map(\.path.terminalWidth).max() ?? 0)
    let intervals = hops.compactMap { $0.p50.interval?.terminalWidth }.max().map { min(2 * Self.longestNumber, $0) }
    let full = hops.map(\.kind.title.terminalWidth).max() ?? 0
    let short = hops.map { $0.kind.shortTitle.terminalWidth }.max() ?? 0
    // Indent, gap, number, unit and the gap before the bar.
    let fixed = 4 + 2 + estimate + 1 + group.unit.symbol.terminalWidth + 2
    func room(_ title: Int?, _ interval: Int?) -> Int {
      width - fixed - longest - (title.map { $0 + 2 } ?? 0) - (interval.map { $0 + 1 } ?? 0)
    }
    let forms: [(title: Int?, isFull: Bool, interval: Int?, least: Int)] = [
      (full, true, intervals, 30), (short, false, intervals, 12), (short, false, nil, 9), (nil, false, nil, 6),
    ]
    let form = forms.first { room($0.title, $0.interval) >= $0.least }
    title = form?.title
    isTitleFull = form?.isFull ?? false
    interval = form?.interval
    path = form == nil ? max(1, min(longest, width - fixed + 2)) : longest
    self.estimate = estimate
    unit = group.unit.symbol
    bar = form.map { min(60, room($0.title, $0.interval)) } ?? 0
    bars = WaterfallBars(covering: group.times, cells: bar)
  }

  func title(_ hop: Waterfall.Hop) -> String { isTitleFull ? hop.kind.title : hop.kind.shortTitle }
}

/// Bars on one scale, drawn in eighths of a terminal's cell.
struct WaterfallBars {
  private let low: Double
  private let high: Double
  let cells: Int

  init(covering times: [Double], cells: Int) {
    let times = times.filter(\.isFinite)
    low = times.min() ?? 0
    high = times.max() ?? 0
    self.cells = cells
  }

  /// The eighth of a cell, counted from the left, at which `time` lies.
  func eighth(_ time: Double) -> Int {
    guard high > low, time.isFinite else { return 0 }
    return min(cells * 8, max(0, Int(((time - low) / (high - low) * Double(cells * 8)).rounded())))
  }

  /// A bar at its place, `cells` wide at most. One that runs backwards is hatched; one too short to be seen is a line.
  func bar(from start: Double, to end: Double) -> String {
    let left = eighth(min(start, end))
    let right = eighth(max(start, end))
    guard cells > 0 else { return "" }
    // There are blocks that fill a cell from the left by eighths, but from the right only by halves.
    let first = min(left / 8, cells - 1)
    var text = String(repeating: " ", count: first)
    if end < start { return text + String(repeating: "▒", count: max(1, (right + 7) / 8 - first)) }
    if right <= (first + 1) * 8 {
      let isLate = left % 8 >= 4
      return text + (isLate ? right - left >= 3 ? "▐" : "▕" : Self.filled(max(1, right - first * 8)))
    }
    switch left % 8 {
    case 0...2: text += "█"
    case 3...6: text += "▐"
    default: text += "▕"
    }
    text += String(repeating: "█", count: max(0, right / 8 - first - 1))
    if right % 8 > 0 && right / 8 > first { text += Self.filled(right % 8) }
    return text
  }

  /// The left `eighths` of a cell, 1 to 8.
  private static func filled(_ eighths: Int) -> String {
    let blocks = ["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"]
    return blocks[min(8, max(1, eighths)) - 1]
  }
}
