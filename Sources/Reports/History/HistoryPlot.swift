internal import Foundation
public import Model
internal import PlainText

/// One series from night to night, as a picture: for a terminal, and as SVG. One step across is one night that has a
/// value, whatever time lies between two. It draws what the view holds and computes nothing.
public enum HistoryPlot {
  /// For a terminal, ending in a newline: the values with their intervals, the epochs' borders, and the change points,
  /// which are listed below.
  /// - Parameters:
  ///   - width: of the terminal, in columns; taken to be between 60 and 200.
  ///   - color: whether to add ANSI colour and weight. Nothing is said by colour alone.
  public static func terminal(_ view: HistoryView, width: Int, color: Bool) -> String {
    var plot = HistoryTerminal(HistoryWords(view), width: min(200, max(60, width)), color: color)
    plot.compose()
    return plot.out.text
  }

  /// A document of its own, with its colours in it: light, or dark where the reader's system is.
  public static func svg(_ view: HistoryView) -> String { HistoryPicture.make(HistoryWords(view)).standalone() }
}

/// A view arranged for reading.
struct HistoryWords {
  let view: HistoryView
  let words: SeriesWords
  /// Those that can be drawn, oldest first.
  let points: [HistoryPoint]

  init(_ view: HistoryView) {
    self.view = view
    words = SeriesWords(view.series, unit: view.unit)
    points = view.points.filter { $0.value.isFinite }
  }

  /// "212 nights, 2026-03-01 to 2026-11-29".
  var span: String {
    guard let first = points.first, let last = points.last else { return "No night has a value of this series." }
    let count = NumberFormat.count(points.count, "night")
    let days = [NumberFormat.day(first.started), NumberFormat.day(last.started)]
    return days[0] == days[1] ? "\(count), \(days[0])" : "\(count), \(days[0]) to \(days[1])"
  }

  /// "1.281× [1.270, 1.292] in the newest night".
  var newest: String? {
    points.last.map { point in
      "\(words.cell(point.value, low: point.low, high: point.high).whole) in the newest night, \(InertText.name(point.night))"
    }
  }

  /// A change point, and at which place it lies; nil where its night is not among the points.
  struct Change {
    var place: Int?
    var letter: String
    var change: NightResult.ChangePoint
    /// "2026-11-20: 1.281× → 1.342×, worse, p < 0.001, 10 nights".
    var text: String
  }

  var changes: [Change] {
    let places = Dictionary(points.enumerated().map { ($1.night, $0) }, uniquingKeysWith: { first, _ in first })
    return view.changePoints.enumerated().map { index, change in
      Change(
        place: places[change.night], letter: XYChart.letter(index), change: change,
        text:
          "\(NumberFormat.day(change.started)): \(change.text(words)), \(NumberFormat.count(change.nights, "night"))")
    }
  }

  /// Places at which an epoch begins, but for the first point.
  var borders: [(place: Int, epoch: Int)] {
    points.indices.dropFirst().filter { points[$0].epoch != points[$0 - 1].epoch }.map { ($0, points[$0].epoch) }
  }

  /// What every epoch is, and in what it differs from the one before.
  var epochs: [(name: String, text: String)] {
    view.epochs.enumerated().map { index, epoch in
      let nights = NumberFormat.count(view.points.count { $0.epoch == epoch.number }, "night")
      let since = "since \(NumberFormat.day(epoch.started)), \(nights)"
      guard index > 0 else { return ("epoch \(epoch.number)", since) }
      let before = Dictionary(
        view.epochs[index - 1].fingerprint.map { ($0.subject, $0.value) }, uniquingKeysWith: { first, _ in first })
      let now = Set(epoch.fingerprint.map(\.subject))
      let changed =
        epoch.fingerprint.filter { before[$0.subject] != $0.value }.map { ($0.subject, before[$0.subject], $0.value) }
        + view.epochs[index - 1].fingerprint.filter { !now.contains($0.subject) }.map { ($0.subject, $0.value, "none") }
      let differences = changed.map { subject, old, new in
        "\(InertText.line(subject, limit: 120)) \(InertText.line(old ?? "none", limit: 200)) → "
          + InertText.line(new, limit: 200)
      }
      return ("epoch \(epoch.number)", ([since] + differences).joined(separator: "; "))
    }
  }

