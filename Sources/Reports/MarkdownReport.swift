internal import Foundation
public import Model
internal import PlainText

/// A report in GitHub's Markdown.
public enum MarkdownReport {
  /// Renders `result`, ending in a newline.
  /// - Parameter folder: the folder beside the document that has the figures, as a relative address; nil to leave them
  ///   out: most of their numbers are in the tables.
  public static func render(_ result: RunResult, figures folder: String? = nil) -> String {
    document(result, figures: folder).text
  }

  /// The document, and the figures that it shows, in its order: each belongs into the folder as `<id>.svg`.
  static func document(_ result: RunResult, figures folder: String?) -> (text: String, figures: [Figure]) {
    var document = MarkdownDocument(Presentation(result), folder: folder)
    document.compose()
    return (document.text, document.figures)
  }
}

private struct MarkdownDocument: MarkdownComposing {
  let page: Presentation
  /// Where figures are; nil to leave them out.
  let folder: String?
  var text = ""
  /// Those that have been shown.
  private(set) var figures: [Figure] = []

  init(_ page: Presentation, folder: String?) {
    self.page = page
    self.folder = folder
  }

  /// The picture, what it shows, and its numbers, folded up.
  private mutating func figure(_ figure: Figure?) {
    guard let figure, let folder else { return }
    figures.append(figure)
    paragraph("![\(escaped(figure.picture.title))](\(folder)/\(figure.id).svg)")
    let keys = figure.keys.filter { !$0.sign.hasPrefix("<") }.map { escaped("\($0.sign) \($0.text)") }
    paragraph(
      ["**\(escaped(figure.heading))**", escaped(figure.caption), keys.joined(separator: ", ")]
        .filter { !$0.isEmpty }.joined(separator: " · "))
    let data = figure.data.filter(\.hasData)
    guard !data.isEmpty else { return }
    line("<details><summary>The numbers</summary>")
    line()
    for table in data { self.table(table) }
    paragraph("</details>")
  }

  private mutating func table(_ table: TextTable) {
    paragraph("**\(escaped(table.title))**\(table.aside.isEmpty ? "" : " (\(escaped(table.aside)))")")
    for group in table.groups where !group.rows.isEmpty {
      if let title = group.title { paragraph("*\(escaped(title))*") }
      self.table(
        markdown: [table.first] + table.columns.map { escaped($0) },
        "l" + table.columns.indices.map { $0 == table.wordColumn ? "l" : "r" }.joined(),
        group.rows.map { row in [code(row.name)] + row.cells.map { escaped($0.whole) } })
    }
    list(table.notes)
  }

  // MARK: The report

  mutating func compose() {
    if !page.validity.isValid {
      caution(page.validity.heading(workloads: page.workloads), page.validity.sentences)
    }
    heading(1, page.title)
    let run = page.result.run
    paragraph(
      "Run \(code(InertText.name(run.id), inTable: false)) of scenario "
        + "\(code(InertText.name(run.scenario), inTable: false)) (\(run.profile.rawValue)\(page.family.map { ", \($0)" } ?? "")) on "
        + "\(code(InertText.name(run.host.hostname), inTable: false)), \(NumberFormat.date(run.started)).")
    list(page.answer)
    validity()
    claims()
    if folder != nil, let control = page.controlFigure {
      heading(2, "The control")
      figure(control)
    }
    let sections = page.sections
    let slopes = page.slopeFigures(in: sections)
    for (index, section) in sections.enumerated() {
      switch section {
      case .path(let workload): self.workload(workload, index: index, slopes: slopes[index])
      case .storage(let section): storage(section, index: index, slopes: slopes[index])
      }
    }
    if page.workloads.isEmpty {
      heading(2, "Results")
      paragraph("Nothing was measured.")
    }
    inside()
    series()
    notes()
    method()
    definitions()
    while text.hasSuffix("\n\n") { text.removeLast() }
  }

