public import Model
internal import Mustache
internal import PlainText

/// A report as one HTML file that needs nothing but a browser: no network, no script, no font of its own.
public enum HTMLReport {
  /// Renders `result` as a whole document.
  public static func render(_ result: RunResult) throws -> String {
    try template.get().render(context(Presentation(result)))
  }

  /// The page, compiled once. Its first line makes ``MarkupContentType`` escape it.
  private static let template: Result<MustacheTemplate, any Error> = Result {
    MustacheContentTypes.register(MarkupContentType(), named: MarkupContentType.name)
    return try MustacheTemplate(string: String(decoding: PackageResources.report_mustache, as: UTF8.self))
  }

  private static let css = String(decoding: PackageResources.report_css, as: UTF8.self)

  /// A page of more series than this does not print them.
  private static let mostSeries = 250
  /// A picture of more rows than this, and a workload of more waterfalls, is folded up.
  private static let mostRows = 8

  // MARK: What the template's names stand for

  private static func context(_ page: Presentation) -> [String: Any] {
    let run = page.result.run
    var context: [String: Any] = [
      "css": css, "title": page.title, "scenario": InertText.name(run.scenario), "profile": run.profile.rawValue,
      "date": NumberFormat.date(run.started), "host": InertText.name(run.host.hostname), "kernel": page.kernel,
      "processor": page.processor, "id": InertText.name(run.id), "version": InertText.line(run.version, limit: 40),
      "worker": InertText.line(run.workerSHA256, limit: 80), "baseline": page.baselineName,
      "noise": page.noiseClass, "noiseReadings": page.noiseReadings, "blocks": page.blocks,
      "stop": InertText.line(run.stopReason ?? "", limit: 200), "confidence": page.confidence ?? "none",
      "methods": page.methods ?? "nothing to estimate from", "description": InertText.line(run.description),
      "family": page.family ?? "", "hasFamily": page.family != nil,
      "missing": page.unavailableEnvironments.map { ["name": $0.name, "why": $0.why.withFullStop] },
      "hasMissing": !page.unavailableEnvironments.isEmpty,
    ]
    if !page.validity.isValid {
      context["alarm"] =
        ["heading": page.validity.heading(workloads: page.workloads), "sentences": page.validity.sentences]
        as [String: Any]
    }
    let answer = page.answer
    context["answer"] = answer
    context["hasAnswer"] = !answer.isEmpty
    context["hasBurdens"] = !page.burdens.isEmpty
    context["burdens"] = page.burdens.joined(separator: "; ").withFullStop
    let controls = page.controls
    let failed = controls.filter { !$0.isPassed }
    let hasNone = controls.allSatisfy { $0.ratio == nil }
    context["controlShape"] = hasNone ? "–" : failed.isEmpty ? "✓" : "✗"
    context["controlWord"] =
      hasNone
      ? "none"
      : failed.isEmpty
        ? "passed" : failed.count == controls.count ? "failed" : "failed for \(failed.count) of \(controls.count)"
    context["controlText"] =
      controls.isEmpty
      ? "no second copy of the baseline was run"
      : controls.prefix(4).map { "\($0.workload) \($0.ratio ?? "no interval")" }.joined(separator: ", ")
    context["claims"] = page.claims.map(claim)
    context["hasClaims"] = !page.result.claims.isEmpty
    context["sections"] = page.sections.enumerated().map { section($1, index: $0, page) }
    if let introduction = page.insideIntroduction {
      context["inside"] =
        [
          "heading": Presentation.insideTitle, "introduction": introduction, "tapColumns": Waterfall.tapColumns,
          "falls": page.waterfalls.enumerated().map { waterfalls($1, index: $0) },
        ] as [String: Any]
    }
    context["groups"] = page.workloads.enumerated().compactMap { group($1, index: $0, page) }
    context["isLong"] = page.result.series.count > Self.mostSeries
    context["warnings"] = page.warnings
    context["hasWarnings"] = !page.warnings.isEmpty
    if let voided = page.voided {
      context["voided"] = ["summary": voided.summary, "blocks": voided.blocks + voided.withVoided] as [String: Any]
    }
    context["unavailable"] = page.unavailable.map { ["what": $0.what, "why": $0.why] }
    context["hasUnavailable"] = !page.unavailable.isEmpty
    context["facts"] = page.method.map { ["fact": $0.name, "value": $0.value, "isCode": $0.isCode] as [String: Any] }
    context["environments"] = page.result.environments.map {
      [
        "name": InertText.name($0.name), "what": InertText.line($0.summary),
        "layer": $0.layer.isEmpty ? "nothing: the baseline" : InertText.line($0.layer),
        "made": page.details($0) ?? "", "isDetailed": page.details($0) != nil,
      ] as [String: Any]
    }
    context["definitions"] = page.definitions.map { ["metric": $0.title, "metricID": $0.id, "definition": $0.text] }
    context["terms"] = page.terms.map { ["term": $0.title, "definition": $0.text] }
    return context
  }

