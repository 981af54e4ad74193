public import Foundation
public import Model
internal import PlainText

/// A file format of the ledger.
public enum LedgerFormat: String, Sendable, CaseIterable {
  case text, markdown, json, html
}

/// The ledger of claims, arranged for reading, with the numbers as the reports of the runs show them.
public struct LedgerReport: Sendable {
  public let ledger: ClaimsLedger
  let lines: [Line]

  /// - Parameter lines: what the reports of the runs say, by the claim's id.
  init(ledger: ClaimsLedger, lines: [String: Presentation.ClaimLine]) {
    self.init(ledger: ledger, lines: ledger.claims.map { Line($0, lines[$0.claim.id]) })
  }

  private init(ledger: ClaimsLedger, lines: [Line]) {
    self.ledger = ledger
    self.lines = lines
  }

  /// The same with the claims of these verdicts alone. The counts stay those of all claims.
  public func showing(_ verdicts: [ClaimsLedger.Verdict]) -> LedgerReport {
    var shown = ledger
    shown.claims.removeAll { !verdicts.contains($0.verdict) }
    return LedgerReport(ledger: shown, lines: lines.filter { verdicts.contains($0.verdict) })
  }

  /// One claim.
  struct Line: Sendable {
    var verdict: ClaimsLedger.Verdict
    var id: String
    var section: String
    var statement: String
    var reason: String
    /// "1.28× [1.25, 1.31]"; nil without an interval.
    var interval: String?
    /// "against veth", "n 12", "detectable from 2.1 %".
    var numbers: [String] = []
    /// "round trip p50 of udp-rr-spin in bridge: holds if …"; nil where nothing was measured.
    var rule: String?
    /// "20261124-031541-7f3a of network-hop, standard profile, 2026-11-24 03:15:41 UTC".
    var run: String?
    /// What other runs said; each a sentence.
    var others: [String]
    var published: [String]
    var settle: String?

    init(_ entry: ClaimsLedger.Entry, _ line: Presentation.ClaimLine?) {
      verdict = entry.verdict
      id = InertText.name(entry.claim.id)
      section = InertText.line(entry.claim.section, limit: 160)
      statement = InertText.line(entry.claim.statement)
      reason = InertText.line(entry.reason)
      published = entry.claim.published.map {
        "\(InertText.line($0.finding)) (\(InertText.line($0.source, limit: 200)))"
      }
      settle = entry.settle.map { InertText.line($0, limit: 300) }
      run = entry.run.map {
        "\(InertText.name($0.id)) of \(InertText.name($0.scenario)), \($0.profile.rawValue) profile, "
          + NumberFormat.date($0.started)
      }
      others = LedgerReport.sentences(entry)
      guard let line else { return }
      interval = line.interval
      numbers = Array(line.numbers.dropFirst(line.interval == nil ? 0 : 1))
      rule = "\(line.subject): \(line.rule)"
    }
  }

  /// What other runs said, those that said the same in one sentence.
  private static func sentences(_ entry: ClaimsLedger.Entry) -> [String] {
    guard let run = entry.run else { return [] }
    let ages = [
      ("later", entry.others.filter { $0.started >= run.started }),
      ("earlier", entry.others.filter { $0.started < run.started }),
    ]
    return ages.flatMap { age, runs in
      ClaimsLedger.Verdict.allCases.compactMap { verdict in
        let same = runs.filter { $0.verdict == verdict }
        guard let newest = same.first else { return nil }
        let id = InertText.name(newest.id)
        let who = same.count == 1 ? "The \(age) run \(id)" : "\(same.count) \(age) runs, the newest of them \(id),"
        let verb = verdict.isDecided ? "said" : same.count == 1 ? "was" : "were"
        return "\(who) \(verb) \(verdict.rawValue)."
      }
    }
  }

  /// The claims of one section of the article.
  struct Section {
    var title: String
    var lines: [Line]
  }

  /// In the order in which the sections' first claims stand.
  var sections: [Section] {
    Presentation.distinct(lines.map(\.section)).map { title in
      Section(title: title, lines: lines.filter { $0.section == title })
    }
  }