  /// Covers all that is drawn.
  var scale: Scale {
    Scale(covering: points.flatMap { [$0.value] + [$0.low, $0.high].compactMap(\.self) })
  }

  /// A tick's value, with as many digits as tell ticks apart.
  func tick(_ value: Double, of ticks: [Double]) -> String {
    if words.series.quantity == .overhead {
      return NumberFormat.decimal(value, places: max(2, scale.places(of: ticks))) + "×"
    }
    let unit = DisplayUnit(view.series.metric, reference: ticks.map(abs).max() ?? value)
    let step = ticks.count > 1 ? unit.scaled(ticks[1] - ticks[0]) : 0
    let places = step > 0 ? min(6, max(0, Int((-log10(step * 1.0001)).rounded(.up)))) : 2
    return unit.text(value, places: places)
  }
}

// MARK: - On a terminal

private struct HistoryTerminal {
  /// Rows of the plot.
  private static let height = 15
  /// A night takes no more columns than this, or few nights would lie far apart.
  private static let widestStep = 6

  private let history: HistoryWords
  private(set) var out: TerminalPage

  init(_ history: HistoryWords, width: Int, color: Bool) {
    self.history = history
    out = TerminalPage(width: width, color: color)
  }

  mutating func compose() {
    let words = history.words
    out.paragraph(words.title.withCapital, .bold)
    out.paragraph(words.code, .dim)
    out.paragraph("\(words.measure.withCapital), \(words.direction). \(history.span.withFullStop)")
    if let newest = history.newest { out.paragraph(newest.withCapital.withFullStop) }
    if !history.points.isEmpty {
      out.line()
      plot()
    }
    let changes = history.changes
    if !changes.isEmpty {
      out.heading("Where the level changed and stayed", NumberFormat.count(changes.count, "change point"))
      for change in changes {
        let mark = (change.change.isWorse ? "▲" : "▼") + change.letter
        out.hanging(mark, change.change.isWorse ? .open : .good, change.text, indent: 2, column: 3)
      }
    } else if !history.points.isEmpty {
      out.line()
      out.paragraph("No change point.", .dim)
    }
    if history.epochs.count > 1 {
      out.heading("Epochs", "of host, engines and suite")
      for epoch in history.epochs { out.hanging(epoch.name, .dim, epoch.text, indent: 2) }
    }
  }

  private enum Mark {
    case none, interval, border, value

    var style: TerminalPage.Style? { self == .value || self == .none ? nil : .dim }
    var text: String {
      switch self {
      case .none: " "
      case .interval: "·"
      case .border: "┊"
      case .value: "●"
      }
    }
  }

  private mutating func plot() {
    let points = history.points
    let scale = history.scale
    let ticks = scale.ticks(5)
    let labels = ticks.map { history.tick($0, of: ticks) }
    let gutter = (labels.map(\.terminalWidth).max() ?? 0) + 2
    let room = out.width - gutter
    let step = max(1, min(Self.widestStep, room / max(1, points.count)))
    let columns = min(room, points.count * step)
    func column(_ place: Int) -> Int {
      points.count * step <= room ? place * step + step / 2 : place * (room - 1) / max(1, points.count - 1)
    }
    func row(_ value: Double) -> Int {
      let share = (value - scale.low) / (scale.high - scale.low)
      guard share.isFinite else { return Self.height / 2 }
      return Int(((1 - min(1, max(0, share))) * Double(Self.height - 1)).rounded())
    }
    var grid = [[Mark]](repeating: [Mark](repeating: .none, count: columns), count: Self.height)
    // Values last, so that nothing hides one.
    for border in history.borders { for line in grid.indices { grid[line][column(border.place)] = .border } }
    for (place, point) in points.enumerated() {
      guard let low = point.low, let high = point.high, low.isFinite, high.isFinite, low <= high else { continue }
      for line in row(high)...row(low) { grid[line][column(place)] = .interval }
    }
    for (place, point) in points.enumerated() { grid[row(point.value)][column(place)] = .value }
    var named: [Int: String] = [:]
    for (tick, label) in zip(ticks, labels) where named[row(tick)] == nil { named[row(tick)] = label }
    for (index, line) in grid.enumerated() {
      let label = (named[index] ?? "").leftPadded(to: gutter - 2)
      out.line(
        out.styled(label + (named[index] == nil ? " │" : " ┤"), .dim) + cells(line))
    }
    out.line(out.styled(String(repeating: " ", count: gutter - 1) + "└" + String(repeating: "─", count: columns), .dim))
    below(gutter: gutter, columns: columns, column: column)
  }