  private static func claim(_ claim: Presentation.ClaimLine) -> [String: Any] {
    [
      "verdict": claim.verdict.rawValue, "shape": claim.verdict.shape, "claim": claim.id, "section": claim.section,
      "statement": claim.statement, "reason": claim.reason, "subject": claim.subject, "rule": claim.rule,
      "hasInterval": claim.interval != nil, "interval": claim.interval ?? "", "hasN": claim.n != nil,
      "n": claim.n ?? "", "hasDetectable": claim.detectable != nil, "detectable": claim.detectable ?? "",
      "hasP": claim.adjustedP != nil, "hasAgainst": claim.against != nil, "against": claim.against ?? "",
      "hasPublished": !claim.published.isEmpty,
      "published": claim.published.map { ["finding": $0.finding, "source": $0.source] },
      "adjustedP": claim.adjustedP.map { $0.hasPrefix("<") ? $0 : "= \($0)" } ?? "",
    ]
  }

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

  private static func section(_ section: ReportSection, index: Int, _ page: Presentation) -> [String: Any] {
    switch section {
    case .path(let name): workload(name, index: index, page)
    case .storage(let section): storage(section, index: index, page)
    }
  }

  private static func storage(_ section: StorageSection, index: Int, _ page: Presentation) -> [String: Any] {
    var parts: [[String: Any]] = []
    var charts = 0
    func add(_ part: StorageSection.Part) {
      switch part {
      case .table(let table), .further(let table): parts.append(["grid": grid(table)])
      case .metric(let table): parts.append(["held": held(table, section, index: index, page)])
      case .chart(let chart):
        charts += 1
        guard let svg = chart.render(id: "lines-\(index)-\(charts)") else { return }
        parts.append([
          "figure": [
            "head": chart.heading, "caption": chart.caption, "svg": svg,
            "keys": chart.keys.map { ["swatch": $0.swatch, "key": $0.text] },
          ] as [String: Any]
        ])
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
        "controls": controls(page.controls.filter { names.contains($0.workload) && !$0.reason.isEmpty }),
      ] as [String: Any],
    ]
  }

  /// One sentence for all controls of which the same is to be said.
  private static func controls(_ controls: [Presentation.ControlLine]) -> [[String: Any]] {
    var groups: [(word: String, reason: String, names: [String])] = []
    for control in controls {
      let name = control.workload + (control.ratio.map { " \($0)" } ?? "")
      if let index = groups.firstIndex(where: { $0.word == control.word && $0.reason == control.reason }) {
        groups[index].names.append(name)
      } else {
        groups.append((control.word, control.reason, [name]))
      }
    }
    return groups.map {
      ["workloads": $0.names.joined(separator: ", "), "word": $0.word, "reason": $0.reason.withFullStop]
    }
  }

