internal import Model
internal import PlainText

/// A comparison in GitHub's Markdown.
struct ComparisonMarkdown: MarkdownComposing {
  var text = ""

  static func render(_ page: ComparisonPage) -> String {
    var document = ComparisonMarkdown()
    document.compose(page)
    return document.text
  }

  private mutating func compose(_ page: ComparisonPage) {
    if let alarm = page.alarm {
      caution(alarm.heading, alarm.sentences)
    }
    heading(1, page.title)
    list(page.answer)
    list(page.warnings)
    heading(2, "What is compared")
    let runs = page.runs
    table(
      [""] + runs.map(\.letter), "lll",
      (runs.first?.facts ?? []).indices.map { index in
        [runs[0].facts[index].name] + runs.map { $0.facts[index].value }
      })
    for (title, rows) in page.differences {
      heading(3, "\(title): differences")
      table(["fact", "A", "B"], "lll", rows.map { [$0.subject, $0.a, $0.b] })
    }
    for section in page.sections {
      heading(2, section.workload)
      self.parts(section.headline, level: 3)
      if !section.changes.isEmpty || section.remark != nil {
        heading(3, "What changed beside it")
        list(section.changes + [section.remark].compactMap(\.self))
      }
      if !section.further.isEmpty {
        line("<details><summary>All other metrics</summary>")
        line()
        for table in section.further { parts(table, level: 4) }
        line("</details>")
        line()
      }
    }
    if !page.unmatched.isEmpty {
      heading(2, "Only in one run")
      list(page.unmatched)
    }
    if !page.notes.isEmpty {
      heading(2, "Notes")
      list(page.notes)
    }
    heading(2, "How it was compared")
    list(page.method)
    text.removeLast()
  }

  private mutating func parts(_ table: ComparisonTable, level: Int) {
    for part in [ComparisonTable.Part.level, .overhead] where part == .level || table.hasOverheads {
      let shown = table.text(part)
      heading(level, shown.title + (shown.aside.isEmpty ? "" : ", \(shown.aside)"))
      self.table([shown.first] + shown.columns, "lrrrrl", shown.rows.map { [$0.name] + $0.cells.map(\.whole) })
    }
  }
}
