internal import Model
internal import PlainText

/// What a night found, as workflow commands: printed on the standard output of a step, they stand beside the run.
///
/// Regressions and a blind detector are errors; what there is no answer to, what moved and what changed its level are
/// warnings; a new epoch and what became better are notices. Commands and their escapes are those of
/// https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions; how many of a kind a step may have,
/// of https://github.com/actions/toolkit/blob/main/docs/problem-matchers.md#limitations.
enum GitHubAnnotations {
  /// Of each kind, in one step; GitHub drops the others without a word.
  static let most = 10

  enum Kind: String, CaseIterable {
    case error, warning, notice
  }

  struct Annotation {
    var kind: Kind
    var title: String
    var message: String

    /// Ends in a newline.
    var command: String {
      "::\(kind.rawValue) title=\(GitHubAnnotations.property(title))::\(GitHubAnnotations.data(message))\n"
    }
  }

  static func render(_ result: NightResult) -> String {
    let all = annotations(result)
    var text = ""
    for kind in Kind.allCases {
      let own = all.filter { $0.kind == kind }
      let shown = own.count > most ? most - 1 : own.count
      for annotation in own.prefix(shown) { text += annotation.command }
      if shown < own.count {
        text +=
          Annotation(
            kind: kind, title: "bench nightly: \(own.count - shown) more",
            message: "\(own.count - shown) more of this kind are in the night's report: GitHub shows \(most) a step."
          ).command
      }
    }
    return text
  }

  private static func annotations(_ result: NightResult) -> [Annotation] {
    var all: [Annotation] = []
    func add(_ kind: Kind, _ title: String, _ parts: [String]) {
      all.append(
        Annotation(
          kind: kind, title: InertText.line(title, limit: 250),
          message: parts.map { InertText.line($0) }.filter { !$0.isEmpty }.joined(separator: "; ")))
    }
    switch result.verdict {
    case .clean: break
    case .regression: break
    case .blind:
      add(.error, "bench nightly: detector blind", [result.reason, ExportText.numbers(result.selfTest)])
      // Nothing else that this night says counts.
      return all
    case .incomplete: add(.error, "bench nightly: incomplete", [result.reason])
    case .inconclusive: add(.warning, "bench nightly: inconclusive", [result.reason])
    }
    for confirmation in result.confirmations where confirmation.isWorse {
      add(
        .error, "worse: \(ExportText.place(confirmation))",
        [ExportText.numbers(confirmation), confirmation.reason])
    }
    for series in result.series {
      let place = "\(ExportText.place(series.series)), \(series.series.quantity.rawValue)"
      let parts = [ExportText.value(series), ExportText.standing(series), series.reason ?? ""]
      switch series.state {
      case .changed: add(.error, "changed: \(place)", parts)
      case .worse:
        if !result.confirmations.contains(where: { $0.isWorse && $0.concerns(series.series) }) {
          add(.error, "worse: \(place)", parts)
        }
      case .open: add(.warning, "not confirmed tonight: \(place)", parts)
      case .moved: add(.warning, "moved: \(place)", parts)
      case .better: add(.notice, "better: \(place)", parts)
      case .collecting, .steady, .cleared, .shifted, .shown: break
      }
    }
    if result.verdict == .regression && !all.contains(where: { $0.kind == .error }) {
      add(.error, "bench nightly: regression", [result.reason])
    }
    for change in result.changePoints where change.isWorse {
      add(
        .warning, "changed level: \(ExportText.place(change.series)), \(change.series.quantity.rawValue)",
        [
          "\(ExportText.quantity(change.before, change.series)) until \(change.night), then "
            + "\(ExportText.quantity(change.after, change.series)) for \(change.nights) nights",
          ExportText.p(change.pValue),
        ])
    }
    for objection in result.objections { add(.warning, "bench nightly: objection", [objection]) }
    if result.epoch.isNew {
      add(
        .notice, "bench nightly: epoch \(result.epoch.number)",
        ["the host or the suite changed, history starts anew"] + result.epoch.changes.map(ExportText.change))
    }
    return all
  }

  /// A command's message, as the runner takes it back.
  static func data(_ text: String) -> String { escaped(text, ["%": "%25", "\r": "%0D", "\n": "%0A"]) }

  /// The value of a command's property.
  static func property(_ text: String) -> String {
    escaped(text, ["%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"])
  }

  /// By scalars: to Swift a colon and a mark behind it are one character that is no colon, to the runner they are two.
  private static func escaped(_ text: String, _ escapes: [Unicode.Scalar: String]) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      if let escape = escapes[scalar] { result += escape } else { result.unicodeScalars.append(scalar) }
    }
    return result
  }
}
