internal import Foundation
public import Model
internal import PlainText

/// What a person sees of `bench hops FILE…`.
public enum HopsTable {
  /// The result file `bench.hops/1`: UTF-8, keys sorted, indented, ending in a newline.
  /// - Throws: ``UserError`` for a number that JSON cannot hold.
  public static func json(_ result: FileHopsResult) throws -> String {
    String(decoding: try ReportJSON.encode(result, as: "the hops"), as: UTF8.self)
  }

  /// Renders `result`, ending in a newline.
  /// - Parameters:
  ///   - width: of the terminal, in columns; taken to be between 40 and 160.
  ///   - color: whether to add ANSI weight. Nothing is said by it alone.
  public static func render(_ result: FileHopsResult, width: Int, color: Bool) -> String {
    var page = HopsPage(result, width: min(160, max(40, width)), color: color)
    page.compose()
    return page.lines.map { line in
      var line = line
      while line.last == " " { line.removeLast() }
      return line
    }.joined(separator: "\n") + "\n"
  }
}

private struct HopsPage {
  private enum Style: String {
    case bold = "1"
    case dim = "2"
    case open = "33"
  }

  private let result: FileHopsResult
  private let names: [String]
  private let width: Int
  private let color: Bool
  private(set) var lines: [String] = []

  init(_ result: FileHopsResult, width: Int, color: Bool) {
    self.result = result
    names = result.taps.map { InertText.name($0.name) }
    self.width = width
    self.color = color
  }

  private func styled(_ text: String, _ style: Style) -> String {
    color && !text.isEmpty ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }

  mutating func compose() {
    taps()
    for traffic in result.traffic { self.traffic(traffic) }
    if result.traffic.isEmpty { paragraph("No UDP or TCP packet was found.") }
    if !result.notices.isEmpty {
      heading("Notices", "")
      for notice in result.notices { hanging("!", notice, style: .open) }
    }
  }

  // MARK: Pieces

  private mutating func heading(_ text: String, _ aside: String) {
    if !lines.isEmpty { lines.append("") }
    let room = width - text.terminalWidth - 2
    lines.append(
      styled(text.fitted(to: width), .bold)
        + (aside.isEmpty || room < 12 ? "" : "  " + styled(aside.fitted(to: room), .dim)))
  }

  private mutating func paragraph(_ text: String) {
    for line in InertText.line(text).wrapped(to: width - 2) { lines.append("  " + line) }
  }

  private mutating func hanging(_ label: String, _ text: String, style: Style) {
    let column = 3 + label.terminalWidth
    for (index, line) in InertText.line(text).wrapped(to: max(12, width - column)).enumerated() {
      lines.append(
        "  " + (index == 0 ? styled(label, style) : String(repeating: " ", count: label.terminalWidth)) + " " + line)
    }
  }

  private func whole(_ number: Int) -> String { NumberFormat.decimal(Double(number), places: 0) }

  // MARK: Taps

  private mutating func taps() {
    let packets = result.files.reduce(0) { $0 + $1.packets }
    heading(
      "Taps", NumberFormat.count(result.files.count, "file") + ", " + whole(packets) + NumberFormat.gap + "packets")
    let heads = ["packets", "used", "duplicates", "not looked at"]
    let rows = result.taps.map { tap in
      [tap.packets, tap.used, tap.duplicates, tap.undecodable.values.reduce(0, +)].map(whole)
    }
    let widths = heads.indices.map { column in
      max(heads[column].terminalWidth, rows.map { $0[column].terminalWidth }.max() ?? 0)
    }
    let room = width - 2 - widths.reduce(0) { $0 + $1 + 2 }
    let nameWidth = min(room, max(names.map(\.terminalWidth).max() ?? 0, 8))
    if room < 8 {
      for (row, name) in zip(rows, names) {
        hanging("·", "\(name): " + zip(row, heads).map { "\($0) \($1)" }.joined(separator: ", "), style: .dim)
      }
    } else if !rows.isEmpty {
      lines.append(
        styled(
          "  " + "".padded(to: nameWidth) + zip(heads, widths).map { "  " + $0.leftPadded(to: $1) }.joined(), .dim))
      for (row, name) in zip(rows, names) {
        lines.append(
          "  " + name.fitted(to: nameWidth).padded(to: nameWidth)
            + zip(row, widths).map { "  " + $0.leftPadded(to: $1) }.joined())
      }
    }
    for (tap, name) in zip(result.taps, names) where !tap.undecodable.isEmpty {
      hanging("·", "\(name): \(reasons(tap.undecodable))", style: .dim)
    }
  }

