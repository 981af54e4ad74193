internal import Model
internal import PlainText

/// Whether a run can bear a verdict at all. This is the first thing every report says.
struct Validity: Equatable {
  /// The number of blocks without which there is no interval.
  static let fewestBlocks = 8
  /// The share of blocks that may be voided.
  static let largestVoidedShare = 0.25

  /// Why no verdict can be had, each a sentence; empty for a valid run.
  var objections: [String] = []
  /// What the run is instead, if it was never meant to judge the host.
  var purpose: String?
  /// Why the control of a workload failed, by its name.
  private var failures: [String: String] = [:]
  /// The workloads that can not be judged; nil means none of them can.
  var unjudged: Set<String>? = []

  init(_ result: RunResult) {
    let run = result.run
    if let injection = run.injection {
      purpose =
        "This run is a test of the detector: a slowdown was put into the worker on purpose "
        + "(\(InertText.line(injection, limit: 200))). Its numbers say nothing about this host."
    }
    // Too few blocks leave no control either; that is said once, below.
    let failed = run.validBlocks < Self.fewestBlocks ? [] : result.control.filter { !$0.isPassed }
    for control in failed {
      let workload = InertText.name(control.workload)
      let objection = "The control of \(workload) failed: \(InertText.line(control.reason).withFullStop)"
      objections.append(objection)
      failures[control.workload] = objection
      unjudged?.insert(control.workload)
    }
    if !failed.isEmpty {
      objections.append(
        "Where the baseline differs from its own second copy, no difference between environments means anything.")
    }
    let blocks = run.validBlocks + run.voidedBlocks
    if blocks > 0 && Double(run.voidedBlocks) > Self.largestVoidedShare * Double(blocks) {
      objections.append(
        "\(run.voidedBlocks) of \(blocks) blocks were voided "
          + "(\(NumberFormat.percent(Double(run.voidedBlocks) / Double(blocks)))); with more than \(NumberFormat.percent(Self.largestVoidedShare)) the rest is no fair sample of this host."
      )
      unjudged = nil
    }
    if run.validBlocks < Self.fewestBlocks {
      let how =
        switch run.exit {
        case .interrupted: "The run was interrupted"
        case .failed: "The run failed"
        case .running: "The run has not ended"
        case .completed: "The run ended"
        }
      objections.append(
        "\(how) with \(NumberFormat.count(run.validBlocks, "valid block")); an interval needs at least \(Self.fewestBlocks)."
      )
      unjudged = nil
    }
    if result.noise.overall == .hostile {
      objections.append("The host was hostile: others took so much of it that its timings cannot be trusted.")
      unjudged = nil
    }
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
  var withFullStop: String {
    isEmpty || hasSuffix(".") || hasSuffix("!") || hasSuffix("?") || hasSuffix("…") ? self : self + "."
  }
}