  private static func grid(_ table: TextTable) -> [String: Any] {
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
    if let svg = LadderChart.render(
      id: "ladder-\(id)", table: table, baseline: page.baselineName, confidence: page.confidence, isLadder: false)
    {
      context["ratios"] = ["svg": svg]
    }
    if let chart = trials(table, id: id, page) { context["strips"] = ["svg": chart.svg, "span": chart.span] }
    return context
  }

  /// Each environment's trials, the control's below the baseline's.
  private static func trials(
    _ table: MetricTable, id: String, _ page: Presentation
  ) -> (svg: String, span: String, count: Int)? {
    var strips: [TrialsChart.Strip] = []
    for row in table.rows {
      guard let series = row.series, let median = series.median else { continue }
      strips.append(TrialsChart.Strip(name: row.name, values: series.trials, median: median))
      if row.isBaseline, let control = page.control(of: table.workload), let median = control.median {
        strips.append(
          TrialsChart.Strip(
            name: "\(row.name)′ (control)", values: control.trials, median: median, isControl: true))
      }
    }
    return TrialsChart.render(
      id: "trials-\(id)", title: "Trials of \(InertText.name(table.workload)) in block order, \(table.title)",
      strips: strips, unit: table.unit
    ).map { ($0.svg, $0.span, strips.count) }
  }

  private static func workload(_ workload: String, index: Int, _ page: Presentation) -> [String: Any] {
    let name = InertText.name(workload)
    let ladder = page.ladder(workload)
    let headline = ladder.table
    let kind = page.kind(workload)
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
    if let svg = LadderChart.render(
      id: "ladder-\(index)", table: headline, baseline: page.baselineName, confidence: page.confidence)
    {
      context["ladderChart"] = ["svg": svg]
    }
    let percentiles = page.environments.map { environment in
      var values: [Metric: Double] = [:]
      for mark in PercentileChart.marks {
        values[mark.metric] = page.series(environment, workload, mark.metric)?.median
      }
      return (name: InertText.name(environment), values: values)
    }
    if kind?.isTimed ?? true,
      let svg = PercentileChart.render(id: "percentiles-\(index)", workload: name, rows: percentiles)
    {
      context["percentileChart"] =
        [
          "svg": svg, "unit": headline.unit.symbol,
          "keys": PercentileChart.marks.filter { mark in percentiles.contains { $0.values[mark.metric] != nil } }
            .map { ["shape": $0.shape, "key": $0.name] },
        ] as [String: Any]
    }
    if let chart = trials(headline, id: String(index), page) {
      context["trialsChart"] = ["svg": chart.svg, "span": chart.span, "isLong": chart.count > Self.mostRows]
    }
    if let control = page.controls.first(where: { $0.workload == name }), !control.reason.isEmpty {
      context["controlReason"] = ["word": control.word, "reason": control.reason.withFullStop]
    }
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

  private static func waterfalls(_ group: WaterfallGroup, index: Int) -> [String: Any] {
    [
      "workload": group.workload, "unit": group.unit.symbol, "isLong": group.items.count > Self.mostRows,
      "items": group.items.enumerated().map { place, waterfall in
        var context: [String: Any] = [
          "environment": waterfall.environment, "what": waterfall.summary, "brief": waterfall.brief,
          "hasHops": !waterfall.hops.isEmpty,
          "hops": waterfall.hops.map { hop in
            [
              "hop": hop.path, "kind": hop.kind.title,
              "levels": hop.quantiles.map {
                ["quantile": $0.name, "estimate": $0.level.estimate, "interval": $0.level.interval ?? ""]
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
        if let svg = WaterfallChart.render(id: "inside-\(index)-\(place)", waterfall, in: group) {
          context["chart"] = ["svg": svg, "sum": waterfall.sum.map { "sum \($0)" } ?? "no sum"]
        }
        return context
      },
    ]
  }

  private static func group(_ workload: String, index: Int, _ page: Presentation) -> [String: Any]? {
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
