internal import Model

extension LedgerReport {
  /// The ledger as one HTML file that needs nothing but a browser.
  public func html() throws -> String { try HTMLPage.render(context, template: "claims") }

  private var context: [String: Any] {
    let counts = ledger.counts
    let sections = sections
    return [
      "css": HTMLPage.css, "title": Self.title, "hostName": hostName, "host": host, "summary": summary,
      "notes": [beginning, omissions, selection].compactMap(\.self),
      "tiles": [
        (
          "supported", counts.supported, ClaimsLedger.Verdict.supported, "the whole interval lies in the claim's region"
        ),
        ("refuted", counts.refuted, .refuted, "none of the interval does"),
        ("inconclusive", counts.inconclusive, .inconclusive, "neither, or no run could bear a verdict"),
        ("open or unavailable", counts.open + counts.unavailable, .open, "not measured on this host"),
      ].map { name, count, verdict, meaning in
        [
          "name": name, "count": count, "shape": verdict.shape, "tone": verdict.tone, "meaning": meaning,
        ] as [String: Any]
      },
      "sections": sections.enumerated().map { index, section in
        ["index": index, "heading": section.title, "claims": section.lines.map(claim)] as [String: Any]
      },
      "hasSections": !sections.isEmpty,
    ]
  }

  private func claim(_ line: Line) -> [String: Any] {
    [
      "verdict": line.verdict.rawValue, "shape": line.verdict.shape, "tone": line.verdict.tone, "claim": line.id,
      "statement": line.statement, "reason": line.reason, "others": line.others, "hasRule": line.rule != nil,
      "rule": line.rule ?? "", "hasRun": line.run != nil, "run": line.run ?? "", "hasSettle": line.settle != nil,
      "settle": line.settle ?? "", "hasPublished": !line.published.isEmpty, "published": line.published,
      "hasInterval": line.interval != nil, "interval": line.interval ?? "", "numbers": line.numbers,
    ]
  }
}

extension ClaimsLedger.Verdict {
  /// The class of its colour.
  fileprivate var tone: String { self == .open ? Self.unavailable.rawValue : rawValue }
}
