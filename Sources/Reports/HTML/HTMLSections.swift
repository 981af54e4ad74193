internal import Model
internal import PlainText

/// What the template's names stand for in the sections of workloads, of waterfalls and of all series.
extension HTMLReport {
  /// A workload of more waterfalls than this has them folded up, and so has a picture of trials of more rows.
  private static let mostRows = 8

  private static func row(_ row: MetricRow, ci: String) -> [String: Any] {
    let kind =
      switch row.outcome.kind {
      case .baseline: "base-row"
      case .unavailable: "none"
      default: row.outcome.kind.rawValue
      }
    return [
      "name": row.name, "median": row.median, "ratio": row.ratio.map { $0.estimate + "×" } ?? "",
      "ratioInterval": row.ratio?.interval ?? "", "difference": row.differenceParts?.estimate ?? "",
      "differenceInterval": row.differenceParts?.interval ?? "", "outcome": row.outcome.text, "kind": kind, "ci": ci,
    ]
  }

  private static func intervalName(_ page: Presentation) -> String { page.confidence.map { "\($0) CI" } ?? "interval" }

  /// - Parameter slopes: what stands at its head.
  static func section(
    _ section: ReportSection, index: Int, _ page: Presentation, slopes: [Figure]
  ) -> [String: Any] {
    var context =
      switch section {
      case .path(let name): workload(name, index: index, page)
      case .storage(let section): storage(section, index: index, page)
      }
    if !slopes.isEmpty { context["slopes"] = ["figures": slopes.map(figure)] as [String: Any] }
    return context
  }

  private static func storage(_ section: StorageSection, index: Int, _ page: Presentation) -> [String: Any] {
    var parts: [[String: Any]] = []
    var charts = 0
    func add(_ part: StorageSection.Part) {
      switch part {
      case .table(let table), .further(let table): parts.append(["grid": grid(table)])
      case .metric(let table): parts.append(["held": held(table, section, index: index, page)])
      case .chart(let chart):
        guard let figure = chart.figure(id: "lines-\(index)-\(charts + 1)") else { return }
        charts += 1
        parts.append(["figure": self.figure(figure)])
      case .folded(let title, let inner):
        parts.append(["opens": ["summary": title]])
        inner.forEach(add)
        parts.append(["closes": true])
      }
    }
    section.parts.forEach(add)
    let names = Set(section.workloads.map { InertText.name($0) })
    return [
      "index": index, "name": section.title, "summary": section.summary,
      "storage": [
        "standing": section.standing, "findings": section.findings, "hasFindings": !section.findings.isEmpty,
        "isBare": section.parts.isEmpty, "parts": parts,
        "controls": page.controls.filter { names.contains($0.workload) }.map { control($0, page) },
      ] as [String: Any],
    ]
  }

  /// The reason of a failed control stands at the top of the page, and behind the control's figure.
  private static func control(_ control: Presentation.ControlLine, _ page: Presentation) -> [String: Any] {
    [
      "shape": control.shape, "word": control.word, "workload": control.workload,
      "said": control.ratio.map { "\(page.baselineName) against its own second copy \($0)" }
        ?? control.reason.withFullStop,
      "hasFigure": control.ratio != nil,
    ]
  }

  /// A metric's table, its ratios as a picture, and its trials.
  private static func held(
    _ table: MetricTable, _ section: StorageSection, index: Int, _ page: Presentation
  ) -> [String: Any] {
    let ci = intervalName(page)
    let place = section.workloads.firstIndex(of: table.workload) ?? 0
    let id = "\(index)-\(place)"
    var context: [String: Any] = [
      "metric": (section.workloads.count > 1 ? "\(InertText.name(table.workload)): " : "") + table.title,
      "headed": table.title.withCapital, "unit": table.aside, "ci": ci,
      "rows": table.rows.filter { $0.series != nil || $0.hasNote }.map { row($0, ci: ci) },
    ]
    let figures = [
      page.ladderFigure(table, id: "ladder-\(id)", isLadder: false), page.trialsFigure(table, id: "trials-\(id)"),
    ].compactMap(\.self)
    if !figures.isEmpty { context["pictures"] = ["figures": figures.map(figure)] as [String: Any] }
    return context
  }