  /// Neighbours of one style are coloured as one.
  private func cells(_ line: [Mark]) -> String {
    var text = ""
    var start = 0
    while start < line.count {
      var end = start
      while end < line.count && line[end].style == line[start].style { end += 1 }
      text += out.styled(line[start..<end].map(\.text).joined(), line[start].style)
      start = end
    }
    return text
  }

  /// The marks of change points, the numbers of epochs and the days, each where there is room for it.
  private mutating func below(gutter: Int, columns: Int, column: (Int) -> Int) {
    let points = history.points
    let margin = String(repeating: " ", count: gutter)
    let room = out.width - gutter
    let marks = history.changes.compactMap { change in
      change.place.map { (column($0), (change.change.isWorse ? "▲" : "▼") + change.letter) }
    }
    if !marks.isEmpty { out.line(margin + out.styled(Self.laid(marks, in: room), .open)) }
    if !history.borders.isEmpty {
      let first = points.first.map { [(0, "epoch \($0.epoch)")] } ?? []
      out.line(
        margin
          + out.styled(
            Self.laid(first + history.borders.map { (column($0.place), "┊epoch \($0.epoch)") }, in: room), .dim))
    }
    var days = [(column(0), 0)]
    if points.count > 1 { days = [(column(0), 0), (column(points.count / 2), points.count / 2)] }
    var texts = days.map { (at: $0.0, text: NumberFormat.day(points[$0.1].started)) }
    if points.count > 2, let last = points.last {
      let text = NumberFormat.day(last.started)
      texts.insert((at: max(0, min(column(points.count - 1), room - text.terminalWidth)), text: text), at: 1)
    }
    out.line(margin + out.styled(Self.laid(texts.map { ($0.at, $0.text) }, in: room), .dim))
    out.line()
    let hasIntervals = points.contains { $0.low != nil && $0.high != nil }
    let legend = [
      "● a night", hasIntervals ? "· its interval" : nil, history.borders.isEmpty ? nil : "┊ an epoch begins",
      marks.isEmpty ? nil : "▲ worse or ▼ better from here on",
      points.count > columns ? "several nights share a column" : nil,
    ].compactMap(\.self)
    out.paragraph(legend.joined(separator: ", "), .dim)
  }

  /// Texts at columns of a line; what would touch one that stands already is left out.
  private static func laid(_ texts: [(Int, String)], in width: Int) -> String {
    var line = [Character](repeating: " ", count: width)
    for (at, text) in texts {
      let characters = Array(text)
      let start = min(at, max(0, width - characters.count))
      let taken = max(0, start - 1)..<min(width, start + characters.count + 1)
      guard characters.count <= width, line[taken].allSatisfy({ $0 == " " }) else { continue }
      line.replaceSubrange(start..<(start + characters.count), with: characters)
    }
    while line.last == " " { line.removeLast() }
    return String(line)
  }
}

// MARK: - As a picture

private enum HistoryPicture {
  private static let left = 0.075
  private static let right = 0.985
  private static let top = 44.0
  private static let bottom = 340.0
  /// The height of a line of text.
  private static let line = 19.0
  /// No more change points than this are listed below the picture.
  private static let mostListed = 8

