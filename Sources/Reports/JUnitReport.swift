internal import Foundation
public import Model
internal import PlainText

/// The claims and controls of a run as JUnit's XML, for the services that show tests: Jenkins, GitLab and others.
///
/// A claim is a test that passes when it has a verdict: one that is refuted is a finding, not a failure. What has no
/// verdict is skipped; where the run bears none, that is an error. Only a control fails.
public enum JUnitReport {
  /// Renders `result` as one document with one suite.
  public static func render(_ result: RunResult) -> String {
    let page = Presentation(result)
    let cases = zip(result.claims, page.claims).map { test($0, $1, page) } + result.control.map { test($0, page) }
    let run = result.run
    let scenario = InertText.name(run.scenario)
    let seconds = run.finished.map { max(0, $0.timeIntervalSince(run.started)) }.flatMap { $0.isFinite ? $0 : nil }
    let time = seconds.map { String(format: "%.3f", $0) }
    return JUnitDocument(
      suite: scenario, timestamp: run.started.ISO8601Format(), hostname: InertText.name(run.host.hostname), time: time,
      properties: properties(page), cases: cases
    ).xml
  }

  private static func test(_ claim: ClaimResult, _ line: Presentation.ClaimLine, _ page: Presentation)
    -> JUnitDocument.TestCase
  {
    var test = JUnitDocument.TestCase(
      className: className(InertText.name(claim.environment), page), name: "\(line.id): \(line.statement)",
      output: [
        "verdict: \(line.verdict.rawValue)", line.numbers.joined(separator: ", "), line.reason,
        "Judged by the \(line.subject): \(line.rule).",
        line.adjustedP.map { "p (Holm): \($0)" } ?? "", "article's section: \(line.section)",
      ].filter { !$0.isEmpty })
    let bearsNone = page.validity.purpose != nil || !page.validity.canJudge(claim.workload)
    // The analysis judges counts on their own evidence, however busy the host was; nothing holds in a run that was never
    // meant to judge it.
    let isCounted =
      claim.metric.isCount && (claim.verdict == .supported || claim.verdict == .refuted)
      && page.validity.purpose == nil
    switch claim.verdict {
    case .unavailable:
      test.outcome = .skipped
      test.message = "unavailable: \(line.reason)"
    case .supported, .refuted, .inconclusive:
      if bearsNone && !isCounted {
        test.outcome = .error
        test.type = "invalid-run"
        test.message =
          ([page.validity.heading(workloads: page.workloads).withFullStop] + page.validity.sentences)
          .joined(separator: " ")
      } else if claim.verdict == .inconclusive {
        test.outcome = .skipped
        test.message = "inconclusive: \(line.reason)"
      }
    }
    return test
  }

  private static func test(_ control: ControlResult, _ page: Presentation) -> JUnitDocument.TestCase {
    let workload = InertText.name(control.workload)
    let reason = InertText.line(control.reason)
    var test = JUnitDocument.TestCase(
      className: className("control", page),
      name: "\(workload): \(control.metric.title(of: page.kind(control.workload))) of the baseline's two copies agrees",
      output: [control.ratio.map { "ratio: \(RatioText($0).whole)" } ?? "", reason].filter { !$0.isEmpty })
    if !control.isPassed {
      // Too few blocks decide nothing, as in every report.
      let isNone = control.ratio == nil && page.result.run.validBlocks < RunResult.fewestBlocks
      test.outcome = isNone ? .skipped : .failure
      test.type = "control"
      test.message = reason.isEmpty ? "the control did not pass" : reason
    }
    return test
  }

  private static func className(_ group: String, _ page: Presentation) -> String {
    "\(InertText.name(page.result.run.scenario)).\(group)"
  }

  private static func properties(_ page: Presentation) -> [(String, String)] {
    let run = page.result.run
    return [
      ("run", InertText.name(run.id)), ("title", page.title), ("profile", run.profile.rawValue),
      ("seed", String(run.seed)), ("started", ReportJSON.timestamp(run.started)), ("exit", run.exit.rawValue),
      ("stop reason", InertText.line(run.stopReason ?? "")), ("baseline", page.baselineName),
      ("blocks valid", String(run.validBlocks)), ("blocks voided", String(run.voidedBlocks)),
      ("noise", page.noiseClass), ("kernel", page.kernel), ("processor", page.processor),
      ("bench", InertText.line(run.version)), ("worker sha256", InertText.line(run.workerSHA256)),
      ("command", InertText.line(run.command)),
      ("validity", page.validity.isValid ? "valid" : page.validity.sentences.joined(separator: " ")),
    ]
  }
}
