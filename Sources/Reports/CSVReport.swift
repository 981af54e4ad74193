public import Model
internal import PlainText

/// Every series of a run as a table that other programs read: RFC 4180, UTF-8, one header, one row a series, then one a
/// control.
///
/// Numbers are written with as many digits as it takes to read the same value back, with "." and never grouped; times
/// and rates are in the column `unit`. An empty cell is a value that is absent, never a 0. Text is on one line, and an
/// apostrophe stands before what a spreadsheet would take for a formula.
public enum CSVReport {
  /// Renders `result`; each row ends in CR LF.
  public static func render(_ result: RunResult) -> String {
    let head = Head(result)
    var text = ""
    text.reserveCapacity((result.series.count + result.control.count + 1) * 320)
    append(columns.map(Cell.text), to: &text)
    for series in result.series { append(head.cells(series), to: &text) }
    for control in result.control { append(head.cells(control), to: &text) }
    return text
  }

  /// The header, in the order of the cells.
  static let columns = [
    "run_id", "scenario", "profile", "started", "host", "role", "environment", "workload", "metric", "unit", "n_trials",
    "median", "exact", "ratio", "ratio_low", "ratio_high", "ratio_confidence", "ratio_method", "ratio_n", "ratio_mde",
    "difference", "difference_low", "difference_high", "difference_confidence", "direction", "q_value",
    "reference_environment", "reference_ratio", "reference_ratio_low", "reference_ratio_high", "reference_difference",
    "reference_difference_low", "reference_difference_high", "control_passed", "note", "validity",
  ]

  private enum Cell {
    case text(String)
    case number(Double?)

    static func count(_ value: Int?) -> Cell { .number(value.map(Double.init)) }
  }

  /// What all rows of a run share.
  private struct Head {
    let run: [Cell]
    let baseline: String
    let validity: Validity

    init(_ result: RunResult) {
      run = [
        .text(result.run.id), .text(result.run.scenario), .text(result.run.profile.rawValue),
        .text(ReportJSON.timestamp(result.run.started)), .text(result.run.host.hostname),
      ]
      baseline = result.run.baseline
      validity = Validity(result)
    }

    func cells(_ series: SeriesResult) -> [Cell] {
      let reference = series.reference
      return run + [
        .text("series"), .text(series.environment), .text(series.workload), .text(series.metric.rawValue),
        .text(series.unit.rawValue), .count(series.trials.count), .number(series.median), .number(series.exact),
      ] + comparison(series.ratio, series.difference) + [
        .text(series.direction?.rawValue ?? ""), .number(series.qValue), .text(reference?.environment ?? ""),
        .number(reference?.ratio?.estimate), .number(reference?.ratio?.low), .number(reference?.ratio?.high),
        .number(reference?.difference?.estimate), .number(reference?.difference?.low),
        .number(reference?.difference?.high), .text(""), .text(series.note ?? reference?.note ?? ""),
        .text(standing(of: series.workload)),
      ]
    }

    func cells(_ control: ControlResult) -> [Cell] {
      run + [
        .text("control"), .text(baseline), .text(control.workload), .text(control.metric.rawValue),
        .text(control.metric.unit.rawValue), .count(control.trials.count), .number(control.median), .number(nil),
      ] + comparison(control.ratio, control.difference) + Array(repeating: .text(""), count: 9) + [
        .text(String(control.isPassed)), .text(control.reason), .text(standing(of: control.workload)),
      ]
    }

    private func comparison(_ ratio: IntervalEstimate?, _ difference: IntervalEstimate?) -> [Cell] {
      [
        .number(ratio?.estimate), .number(ratio?.low), .number(ratio?.high), .number(ratio?.confidence),
        .text(ratio?.method ?? ""), .count(ratio?.n), .number(ratio?.minimumDetectableEffect),
        .number(difference?.estimate), .number(difference?.low), .number(difference?.high),
        .number(difference?.confidence),
      ]
    }

    /// "valid", or why the run bears no verdict on this workload.
    private func standing(of workload: String) -> String { validity.objection(to: workload) ?? "valid" }
  }

  private static func append(_ cells: [Cell], to text: inout String) {
    for (index, cell) in cells.enumerated() {
      if index > 0 { text += "," }
      switch cell {
      case .number(let value): text += value.map(digits) ?? ""
      case .text(let value): text += quoted(withoutFormulas(InertText.line(value)))
      }
    }
    text += "\r\n"
  }

  /// The shortest decimal that reads back as `value`; empty for what is no number.
  static func digits(_ value: Double) -> String {
    guard value.isFinite else { return "" }
    let text = value.description
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  private static let formulaSigns: Set<Unicode.Scalar> = ["=", "+", "-", "@", "＝", "＋", "－", "＠"]

  /// `text` with an apostrophe at its head if a spreadsheet would read a formula there, spaces and quotes aside; and
  /// with one before a formula's sign behind a semicolon, where spreadsheets of many countries begin another cell.
  static func withoutFormulas(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    var isFirst = true
    var isAtStart = true
    for scalar in text.unicodeScalars {
      if isAtStart && formulaSigns.contains(scalar) {
        // Only the first character of a cell makes it text.
        result.insert("'", at: isFirst ? result.startIndex : result.endIndex)
      }
      result.append(scalar)
      let isSkipped = scalar.properties.isWhitespace || scalar == "\"" || scalar == "'" || scalar == "\u{FFFD}"
      if scalar == ";" { isFirst = false }
      isAtStart = scalar == ";" || isAtStart && isSkipped
    }
    return String(result)
  }

  /// As a field. By scalars: to Swift a quotation mark and a combining mark behind it are one character that is no
  /// quotation mark.
  private static func quoted(_ text: String) -> String {
    let needsQuotes: Set<Unicode.Scalar> = [",", "\"", ";", "\r", "\n"]
    guard text.unicodeScalars.contains(where: needsQuotes.contains) else { return text }
    var result = String.UnicodeScalarView("\"".unicodeScalars)
    for scalar in text.unicodeScalars {
      if scalar == "\"" { result.append(scalar) }
      result.append(scalar)
    }
    result.append("\"")
    return String(result)
  }
}
