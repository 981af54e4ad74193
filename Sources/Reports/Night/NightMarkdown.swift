internal import Model
internal import PlainText

/// A night in GitHub's Markdown.
struct NightMarkdown: MarkdownComposing {
  var text = ""

  static func render(_ page: NightPage) -> String {
    var document = NightMarkdown()
    document.compose(page)
    return document.text
  }

  private mutating func compose(_ page: NightPage) {
    let verdict = page.verdict
    heading(1, page.title)
    line("> [!\(page.night.verdict.alert)]")
    line("> **\(escaped("\(verdict.shape) \(verdict.word.withCapital)")).** " + escaped(verdict.sentence))
    line()
    line(escaped(page.subject))
    line()
    if page.worse.count > 1 {
      for worse in page.worse.prefix(NightPage.mostMovers) {
        line("- **\(escaped(worse.title))**: " + escaped("\(worse.number), \(worse.against)"))
      }
      line()
    }
    heading(2, "What to do")
    for step in page.steps {
      line("- " + escaped(step.sentence) + (step.command.map { " " + code($0, inTable: false) } ?? ""))
    }
    line()
    heading(2, "Can it be believed?")
    table(
      ["", "", ""], "lll",
      page.tiles.map { [$0.fact, "\($0.shape) \($0.value)", $0.text] })
    list(page.objections)
    list(page.notes)
    if let table = page.confirmations { section(table) }
    movers(page)
    if let table = page.changePoints { section(table) }
    if !page.night.series.isEmpty {
      heading(2, "Every series")
      line(escaped(page.states.withFullStop))
      line()
      let table = page.everySeries
      line("<details><summary>All \(page.night.series.count) series</summary>")
      line()
      for group in table.groups {
        if let title = group.title { heading(3, title) }
        self.table([table.first] + table.columns, "lrrrrrl", group.rows.map { [$0.name] + $0.cells.map(\.whole) })
      }
      line("</details>")
      line()
    }
    if let table = page.runs { section(table) }
    heading(2, "How it was done")
    self.table(
      markdown: ["fact", "value"], "ll",
      page.facts.map { [escaped($0.name), $0.isCode ? code($0.value) : escaped($0.value)] })
    list(page.method)
    text.removeLast()
  }

  private mutating func movers(_ page: NightPage) {
    if page.movers.isEmpty { return }
    heading(2, "Series that did something")
    table(
      ["series", "state", "tonight", "the last nights", "how far"], "llrll",
      page.movers.map { mover in
        [
          mover.words.title, "\(mover.state.shape) \(mover.state.word)", mover.value.whole,
          TextSparkline.text(mover.recent + [mover.point.estimate]),
          [mover.sentence, mover.reason].filter { !$0.isEmpty }.joined(separator: "; "),
        ]
      })
    if page.furtherMovers > 0 {
      line("And \(page.furtherMovers) more, below.")
      line()
    }
  }

  private mutating func section(_ table: TextTable) {
    heading(2, table.title)
    line(escaped(table.aside.withCapital.withFullStop))
    line()
    let alignment = "l" + table.columns.indices.map { $0 == table.wordColumn ? "l" : "r" }.joined()
    self.table([table.first] + table.columns, alignment, table.rows.map { [$0.name] + $0.cells.map(\.whole) })
  }
}

extension NightVerdict {
  /// GitHub's kind of box.
  fileprivate var alert: String {
    switch self {
    case .clean: "TIP"
    case .regression, .incomplete, .blind: "CAUTION"
    case .inconclusive: "WARNING"
    }
  }
}