  private mutating func validity() {
    heading(2, "Validity of the run")
    var rows = [
      ["blocks", page.blocks + (page.confidence.map { "; \($0) intervals" } ?? "")],
      ["noise of the host", "**\(page.noiseClass)**: \(page.noiseReadings)"],
    ]
    for control in page.controls {
      rows.append([
        "control of \(code(control.workload))",
        "\(control.shape) **\(control.word)**: \(control.ratio.map { "\($0); " } ?? "")\(escaped(control.reason))",
      ])
    }
    if page.controls.isEmpty { rows.append(["control", "– none was run"]) }
    for burden in page.burdens { rows.append(["burden on \(code(page.baselineName))", escaped(burden)]) }
    table(markdown: ["", ""], "ll", rows)
    let missing = page.unavailableEnvironments
    if !missing.isEmpty {
      table(
        markdown: ["unavailable here", "why"], "ll", missing.map { [code($0.name), escaped($0.why.withFullStop)] })
    }
  }

  private mutating func claims() {
    heading(2, "Claims")
    if page.claims.isEmpty {
      paragraph("The scenario judges no claim.")
      return
    }
    table(
      markdown: ["verdict", "claim", "measured", "n", "detectable from", "why"], "llrrrl",
      page.claims.map { claim in
        [
          "\(claim.verdict.shape) **\(claim.verdict.rawValue)**",
          "\(code(claim.id))<br>\(escaped(claim.statement))"
            + (claim.section.isEmpty ? "" : "<br>*\(escaped(claim.section))*"),
          [claim.interval ?? NumberFormat.none, claim.against.map { escaped($0) }].compactMap(\.self)
            .joined(separator: "<br>"), claim.n ?? NumberFormat.none, claim.detectable ?? NumberFormat.none,
          "\(escaped(claim.reason.withFullStop)) (\(escaped(claim.subject)); \(escaped(claim.rule)))"
            + claim.published.map { "<br>Published: \(escaped($0.finding)) (\(escaped($0.source)))" }.joined(),
        ]
      })
  }

  private func outcome(_ row: MetricRow) -> String {
    let shape = row.outcome.shape.isEmpty ? "" : row.outcome.shape + " "
    return shape + escaped(row.outcome.words)
  }

  private func cells(_ row: MetricRow) -> [String] {
    [
      row.median, row.ratio.map { $0.estimate + "×" } ?? "", row.ratio?.interval ?? "",
      row.differenceParts?.estimate ?? "", row.differenceParts?.interval ?? "", outcome(row),
    ]
  }

  private mutating func workload(_ workload: String, index: Int, slopes: [Figure]) {
    heading(2, markdown: "Workload " + code(InertText.name(workload), inTable: false))
    if let summary = page.workloadSummary(workload) { paragraph(escaped(InertText.line(summary)) + ".") }
    for slope in slopes { figure(slope) }
    let ladder = page.ladder(workload)
    let hasRungs = ladder.table.hasData || ladder.rungs.contains { $0.unavailable != nil }
    if hasRungs { self.ladder(ladder) } else { paragraph("Nothing was measured.") }
    figure(page.ladderFigure(ladder.table, id: "ladder-\(index)"))
    let distributions = page.distributionFigures(workload)
    for distribution in distributions { figure(distribution) }
    if distributions.isEmpty { figure(page.percentileFigure(workload, id: "percentiles-\(index)")) }
    figure(page.trialsFigure(ladder.table, id: "trials-\(index)"))
    let further = page.furtherLadders(workload)
    if !further.isEmpty {
      line("<details><summary>The ladder by \(further.map(\.table.title).joined(separator: ", "))</summary>")
      line()
      for ladder in further { self.ladder(ladder) }
      paragraph("</details>")
    }
    for table in page.furtherTables(workload) {
      metric(table, titled: "**\(table.title)**")
    }
    if let beside = SideBySide(page, workload) {
      let baseline = code(page.baselineName, inTable: false)
      paragraph("**\(beside.title)** (medians; in brackets as a ratio to \(baseline))")
      self.table(
        markdown: ["environment"] + beside.columns.map(\.title), "l" + beside.columns.map { _ in "r" }.joined(),
        beside.rows.map { row in
          [code(row.name)] + row.cells.map { $0.ratio.isEmpty ? $0.median : "\($0.median) (\($0.ratio))" }
        })
    }
    if let counts = CountsTable(page, workload) { self.counts(counts) }
    if var counts = page.countsFigure(workload) {
      // Its numbers stand above it.
      counts.data = []
      figure(counts)
    }
  }

