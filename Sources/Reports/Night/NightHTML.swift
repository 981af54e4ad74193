internal import Model
internal import PlainText

/// A night as one HTML file, in the reports' own style.
enum NightHTML {
  static func render(_ page: NightPage) throws -> String { try HTMLPage.render(context(page), template: "night") }

  private static func context(_ page: NightPage) -> [String: Any] {
    let verdict = page.verdict
    var context: [String: Any] = [
      "css": HTMLPage.css, "script": HTMLPage.script, "scriptHash": HTMLPage.scriptHash, "title": page.title,
      "version": InertText.line(page.night.night.version, limit: 40), "id": page.id, "subject": page.subject,
      "verdict": [
        "shape": verdict.shape, "word": verdict.word.withCapital, "sentence": verdict.sentence, "tone": verdict.tone,
      ],
      "worse": page.worse.prefix(NightPage.mostMovers).map {
        ["title": $0.title.withCapital, "code": $0.code, "number": $0.number, "against": $0.against]
      },
      "hasWorse": page.worse.count > 1,
      "steps": page.steps.map {
        ["sentence": $0.sentence, "command": $0.command ?? "", "hasCommand": $0.command != nil] as [String: Any]
      },
      "tiles": page.tiles.map {
        ["fact": $0.fact, "shape": $0.shape, "value": $0.value, "text": $0.text, "tone": $0.tone]
      },
      "objections": page.objections, "notes": page.notes,
      "hasRemarks": !page.objections.isEmpty || !page.notes.isEmpty,
      "movers": page.movers.enumerated().map { mover($1, index: $0) }, "hasMovers": !page.movers.isEmpty,
      "further": page.furtherMovers, "hasFurther": page.furtherMovers > 0,
      "series": page.night.series.isEmpty
        ? [] : [["states": page.states, "count": page.night.series.count, "grid": HTMLReport.grid(page.everySeries)]],
      "facts": page.facts.map { ["fact": $0.name, "value": $0.value, "isCode": $0.isCode] as [String: Any] },
      "method": page.method,
    ]
    for (name, table) in [("confirmations", page.confirmations), ("changes", page.changePoints)] {
      // The section's heading is the title.
      if var table {
        (table.title, table.aside) = (table.aside.withCapital, "")
        context[name] = ["grid": HTMLReport.grid(table)] as [String: Any]
      }
    }
    if let runs = page.runs { context["runs"] = ["grid": HTMLReport.grid(runs)] as [String: Any] }
    return context
  }

  private static func mover(_ mover: NightPage.Mover, index: Int) -> [String: Any] {
    let points = mover.recent.map { Sparkline.Point(estimate: $0, low: $0, high: $0, isValid: true) }
    let tonight = Sparkline.Point(
      estimate: mover.point.estimate, low: mover.point.low, high: mover.point.high, isValid: true)
    let spark = Sparkline(
      id: "spark-\(index)", title: "\(mover.words.title), night by night",
      summary: "\(NumberFormat.count(mover.recent.count, "night")) before tonight; tonight \(mover.value.whole)",
      points: points + [tonight])
    return [
      "shape": mover.state.shape, "state": mover.state.word, "tone": mover.state.tone, "name": mover.words.title,
      "code": mover.words.code, "estimate": mover.value.text, "interval": mover.value.detail,
      "sentence": mover.sentence, "reason": mover.reason, "hasReason": !mover.reason.isEmpty,
      "svg": mover.recent.isEmpty ? "" : spark.text ?? "",
    ]
  }
}
