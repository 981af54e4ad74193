internal import PlainText

/// What the template's names stand for in pictures and tables of text.
extension HTMLReport {
  static func figure(_ figure: Figure) -> [String: Any] {
    [
      "id": figure.id, "heading": figure.heading, "about": figure.caption, "isWide": figure.isWide,
      "keys": figure.keys.map { ["sign": $0.sign, "key": $0.text] }, "svg": figure.picture.text,
      "hasData": !figure.data.isEmpty, "data": figure.data.map { ["grid": grid($0)] },
    ]
  }

  static func grid(_ table: TextTable) -> [String: Any] {
    [
      "caption": table.title, "aside": table.aside, "first": table.first, "hasNotes": !table.notes.isEmpty,
      "notes": table.notes, "hasCells": !table.rows.isEmpty,
      "columns": table.columns.enumerated().map {
        ["column": $1, "isNumber": $0 != table.wordColumn] as [String: Any]
      },
      "bodies": table.groups.map { group in
        [
          "isTitled": group.title != nil, "group": group.title ?? "", "span": table.columns.count + 1,
          "rows": group.rows.map { row in
            [
              "name": row.name,
              "cells": zip(table.columns, row.cells).enumerated().map { place, pair in
                [
                  "column": pair.0, "text": pair.1.text, "detail": pair.1.detail, "hasDetail": !pair.1.detail.isEmpty,
                  "isNumber": place != table.wordColumn,
                ] as [String: Any]
              },
            ] as [String: Any]
          },
        ] as [String: Any]
      },
    ]
  }
}