  static func make(_ history: HistoryWords) -> SVG {
    let points = history.points
    let scale = history.scale
    let words = history.words
    let changes = history.changes
    let listed = list(changes)
    var svg = SVG(
      id: "history", title: "\(words.title.withCapital), night by night: \(words.measure), \(words.direction)",
      summary: ([history.span, history.newest].compactMap(\.self)
        + changes.map { "change point \($0.letter), \($0.text)" }
        + history.epochs.map { "\($0.name) \($0.text)" }).joined(separator: "; "),
      height: bottom + 40 + Double(listed.count) * line)
    func x(_ place: Int) -> Double {
      points.count < 2
        ? (left + right) / 2 : left + 0.01 + (right - left - 0.02) * Double(place) / Double(points.count - 1)
    }
    func y(_ value: Double) -> Double {
      let share = (value - scale.low) / (scale.high - scale.low)
      return bottom - 8 - (bottom - top - 16) * (share.isFinite ? min(1, max(0, share)) : 0.5)
    }
    svg.text(words.title.withCapital.fitted(to: 90), 0, 14, class: "label")
    svg.text("\(words.measure), \(words.direction)", 1, 14, .end, class: "tick")
    guard !points.isEmpty else {
      svg.text(history.span, 0, top + 20, class: "value")
      return svg
    }
    let ticks = scale.ticks(6)
    for tick in ticks {
      svg.line(left, y(tick), right, y(tick), class: "grid")
      svg.text(history.tick(tick, of: ticks), left - 0.008, y(tick) + 4, .end, class: "tick")
    }
    borders(history, x, &svg)
    levels(changes, x, &svg)
    for (place, point) in points.enumerated() {
      guard let low = point.low, let high = point.high, high > low else { continue }
      svg.line(x(place), y(low), x(place), y(high), class: points.count > 150 ? "grid" : "whisker")
    }
    svg.dots(points.enumerated().map { (x: x($0), y: y($1.value)) }, areSingle: points.count <= 150, class: "dots")
    days(points, x, &svg)
    for (index, text) in listed.enumerated() {
      svg.text(text, 0, bottom + 40 + (Double(index) + 0.8) * line, class: "value")
    }
    return svg
  }

  /// What the letters stand for, below the picture.
  private static func list(_ changes: [HistoryWords.Change]) -> [String] {
    let shown = changes.filter { $0.place != nil }
    let rest = shown.count - mostListed
    return shown.prefix(mostListed).map { "\($0.letter)  \($0.text)" }
      + (rest > 0 ? ["and \(NumberFormat.count(rest, "more change point")), which the terminal lists"] : [])
  }

  private static func borders(_ history: HistoryWords, _ x: (Int) -> Double, _ svg: inout SVG) {
    var free = 0.0
    for border in history.borders {
      // Between the last night of the one and the first of the other.
      let at = (x(border.place - 1) + x(border.place)) / 2
      svg.line(at, top - 14, at, bottom, class: "step")
      let text = "epoch \(border.epoch)"
      guard at >= free, at < 0.93 else { continue }
      svg.label(text, detail: nil, isWideOnly: false, at, top - 6, .start)
      free = at + 0.09
    }
  }

  private static func levels(_ changes: [HistoryWords.Change], _ x: (Int) -> Double, _ svg: inout SVG) {
    var free = 0.0
    for change in changes {
      guard let place = change.place else { continue }
      svg.line(x(place), top, x(place), bottom, class: "reference")
      svg.mark(.triangle, x(place), bottom, class: "mark m-triangle")
      guard x(place) >= free else { continue }
      svg.text(change.letter, x(place), bottom + 18, .middle, class: "label")
      free = x(place) + 0.02
    }
  }

  private static func days(_ points: [HistoryPoint], _ x: (Int) -> Double, _ svg: inout SVG) {
    let shown = points.count < 6 ? Array(points.indices) : (0...5).map { $0 * (points.count - 1) / 5 }
    for place in shown {
      let at = x(place)
      svg.line(at, bottom, at, bottom + 5, class: "step")
      svg.text(
        NumberFormat.day(points[place].started), at, bottom + 34, at < 0.12 ? .start : at > 0.93 ? .end : .middle,
        class: "tick")
    }
    svg.line(left, bottom, right, bottom, class: "grid")
  }
}
