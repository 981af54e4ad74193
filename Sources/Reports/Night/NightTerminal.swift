internal import Model
internal import PlainText

/// A night on a terminal.
struct NightTerminal {
  /// Words beside a picture have so much room, its margin included, or stand below it.
  private static let narrowestWords = 30

  private let page: NightPage
  private var out: TerminalPage

  static func render(_ page: NightPage, width: Int, color: Bool) -> String {
    var terminal = NightTerminal(page: page, out: TerminalPage(width: width, color: color))
    terminal.compose()
    return terminal.out.text
  }

  private init(page: NightPage, out: TerminalPage) {
    self.page = page
    self.out = out
  }

  private mutating func compose() {
    let verdict = page.verdict
    out.hanging("\(verdict.shape) \(verdict.word.withCapital):", page.night.verdict.style, verdict.sentence)
    out.paragraph(page.subject, .dim)
    out.rule()
    if page.worse.count > 1 {
      for line in page.worse.prefix(NightPage.mostMovers) {
        out.entry("✗", .bad, line.title, line.number)
        out.paragraph(line.against, indent: 4, .dim)
      }
      out.line()
    }
    for step in page.steps {
      out.paragraph(step.sentence)
      if let command = step.command { out.paragraph(command, indent: 4, .bold) }
    }
    validity()
    confirmations()
    movers()
    changePoints()
    if !page.night.series.isEmpty {
      out.heading("Every series", "\(page.night.series.count)")
      out.paragraph("\(page.states). Each is in the HTML, the Markdown and the JSON report.", indent: 2)
    }
    runs()
    out.heading("How it was done")
    let names = page.facts.map(\.name.terminalWidth).max() ?? 0
    for fact in page.facts {
      out.hanging(fact.name, .dim, fact.value, indent: 2, column: min(names, max(14, out.width / 4)))
    }
  }

  private mutating func validity() {
    out.heading("Can it be believed?")
    for tile in page.tiles {
      out.hanging(tile.shape, tile.style, "\(tile.fact): \(tile.value); \(tile.text)".withFullStop, indent: 2)
    }
    for objection in page.objections { out.hanging("!", .open, objection, indent: 2) }
    for note in page.notes { out.hanging("·", .dim, note, indent: 2) }
  }

  private mutating func confirmations() {
    guard let table = page.confirmations else { return }
    out.heading(table.title, table.aside)
    for (row, confirmation) in zip(table.rows, page.night.confirmations) {
      out.entry(confirmation.shape, confirmation.isWorse ? .bad : .good, row.name, row.cells[0].whole)
      out.paragraph(
        "\(NumberFormat.count(confirmation.blocks, "block"))"
          + (confirmation.adjustedP.map { ", \(NumberFormat.named("p", $0)) after Holm" } ?? "")
          + "; " + InertText.line(confirmation.reason, limit: 300), indent: 4, .dim)
    }
  }

  private mutating func movers() {
    guard !page.movers.isEmpty else { return }
    out.heading("Series that did something", "the last nights, tonight at the right")
    for mover in page.movers {
      out.entry(mover.state.shape, mover.state.style, "\(mover.words.title): \(mover.state.word)", mover.value.whole)
      let picture = TextSparkline.text(mover.recent + [mover.point.estimate])
      let hasRoom = out.width - picture.terminalWidth >= Self.narrowestWords
      if mover.recent.isEmpty || !hasRoom {
        if !mover.recent.isEmpty { out.paragraph(picture, indent: 4) }
        if !mover.sentence.isEmpty { out.paragraph(mover.sentence, indent: 4, .dim) }
      } else {
        out.hanging(picture, nil, mover.sentence, indent: 4, textStyle: .dim)
      }
      if !mover.reason.isEmpty { out.paragraph(mover.reason, indent: 4, .dim) }
    }
    if page.furtherMovers > 0 {
      out.paragraph("And \(page.furtherMovers) more, in the reports.", indent: 2)
    }
  }

  private mutating func changePoints() {
    guard let table = page.changePoints else { return }
    out.heading(table.title, table.aside)
    for (row, change) in zip(table.rows, page.night.changePoints) {
      out.entry(change.isWorse ? "▲" : "▼", change.isWorse ? .open : .good, row.name, row.cells[2].whole)
      out.paragraph(
        "since \(row.cells[0].text), \(NumberFormat.count(change.nights, "night")), \(NumberFormat.named("p", change.pValue))"
          + ", \(change.isWorse ? "worse" : "better")", indent: 4, .dim)
    }
  }

  private mutating func runs() {
    guard let table = page.runs else { return }
    out.heading(table.title, table.aside)
    for row in table.rows {
      out.entry("·", .dim, row.name, row.cells[4].text)
      out.paragraph(
        "\(row.cells[0].text) valid blocks, \(row.cells[1].text) voided, \(row.cells[2].text), \(row.cells[3].text)",
        indent: 4, .dim)
    }
  }
}

extension NightVerdict {
  fileprivate var style: TerminalPage.Style {
    switch self {
    case .clean: .good
    case .regression: .bad
    case .inconclusive: .open
    case .incomplete, .blind: .alarm
    }
  }
}

extension NightResult.Series.State {
  fileprivate var style: TerminalPage.Style {
    switch self {
    case .worse, .changed: .bad
    case .open, .moved: .open
    case .cleared, .better: .good
    case .collecting, .steady, .shifted, .shown: .dim
    }
  }
}

extension NightPage.Tile {
  fileprivate var style: TerminalPage.Style {
    switch shape {
    case "✓": .good
    case "✗": .bad
    case "!": .alarm
    case "–", "…": .dim
    default: .open
    }
  }
}
