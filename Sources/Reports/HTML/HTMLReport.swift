public import Model
internal import PlainText

/// A report as one HTML file that needs nothing but a browser: no network, no font, and no script of its own but for what
/// a reader can do without.
public enum HTMLReport {
  /// Renders `result` as a whole document.
  public static func render(_ result: RunResult) throws -> String {
    try HTMLPage.render(context(Presentation(result)), template: "report")
  }

  /// A page of more series than this does not print them.
  private static let mostSeries = 250

  // MARK: What the template's names stand for

  private static func context(_ page: Presentation) -> [String: Any] {
    let run = page.result.run
    var context: [String: Any] = [
      "css": HTMLPage.css, "script": HTMLPage.script, "scriptHash": HTMLPage.scriptHash,
      "title": page.title, "scenario": InertText.name(run.scenario), "profile": run.profile.rawValue,
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
    if let control = page.controlFigure { context["control"] = ["figure": figure(control)] as [String: Any] }
    let sections = page.sections
    let slopes = page.slopeFigures(in: sections)
    context["sections"] = sections.enumerated().map { section($1, index: $0, page, slopes: slopes[$0]) }
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
}
