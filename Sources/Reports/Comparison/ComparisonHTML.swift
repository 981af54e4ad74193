internal import Model
internal import Mustache
internal import PlainText

/// A comparison as one HTML file, in the reports' own style.
enum ComparisonHTML {
  static func render(_ page: ComparisonPage) throws -> String { try template.get().render(context(page)) }

  /// The page, compiled once. Its first line makes ``MarkupContentType`` escape it.
  private static let template: Result<MustacheTemplate, any Error> = Result {
    MustacheContentTypes.register(MarkupContentType(), named: MarkupContentType.name)
    return try MustacheTemplate(string: String(decoding: PackageResources.comparison_mustache, as: UTF8.self))
  }

  private static let css = String(decoding: PackageResources.report_css, as: UTF8.self)

  private static func context(_ page: ComparisonPage) -> [String: Any] {
    let comparison = page.comparison
    let runs = page.runs
    var context: [String: Any] = [
      "css": css, "title": page.title, "version": InertText.line(comparison.b.version, limit: 40),
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
      "figures": [section.overheads, section.levels].compactMap(\.self).map {
        ["id": $0.id, "heading": $0.heading, "caption": $0.caption, "svg": $0.picture.text]
      },
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
    [ComparisonTable.Part.level, .overhead].filter { $0 == .level || table.hasOverheads }.map { part in
      let text = table.text(part)
      return [
        "caption": text.title, "aside": text.aside, "first": text.first,
        "columns": text.columns.enumerated().map {
          ["column": $1, "isNumber": $0 != text.wordColumn] as [String: Any]
        },
        "rows": text.rows.map { row in
          [
            "name": row.name,
            "cells": zip(text.columns, row.cells).enumerated().map { place, pair in
              [
                "column": pair.0, "text": pair.1.text, "detail": pair.1.detail, "hasDetail": !pair.1.detail.isEmpty,
                "isNumber": place != text.wordColumn,
              ] as [String: Any]
            },
          ] as [String: Any]
        },
      ]
    }
  }
}
