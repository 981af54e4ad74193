internal import Model
internal import PlainText

/// A comparison as one HTML file, in the reports' own style.
enum ComparisonHTML {
  static func render(_ page: ComparisonPage) throws -> String {
    try HTMLPage.render(context(page), template: "comparison")
  }

  private static func context(_ page: ComparisonPage) -> [String: Any] {
    let comparison = page.comparison
    let runs = page.runs
    var context: [String: Any] = [
      "css": HTMLPage.css, "title": page.title, "version": InertText.line(comparison.b.version, limit: 40),
      "a": InertText.name(comparison.a.id), "b": InertText.name(comparison.b.id), "answer": page.answer,
      "hasAnswer": !page.answer.isEmpty, "warnings": page.warnings, "hasWarnings": !page.warnings.isEmpty,
      "facts": (runs.first?.facts ?? []).indices.map { index in
        [
          "fact": runs[0].facts[index].name,
          "values": runs.map { ["letter": $0.letter, "value": $0.facts[index].value] },
        ]
          as [String: Any]
      },
      "differences": page.differences.map { title, rows in
        ["title": title, "rows": rows.map { ["subject": $0.subject, "a": $0.a, "b": $0.b] }] as [String: Any]
      },
      "hasDifferences": !page.differences.isEmpty,
      "sections": page.sections.enumerated().map { section($1, index: $0) },
      "unmatched": page.unmatched, "hasUnmatched": !page.unmatched.isEmpty, "notes": page.notes,
      "hasNotes": !page.notes.isEmpty, "method": page.method,
    ]
    if let alarm = page.alarm {
      context["alarm"] = ["heading": alarm.heading, "sentences": alarm.sentences] as [String: Any]
    }
    return context
  }

  private static func section(_ section: ComparisonPage.Section, index: Int) -> [String: Any] {
    [
      "index": index, "name": section.workload, "tables": tables(section.headline),
      "figures": [section.overheads, section.levels].compactMap(\.self).map { ["figure": HTMLReport.figure($0)] },
      "changes": section.changes + [section.remark].compactMap(\.self),
      "hasChanges": !section.changes.isEmpty || section.remark != nil,
      "further": section.further.isEmpty
        ? []
        : [
          [
            "count": NumberFormat.count(section.further.count, "more metric"),
            "tables": section.further.flatMap(tables),
          ] as [String: Any]
        ],
    ]
  }

  private static func tables(_ table: ComparisonTable) -> [[String: Any]] {
    [ComparisonTable.Part.level, .overhead].filter { $0 == .level || table.hasOverheads }
      .map { ["grid": HTMLReport.grid(table.text($0))] }
  }
}
