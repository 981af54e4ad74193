internal import Model
internal import PlainText

extension Presentation {
  /// The answer in sentences: one for the longest path, one for each of a few environments below it, one line for each
  /// further workload. Empty where the run cannot bear a verdict.
  var answer: [String] {
    guard validity.purpose == nil, validity.isValid || validity.unjudged != nil else { return [] }
    var sentences: [String] = []
    for workload in workloads where !isHeldToReferences(workload) && validity.canJudge(workload) {
      let table = table(workload, headline(workload))
      let others = table.rows.filter { !$0.isBaseline && $0.series?.ratio != nil }
      guard let base = table.rows.first(where: \.isBaseline), base.series != nil, let top = others.last else {
        continue
      }
      let words = Words(kind(workload))
      let whole = finding(
        top, words, than: " than the \(base.medianWithUnit) of \(baselineName)", confidence: confidence)
      if sentences.isEmpty {
        sentences.append("On this host \(words.subject) in \(top.name) \(whole)")
        for row in others.dropLast().suffix(workloads.count > 3 ? 2 : 4).reversed() {
          let summary = record(row.environment).map { InertText.line($0.summary, limit: 120) } ?? ""
          sentences.append(
            "In \(row.name)\(summary.isEmpty ? "" : " (\(summary))") it "
              + finding(row, words, than: "", confidence: nil))
        }
      } else {
        sentences.append("With \(InertText.name(workload)), \(words.further) in \(top.name) \(whole)")
      }
      if sentences.count >= 8 { break }
    }
    if hasStorage { sentences += storageAnswer(isFirst: sentences.isEmpty) }
    return Array(sentences.prefix(8))
  }

  /// What is said of a kind of workload's headline.
  private struct Words {
    var subject: String
    /// The same where an earlier sentence has named another.
    var further: String
    /// What comes before and after "1.30×".
    var verb: String
    var comparison: String

    init(_ kind: WorkloadSpec.Kind?) {
      let operation = kind?.operation ?? "a round trip"
      switch kind {
      case .udpRR?, .tcpRR?, nil: (subject, further, verb, comparison) = (operation, "one", "takes", "as long as")
      case .tcpCRR?, .udpOpen?, .tcpOpen?, .exec?:
        (subject, further, verb, comparison) = (operation, operation, "takes", "as long as")
      case .tcpStream?, .udpStream?:
        (subject, further, verb, comparison) = ("a stream", "a stream", "carries", "as much as")
      case .copyUp?, .lookup?, .metadata?, .mmapWrite?, .sqliteCommit?, .imageRebuild?, .randomIO?, .sequentialIO?:
        (subject, further, verb, comparison) = (operation, operation, "takes", "as long as")
      }
    }
  }

  /// "takes 1.30× as long as in native (99 % CI 1.28 to 1.33): 2.45 µs more (2.28 to 2.69) than …".
  private func finding(_ row: MetricRow, _ words: Words, than comparison: String, confidence: String?) -> String {
    guard let ratio = row.ratio else { return "" }
    let range = "\(confidence.map { "\($0) CI " } ?? "")\(ratio.low) to \(ratio.high)"
    let relation = "\(words.verb) \(ratio.estimate)× \(words.comparison) in \(baselineName) (\(range))"
    switch row.outcome.kind {
    case .more, .less:
      let isMore = row.outcome.kind == .more
      let amount =
        row.differenceParts.map { part in
          let ends = isMore ? (part.low, part.high) : (part.high.withoutMinus, part.low.withoutMinus)
          let size = isMore ? part.estimate : part.estimate.withoutMinus
          let unit = part.unit.isEmpty ? "" : NumberFormat.gap + part.unit
          return ": \(size)\(unit) \(isMore ? "more" : "less") (\(ends.0) to \(ends.1))\(comparison)"
        } ?? ""
      return "\(relation)\(amount)."
    case .undecided:
      let limit = row.series?.ratio.map { NumberFormat.percent($0.minimumDetectableEffect) } ?? NumberFormat.none
      return
        "shows no difference from \(baselineName) (\(ratio.estimate)×, \(range)); one of \(limit) would have shown."
    case .baseline, .unavailable, .unjudged: return "\(relation), but that is \(row.outcome.words)."
    }
  }
}

extension String {
  fileprivate var withoutMinus: String { hasPrefix("−") ? String(dropFirst()) : self }
}