  /// The most frequent first; of equally frequent ones by name.
  private func reasons(_ reasons: [String: Int]) -> String {
    reasons.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.key) \(whole($0.value))" }
      .joined(separator: "; ")
  }

  // MARK: Hops

  /// A line of a waterfall.
  private struct Row {
    var label: String
    var durations: FileHopsResult.Durations
    /// Where its bar begins, in ns.
    var offset: Double
  }

  private mutating func traffic(_ traffic: FileHopsResult.Traffic) {
    switch traffic.kind {
    case .messages:
      heading("Messages of bench", "requests and replies by their numbers; µs")
      var rows = self.rows(traffic.forward, from: 0)
      if let innermost = traffic.roundTrips.last {
        rows.append(
          Row(label: "beyond \(names[innermost.tap])", durations: innermost.durations, offset: end(rows)))
      }
      rows += self.rows(traffic.backward, from: end(rows))
      let total = traffic.roundTrips.count > 1 ? traffic.roundTrips.first : nil
      waterfall(rows, total: total.map { ("round trip at \(names[$0.tap])", $0.durations) })
      share("requests", traffic.forward)
      share("replies", traffic.backward)
    case .packets:
      for (title, direction) in [("client → server", traffic.forward), ("server → client", traffic.backward)]
      where direction.packets > 0 {
        heading("Packets, \(title)", "the client is who sent first; µs")
        waterfall(rows(direction, from: 0), total: nil)
        share("packets", direction)
      }
    }
  }

  private func rows(_ direction: FileHopsResult.Direction, from start: Double) -> [Row] {
    var offset = start
    return direction.hops.map { hop in
      defer { offset += Double(max(0, hop.durations.p50)) }
      return Row(label: "\(names[hop.from]) → \(names[hop.to])", durations: hop.durations, offset: offset)
    }
  }

  private func end(_ rows: [Row]) -> Double {
    rows.last.map { $0.offset + Double(max(0, $0.durations.p50)) } ?? 0
  }

  /// One line a row: quantiles below one another, then the median as a bar where it lies in the sum of all.
  private mutating func waterfall(_ rows: [Row], total: (label: String, durations: FileHopsResult.Durations)?) {
    if rows.isEmpty && total == nil { return }
    let all = rows + (total.map { [Row(label: $0.label, durations: $0.durations, offset: 0)] } ?? [])
    // Of what does not fit, the extremes go first, then the bars, then the higher quantiles.
    let candidates: [[Column]] = [
      [.p50, .p90, .p99, .min, .max, .count], [.p50, .p90, .p99, .count], [.p50, .p90, .p99], [.p50, .p99], [.p50],
    ]
    let labelWidth = all.map(\.label.terminalWidth).max() ?? 0
    func widths(_ columns: [Column]) -> [Int] {
      columns.map { column in
        max(column.title.terminalWidth, all.map { column.text($0.durations).terminalWidth }.max() ?? 0)
      }
    }
    func used(_ columns: [Column]) -> Int { 2 + min(labelWidth, 44) + widths(columns).reduce(0) { $0 + $1 + 2 } }
    let leastBar = 12
    let columns =
      candidates.first { used($0) + 2 + leastBar <= width } ?? candidates.first { used($0) <= width } ?? [.p50]
    let columnWidths = widths(columns)
    let numbers = columnWidths.reduce(0) { $0 + $1 + 2 }
    let nameWidth = min(labelWidth, max(8, width - 2 - numbers))
    let room = width - 2 - nameWidth - numbers - 2
    let barWidth = room < leastBar ? 0 : min(48, room)
    lines.append(
      styled(
        "  " + "".padded(to: nameWidth)
          + zip(columns, columnWidths).map { "  " + $0.title.leftPadded(to: $1) }.joined(), .dim))
    let sum = end(rows)
    for (index, row) in all.enumerated() {
      let isTotal = index == rows.count
      let bar = isTotal || barWidth == 0 ? "" : "  " + Self.bar(row, sum: sum, width: barWidth)
      let text =
        row.label.fitted(to: nameWidth).padded(to: nameWidth)
        + zip(columns, columnWidths).map { "  " + $0.text(row.durations).leftPadded(to: $1) }.joined()
      lines.append("  " + (isTotal ? styled(text, .dim) : text) + bar)
    }
  }

  private enum Column {
    case p50, p90, p99, min, max, count

    var title: String {
      switch self {
      case .p50: "p50"
      case .p90: "p90"
      case .p99: "p99"
      case .min: "min"
      case .max: "max"
      case .count: "n"
      }
    }

    func text(_ durations: FileHopsResult.Durations) -> String {
      switch self {
      case .p50: Self.microseconds(durations.p50)
      case .p90: Self.microseconds(durations.p90)
      case .p99: Self.microseconds(durations.p99)
      case .min: Self.microseconds(durations.min)
      case .max: Self.microseconds(durations.max)
      case .count: NumberFormat.decimal(Double(durations.count), places: 0)
      }
    }

    /// Exact: three places are nanoseconds.
    private static func microseconds(_ nanoseconds: Int64?) -> String {
      nanoseconds.map { NumberFormat.decimal(Double($0) / 1000, places: 3) } ?? NumberFormat.none
    }
  }

  /// In eighths of a column at its right end; what is not 0 is seen.
  private static func bar(_ row: Row, sum: Double, width: Int) -> String {
    let length = Double(row.durations.p50)
    guard length > 0, sum > 0 else { return "" }
    let from = min(width - 1, Int(row.offset / sum * Double(width)))
    let eighths = max(1, Int(((row.offset + length) / sum * Double(width) - Double(from)) * 8 + 0.5))
    let cut = min(eighths, (width - from) * 8)
    let partial = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][cut % 8]
    return String(repeating: " ", count: from) + String(repeating: "█", count: cut / 8) + partial
  }

  private mutating func share(_ noun: String, _ direction: FileHopsResult.Direction) {
    guard direction.packets > 0 else { return }
    let share = Double(direction.paired) / Double(direction.packets)
    // A share that is not whole must not be rounded to be.
    let percent = direction.paired < direction.packets && share > 0.999 ? min(share, 0.999949) : share
    var text =
      "\(whole(direction.packets)) \(noun), "
      + NumberFormat.decimal(percent * 100, places: percent == 1 ? 0 : 2) + NumberFormat.gap
      + "% seen at two taps or more"
    if !direction.unpaired.isEmpty { text += "; the others: \(reasons(direction.unpaired))" }
    hanging("·", text, style: .dim)
  }
}
