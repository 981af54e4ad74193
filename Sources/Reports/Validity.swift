internal import Model
internal import PlainText

/// Whether a run can bear a verdict at all. This is the first thing every report says.
struct Validity: Equatable {
  /// Why no verdict can be had, each a sentence; empty for a valid run.
  var objections: [String] = []
  /// What the run is instead, if it was never meant to judge the host.
  var purpose: String?
  /// Why the control of a workload failed, by its name.
  private var failures: [String: String] = [:]
  /// The workloads that can not be judged; nil means none of them can.
  var unjudged: Set<String>? = []

  init(_ result: RunResult) {
    for obstacle in result.obstacles {
      switch obstacle {
      case .injected(let injection):
        purpose =
          "This run is a test of the detector: a slowdown was put into the worker on purpose "
          + "(\(InertText.line(injection, limit: 200))). Its numbers say nothing about this host."
      case .failedControl(let workload, let reason):
        let objection =
          "The control of \(InertText.name(workload)) failed: \(InertText.line(reason).withFullStop)"
        objections.append(objection)
        failures[workload] = objection
        unjudged?.insert(workload)
      case .voided(let voided, let blocks):
        let share = NumberFormat.percent(Double(voided) / Double(blocks))
        let most = NumberFormat.percent(RunResult.largestVoidedShare)
        concernsAll(
          "\(voided) of \(blocks) blocks were voided (\(share)); with more than \(most) the rest is no fair sample of this "
            + "host.")
      case .tooFewBlocks(let valid):
        let how =
          switch result.run.exit {
          case .interrupted: "The run was interrupted"
          case .failed: "The run failed"
          case .running: "The run has not ended"
          case .completed: "The run ended"
          }
        concernsAll(
          "\(how) with \(NumberFormat.count(valid, "valid block")); an interval needs at least \(RunResult.fewestBlocks)."
        )
      case .hostile:
        concernsAll("The host was hostile: others took so much of it that its timings cannot be trusted.")
      }
    }
    guard !failures.isEmpty else { return }
    let place = objections.lastIndex(where: failures.values.contains).map { $0 + 1 } ?? 0
    objections.insert(
      "Where the baseline differs from its own second copy, no difference between environments means anything.",
      at: place)
  }

  /// Adds an objection to every workload; those to single ones stand before it.
  private mutating func concernsAll(_ objection: String) {
    objections.append(objection)
    unjudged = nil
  }

  var isValid: Bool { objections.isEmpty && purpose == nil }

  func canJudge(_ workload: String) -> Bool { !(unjudged?.contains(workload) ?? true) }

  /// Why nothing may be concluded from a workload; nil if something may. Its own control is named first, and that of
  /// another never.
  func objection(to workload: String) -> String? {
    if let purpose { return purpose }
    // What concerns the whole run stands behind the controls.
    return canJudge(workload) ? nil : failures[workload] ?? objections.last
  }

  /// The banner's heading.
  func heading(workloads: [String]) -> String {
    if let unjudged, !objections.isEmpty, workloads.contains(where: { !unjudged.contains($0) }) {
      let names = workloads.filter(unjudged.contains).map { InertText.name($0) }.joined(separator: ", ")
      return "No verdict can be had from \(names)"
    }
    return objections.isEmpty
      ? "Not a measurement of this host: no verdict can be had" : "No verdict can be had from this run"
  }

  /// Everything the banner says, a sentence or two each.
  var sentences: [String] { [purpose].compactMap(\.self) + objections }
}

extension String {
  var withFullStop: String { Sentence.ended(self) }
}