  private mutating func storage(
    _ section: StorageSection, index: Int, slopes: [Figure]
  ) {
    heading(2, markdown: section.isName ? "Workload " + code(section.title, inTable: false) : escaped(section.title))
    paragraph(escaped(section.summary.withFullStop))
    paragraph(escaped(section.standing))
    list(section.findings)
    if section.parts.isEmpty { paragraph("Nothing was measured.") }
    for slope in slopes { figure(slope) }
    for part in section.parts { self.part(part, section, index: index) }
  }

  private mutating func part(_ part: StorageSection.Part, _ section: StorageSection, index: Int) {
    switch part {
    case .chart(let chart):
      let id = "lines-\(index)-"
      figure(chart.figure(id: "\(id)\(figures.count { $0.id.hasPrefix(id) } + 1)"))
    case .folded(let title, let parts):
      line("<details><summary>\(title)</summary>")
      line()
      for part in parts { self.part(part, section, index: index) }
      paragraph("</details>")
    case .metric(let table):
      let name = section.workloads.count > 1 ? code(InertText.name(table.workload), inTable: false) + ": " : ""
      metric(table, titled: name + "**\(table.title)**")
      let id = "\(index)-\(section.workloads.firstIndex(of: table.workload) ?? 0)"
      figure(page.ladderFigure(table, id: "ladder-\(id)", isLadder: false))
      figure(page.trialsFigure(table, id: "trials-\(id)"))
    case .table(let table), .further(let table):
      self.table(table)
    }
  }

  private mutating func metric(_ table: MetricTable, titled title: String) {
    paragraph("\(title)\(table.metric.isBetterLarger ? " (larger is better)" : "")")
    self.table(
      markdown: [
        "environment", table.unit.symbol, "ratio", interval, table.differenceHead, interval, "",
      ], "lrrlrll", table.rows.filter { $0.series != nil || $0.hasNote }.map { [code($0.name)] + cells($0) })
  }

  private var interval: String { page.confidence.map { "\($0) CI" } ?? "interval" }

  /// A row a rung.
  private mutating func ladder(_ ladder: LadderTable) {
    let aside = ladder.table.metric.isBetterLarger ? " (larger is better)" : ""
    paragraph("**\(ladder.hasSteps ? "Ladder: " : "")\(ladder.table.title)**\(aside)")
    let baseline = code(page.baselineName)
    let unit = ladder.table.unit
    let difference = unit.differenceSymbol.isEmpty ? "" : ", " + unit.differenceSymbol
    let head =
      ladder.hasSteps
      ? ["÷ rung below", "− rung below\(difference)"] : []
    table(
      markdown: ["environment"] + (ladder.hasSteps ? ["adds"] : []) + [unit.symbol] + head
        + ["÷ \(baseline)", "− \(baseline)\(difference)", "against \(baseline)"],
      ladder.hasSteps ? "llrrrrrl" : "lrrrl",
      ladder.rungs.map { rung in
        let row = rung.row
        return [code(rung.name)] + (ladder.hasSteps ? [escaped(rung.layer)] : []) + [row.median]
          + (ladder.hasSteps ? [rung.ratio?.whole ?? "", rung.difference?.withoutUnit ?? ""] : [])
          + [
            row.ratio?.whole ?? "", row.differenceParts?.withoutUnit ?? "",
            rung.unavailable.map { "– unavailable: \(escaped($0))" } ?? outcome(row),
          ]
      })
    if let closing = ladder.closing { paragraph(closing) }
  }

  private mutating func counts(_ counts: CountsTable) {
    paragraph("**\(CountsTable.title)** (per operation: \(counts.operation); CPU is a time, and so a median)")
    if !counts.rows.isEmpty {
      table(
        markdown: ["environment"] + counts.columns.map(\.title), "l" + counts.columns.map { _ in "r" }.joined(),
        counts.rows.map { [code($0.name)] + $0.cells })
    }
    let notes =
      counts.sentences.map { escaped($0) }
      + counts.missing.map { "Unavailable: \(escaped($0.names)): \(escaped($0.reason.withFullStop))" }
    list(markdown: notes)
  }