  // MARK: In words

  static let title = "The article's claims, measured on this host"

  var hostName: String { InertText.name(ledger.host.hostname) }

  var host: String {
    [hostName, InertText.name(ledger.host.kernel), ledger.host.cpuModel.map { InertText.name($0) }]
      .compactMap(\.self).joined(separator: " · ")
  }

  /// "19 of 44 claims are decided on this host: 11 supported, 8 refuted; 2 inconclusive, 23 open (17 of them measured by
  /// no scenario yet)."
  var summary: String {
    let counts = ledger.counts
    let rest = [
      (counts.inconclusive, "inconclusive"), (counts.unavailable, "unavailable"),
      (counts.open, "open" + (counts.unmeasured > 0 ? " (\(counts.unmeasured) measured by no scenario yet)" : "")),
    ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    let decided = counts.decided == 0 ? "none" : "\(counts.decided)"
    let split = counts.decided == 0 ? "" : ": \(counts.supported) supported, \(counts.refuted) refuted"
    let claims = counts.total == 1 ? "claim" : "claims"
    let isAre = counts.decided < 2 || counts.total == 1 ? "is" : "are"
    return "On this host \(decided) of \(counts.total) \(claims) \(isAre) decided\(split)"
      + (rest.isEmpty ? "." : "; \(rest.joined(separator: ", ")).")
  }

  /// How many of the claims are shown, if not all.
  var selection: String? {
    lines.count == ledger.counts.total ? nil : "Shown: \(lines.count) of \(ledger.counts.total)."
  }

  /// How to begin, where nothing has been measured.
  var beginning: String? {
    guard ledger.counts.open == ledger.counts.total, ledger.counts.total > 0 else { return nil }
    let none = "No run that counts has measured these claims on this host yet."
    guard let first = ledger.claims.lazy.compactMap(\.settle).first else { return none }
    return "\(none) Begin with: \(InertText.line(first, limit: 300))"
  }

  /// What was not counted, in one sentence; nil if all was.
  var omissions: String? {
    let left = ledger.leftOut
    let parts = [
      (left.elsewhere, "from another host, kernel or processor"), (left.unfinished, "not completed"),
      (left.injected, "with a slowdown put in on purpose"), (left.outdated, "judged by rules that have changed since"),
      (left.older, "older than the \(LedgerBuilder.mostRuns) that are looked at of each scenario"),
    ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    if parts.isEmpty { return nil }
    return "Runs left out: \(parts.joined(separator: ", "))."
  }

  // MARK: As JSON

  /// `bench.claims-ledger/1`, described by docs/bench.claims-ledger.schema.json: UTF-8, keys sorted, indented, ending in
  /// a newline; the same ledger always gives the same bytes.
  /// - Throws: ``UserError`` for a number that JSON cannot hold.
  public func json() throws -> Data { try ReportJSON.encode(ledger, as: "the ledger") }

  // MARK: Into files

  /// Writes `claims.html`, `claims.md` and `claims.json` into a directory, making it if need be.
  /// - Returns: the paths.
  /// - Throws: ``UserError`` for whatever the file system refuses.
  public func write(to directory: String) throws -> [String] {
    let documents = [
      ("claims.html", Data(try html().utf8)), ("claims.md", Data(markdown().utf8)), ("claims.json", try json()),
    ].map { (path: "\(directory)/\($0.0)".replacing("//", with: "/"), bytes: $0.1) }
    try ReportWriter.prepare(directory)
    for document in documents { try ReportWriter.replace(document.path, with: document.bytes) }
    return documents.map(\.path)
  }
}

extension ClaimsLedger.Verdict {
  /// Says the same as the word, for the eye.
  var shape: String {
    switch self {
    case .supported: ClaimResult.Verdict.supported.shape
    case .refuted: ClaimResult.Verdict.refuted.shape
    case .inconclusive: ClaimResult.Verdict.inconclusive.shape
    case .unavailable: ClaimResult.Verdict.unavailable.shape
    case .open: "○"
    }
  }
}