  private static func workload(_ workload: String, index: Int, _ page: Presentation) -> [String: Any] {
    let name = InertText.name(workload)
    let ladder = page.ladder(workload)
    let headline = ladder.table
    let ci = intervalName(page)
    let isEmpty = !headline.hasData && ladder.rungs.allSatisfy { $0.unavailable == nil }
    var context: [String: Any] = [
      "index": index, "name": name, "summary": page.workloadSummary(workload) ?? "", "isEmpty": isEmpty,
      "metric": headline.title.withCapital, "isBetterLarger": headline.metric.isBetterLarger,
      "ladders": isEmpty ? [] : [self.ladder(ladder, page)],
      "tables": page.furtherTables(workload).map { table in
        [
          "metric": table.title, "unit": table.aside, "ci": ci,
          "rows": table.rows.filter { $0.series != nil || $0.hasNote }.map { row($0, ci: ci) },
        ] as [String: Any]
      },
    ]
    let further = page.furtherLadders(workload)
    if !further.isEmpty {
      context["further"] =
        [
          "titles": further.map(\.table.title).joined(separator: ", "),
          "ladders": further.map { self.ladder($0, page) },
        ] as [String: Any]
    }
    if let beside = SideBySide(page, workload) {
      context["beside"] =
        [
          "title": beside.title, "columns": beside.columns.map(\.title),
          "rows": beside.rows.map { row in
            [
              "name": row.name,
              "cells": zip(beside.columns, row.cells).map {
                ["column": $0.title, "median": $1.median, "ratio": $1.ratio]
              },
            ] as [String: Any]
          },
        ] as [String: Any]
    }
    if let counts = CountsTable(page, workload) {
      context["counts"] =
        [
          "title": CountsTable.title, "operation": counts.operation, "hasRows": !counts.rows.isEmpty,
          "columns": counts.columns.map(\.title),
          "rows": counts.rows.map { row in
            [
              "name": row.name,
              "cells": zip(counts.columns, row.cells).map { ["column": $0.title, "count": $1] },
            ] as [String: Any]
          },
          "sentences": counts.sentences, "hasSentences": !counts.sentences.isEmpty,
          "missing": counts.missing.map { ["names": $0.names, "reason": $0.reason.withFullStop] },
        ] as [String: Any]
    }
    var figures = [page.ladderFigure(headline, id: "ladder-\(index)")].compactMap(\.self)
    let distributions = page.distributionFigures(workload)
    figures +=
      distributions.isEmpty
      ? [page.percentileFigure(workload, id: "percentiles-\(index)")].compactMap(\.self) : distributions
    if let trials = page.trialsFigure(headline, id: "trials-\(index)") {
      if trials.data.contains(where: { $0.rows.count > Self.mostRows }) {
        context["foldedTrials"] = ["figure": figure(trials)] as [String: Any]
      } else {
        figures.append(trials)
      }
    }
    if !figures.isEmpty { context["pictures"] = ["figures": figures.map(figure)] as [String: Any] }
    if var counts = page.countsFigure(workload) {
      // Its numbers stand beside it.
      counts.data = []
      context["countsFigure"] = ["figure": figure(counts)] as [String: Any]
    }
    if let line = page.controls.first(where: { $0.workload == name }) { context["ownControl"] = control(line, page) }
    return context
  }

  private static func ladder(_ ladder: LadderTable, _ page: Presentation) -> [String: Any] {
    [
      "metric": ladder.table.title, "unit": ladder.table.aside, "hasSteps": ladder.hasSteps,
      "closing": ladder.closing ?? "", "hasClosing": ladder.closing != nil,
      "rungs": ladder.rungs.map { rung in
        var context = row(rung.row, ci: "")
        context["layer"] = rung.layer
        context["hasLayer"] = !rung.layer.isEmpty
        context["isMissing"] = rung.unavailable != nil
        context["reason"] = rung.unavailable ?? ""
        context["hasRatio"] = rung.row.ratio != nil
        context["hasDifference"] = rung.row.differenceParts != nil
        context["hasStepRatio"] = rung.ratio != nil
        context["hasStepDifference"] = rung.difference != nil
        context["stepRatio"] = rung.ratio.map { $0.estimate + "×" } ?? ""
        context["stepRatioInterval"] = rung.ratio?.interval ?? ""
        context["stepDifference"] = rung.difference?.estimate ?? ""
        context["stepDifferenceInterval"] = rung.difference?.interval ?? ""
        return context
      },
    ]
  }

  static func waterfalls(_ group: WaterfallGroup, index: Int) -> [String: Any] {
    [
      "workload": group.workload, "unit": group.unit.symbol, "isLong": group.items.count > Self.mostRows,
      "items": group.items.enumerated().map { place, waterfall in
        var context: [String: Any] = [
          "environment": waterfall.environment, "brief": waterfall.brief,
          "hasHops": !waterfall.hops.isEmpty,
          "hops": waterfall.hops.map { hop in
            [
              "hop": hop.path, "kind": hop.kind.title,
              "levels": hop.quantiles.map {
                ["estimate": $0.level.estimate, "interval": $0.level.interval ?? ""]
              },
            ] as [String: Any]
          },
          "hopCount": NumberFormat.count(waterfall.hops.count, "hop"),
          "books": waterfall.books.map {
            ["isWarning": $0.isWarning, "shape": $0.shape, "label": $0.label, "text": $0.text.withFullStop]
              as [String: Any]
          },
          "hasTaps": !waterfall.taps.isEmpty,
          "taps": waterfall.taps.map { tap in
            [
              "tap": tap.place, "role": tap.role,
              "counts": zip(Waterfall.tapColumns, tap.counts).map { ["column": $0, "count": $1] },
            ] as [String: Any]
          },
        ]
        if let figure = waterfall.figure(id: "inside-\(index)-\(place)", in: group) {
          context["chart"] = ["figure": self.figure(figure)] as [String: Any]
        }
        return context
      },
    ]
  }

  static func group(_ workload: String, index: Int, _ page: Presentation) -> [String: Any]? {
    let metrics = page.metrics(of: workload)
    guard !metrics.isEmpty else { return nil }
    let ci = intervalName(page)
    let tables = metrics.map { page.table(workload, $0) }
    let present = tables.filter(\.hasData)
    let missing = page.missing(tables.filter { !$0.hasData }.map(\.metric), of: workload)
    return [
      "name": InertText.name(workload), "ci": ci, "index": index, "hasMetrics": !present.isEmpty,
      "count": NumberFormat.count(present.count, "metric"),
      "missing": missing.map {
        ["names": $0.titles.joined(separator: ", "), "reason": $0.reason.withFullStop]
      },
      "hasMissing": !missing.isEmpty,
      "metrics": present.map { table in
        [
          "metric": table.title, "metricID": table.metric.rawValue, "unit": table.aside,
          "rows": table.rows.filter { $0.series != nil || $0.hasNote }.map { line in
            var row = row(line, ci: ci)
            row["ratio"] = line.ratio?.whole ?? ""
            row["difference"] = line.differenceParts?.withoutUnit ?? ""
            row["n"] = line.series?.ratio.map { String($0.n) } ?? ""
            row["q"] = line.series?.qValue.map(NumberFormat.probability) ?? ""
            return row
          },
        ] as [String: Any]
      },
    ]
  }
}