  private mutating func inside() {
    guard let introduction = page.insideIntroduction else { return }
    heading(2, Presentation.insideTitle)
    paragraph(escaped(introduction))
    for (index, group) in page.waterfalls.enumerated() {
      for (place, waterfall) in group.items.enumerated() {
        heading(
          3, markdown: "\(code(waterfall.environment, inTable: false)), \(code(group.workload, inTable: false))")
        figure(waterfall.figure(id: "inside-\(index)-\(place)", in: group))
        if !waterfall.hops.isEmpty {
          table(
            markdown: ["hop", "what"] + ["p50", "p90", "p99"].map { "\($0), \(group.unit.symbol)" }, "llrrr",
            waterfall.hops.map { hop in
              [code(hop.path), escaped(hop.kind.title)] + hop.quantiles.map(\.level.cell)
            })
        }
        list(
          markdown: waterfall.books.map { book in
            "\(book.isWarning ? "\\! " : "")**\(book.label)** \(escaped(book.text.withFullStop))"
          })
        if !waterfall.taps.isEmpty {
          table(
            markdown: ["tap", "in"] + Waterfall.tapColumns,
            "ll" + String(repeating: "r", count: Waterfall.tapColumns.count),
            waterfall.taps.map { [code($0.place), code($0.role)] + $0.counts })
        }
      }
    }
  }

  private mutating func series() {
    guard !page.result.series.isEmpty else { return }
    heading(2, "All series")
    line("<details><summary>\(page.result.series.count) series</summary>")
    line()
    for workload in page.workloads {
      let metrics = page.metrics(of: workload)
      guard !metrics.isEmpty else { continue }
      heading(3, markdown: code(InertText.name(workload), inTable: false))
      let tables = metrics.map { page.table(workload, $0) }
      var rows: [[String]] = []
      for table in tables where table.hasData {
        let label = [table.title, table.unit.symbol].filter { !$0.isEmpty }.joined(separator: ", ")
        for row in table.rows where row.series != nil || row.hasNote {
          let cells = self.cells(row)
          rows.append([
            label + (table.metric.isBetterLarger ? " (larger is better)" : ""), code(row.name),
            cells[0],
            [cells[1], cells[2]].filter { !$0.isEmpty }.joined(separator: " "),
            [cells[3], cells[4]].filter { !$0.isEmpty }.joined(separator: " "),
            row.series?.ratio.map { String($0.n) } ?? "", row.series?.qValue.map(NumberFormat.probability) ?? "",
            cells[5],
          ])
        }
      }
      if !rows.isEmpty {
        self.table(
          markdown: ["metric", "environment", "median", "ratio", "difference", "n", "q", ""], "llrrrrrl", rows)
      }
      let missing = page.missing(tables.filter { !$0.hasData }.map(\.metric), of: workload)
      if !missing.isEmpty {
        list(markdown: missing.map { "\($0.titles.joined(separator: ", ")): \(escaped($0.reason.withFullStop))" })
      }
    }
    paragraph("</details>")
  }

  private mutating func notes() {
    if !page.warnings.isEmpty {
      heading(2, "Warnings")
      list(page.warnings)
    }
    if let voided = page.voided {
      heading(2, "Voided blocks")
      paragraph(voided.summary + ".")
      list(voided.blocks + voided.withVoided)
    }
    if !page.unavailable.isEmpty {
      heading(2, "Unavailable")
      list(markdown: page.unavailable.map { "\(escaped($0.what)): \(escaped($0.why))" })
    }
  }

  private mutating func method() {
    heading(2, "How it was measured")
    let description = InertText.line(page.result.run.description)
    if !description.isEmpty { paragraph(escaped(description)) }
    table(
      markdown: ["", ""], "ll",
      page.method.map { [escaped($0.name), $0.isCode ? code($0.value) : escaped($0.value)] })
    table(
      markdown: ["environment", "what it is", "adds"], "lll",
      page.result.environments.map {
        [
          code(InertText.name($0.name)),
          [InertText.line($0.summary), page.details($0)].compactMap { $0.map { escaped($0) } }
            .joined(separator: "<br>"),
          escaped(InertText.line($0.layer)),
        ]
      })
  }

  private mutating func definitions() {
    heading(2, "Definitions")
    list(markdown: page.definitions.map { "**\($0.title)** (\(code($0.id, inTable: false))): \(escaped($0.text))" })
    list(markdown: page.terms.map { "**\($0.title)**: \(escaped($0.text))" })
  }
}
