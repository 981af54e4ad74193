internal import Foundation
internal import Model
internal import PlainText

/// A page over stored runs: what was run when and where, what came of it, and how each environment's ratio went from run
/// to run. One HTML file that needs nothing but a browser.
public enum IndexPage {
  /// Renders `entries`, in any order, as a whole document.
  public static func render(_ entries: [IndexEntry]) throws -> String {
    try HTMLPage.render(context(entries), template: "index")
  }

  /// The newest runs of a host that are drawn, and listed as numbers; older ones stay in the table of runs.
  static let mostPoints = 200

  private static func context(_ entries: [IndexEntry]) -> [String: Any] {
    // Of runs that started together, one order for all times.
    let newestFirst = entries.sorted { ($1.started, $1.id) < ($0.started, $0.id) }
    let scenarios = grouped(newestFirst, by: \.scenario)
    let hosts = Presentation.distinct(newestFirst.map(\.host))
    return [
      "css": HTMLPage.css,
      "summary": entries.isEmpty
        ? ""
        : "\(NumberFormat.count(entries.count, "run")) of \(NumberFormat.count(scenarios.count, "scenario")) on "
          + NumberFormat.count(hosts.count, "host"),
      "isEmpty": entries.isEmpty, "hasScenarios": !scenarios.isEmpty,
      "hasTrends": entries.contains { !$0.headlines.isEmpty },
      "scenarios": scenarios.enumerated().map { scenario($1.name, $1.entries, index: $0) },
    ]
  }

  /// In the order in which the keys first appear.
  private static func grouped<Key: Hashable>(
    _ entries: [IndexEntry], by key: (IndexEntry) -> Key
  ) -> [(name: Key, entries: [IndexEntry])] {
    var groups: [(name: Key, entries: [IndexEntry])] = []
    var places: [Key: Int] = [:]
    for entry in entries {
      let name = key(entry)
      if let place = places[name] {
        groups[place].entries.append(entry)
      } else {
        places[name] = groups.count
        groups.append((name, [entry]))
      }
    }
    return groups
  }

  private static func scenario(_ name: String, _ entries: [IndexEntry], index: Int) -> [String: Any] {
    let title = InertText.line(entries.first?.title ?? "", limit: 160)
    let hosts = grouped(entries) { Place(host: $0.host, kernel: $0.kernel, family: $0.family, profile: $0.profile) }
    return [
      "index": index, "name": InertText.name(name), "title": title, "hasTitle": !title.isEmpty,
      "count": NumberFormat.count(entries.count, "run"), "runs": entries.map(run),
      "hosts": hosts.enumerated().map { host($1.name, $1.entries, id: "\(index)-\($0)") },
    ]
  }

  /// Runs of one host with one kernel over one Internet Protocol go together, and those of one profile: windows of
  /// another length see another share of what is rare.
  private struct Place: Hashable {
    var host: String
    var kernel: String
    var family: AddressFamily
    var profile: ProfileName
  }

  private static func run(_ entry: IndexEntry) -> [String: Any] {
    let verdicts = ClaimResult.Verdict.allCases.compactMap { verdict -> [String: Any]? in
      guard let count = entry.verdicts[verdict], count > 0 else { return nil }
      return ["verdict": verdict.rawValue, "shape": verdict.shape, "count": count]
    }
    let exit: String? =
      switch entry.exit {
      case .completed: nil
      case .running: "not ended"
      case .interrupted, .failed: entry.exit.rawValue
      }
    return [
      "id": InertText.name(entry.id), "date": NumberFormat.date(entry.started), "profile": entry.profile.rawValue,
      "host": InertText.name(entry.host), "kernel": InertText.line(entry.kernel, limit: 80),
      "version": InertText.line(entry.version, limit: 40), "isIPv6": entry.family == .ipv6,
      "blocks": "\(entry.validBlocks) valid, \(entry.voidedBlocks) voided", "exit": exit ?? "",
      "isCut": exit != nil, "verdicts": verdicts, "hasVerdicts": !verdicts.isEmpty,
      "validityShape": entry.validityHeading == nil ? "✓" : "✗",
      "validity": entry.validityHeading.map { InertText.line($0, limit: 300) } ?? "valid",
      "validityKind": entry.validityHeading == nil ? "supported" : "refuted", "hasLinks": !entry.links.isEmpty,
      "links": entry.links.map { ["format": InertText.name($0.format), "path": relative($0.path)] },
    ]
  }

  /// A path below or beside the page's own, whatever is in it: percent-encoded, and never a scheme or another host.
  static func relative(_ path: String) -> String {
    let safe = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~/".utf8)
    let digits = Array("0123456789ABCDEF")
    var text = path.hasPrefix("../") ? "" : "./"
    for byte in path.utf8.drop(while: { $0 == UInt8(ascii: "/") }) {
      if safe.contains(byte) {
        text.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        text += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
      }
    }
    return text
  }

  // MARK: From run to run

  /// What may be compared from run to run.
  private struct Line: Hashable {
    var environment: String
    var reference: String
  }

  private struct Group: Hashable {
    var workload: String
    var metric: String
  }

  private static func host(_ place: Place, _ entries: [IndexEntry], id: String) -> [String: Any] {
    let runs = Array(entries.prefix(mostPoints))
    var groups: [Group] = []
    var lines: [Group: [Line]] = [:]
    var points: [Group: [Line: [Int: IndexEntry.Headline]]] = [:]
    for (index, entry) in runs.enumerated() {
      for headline in entry.headlines {
        let group = Group(workload: headline.workload, metric: headline.metric)
        let line = Line(environment: headline.environment, reference: headline.reference)
        if points[group] == nil { groups.append(group) }
        if points[group]?[line] == nil { lines[group, default: []].append(line) }
        points[group, default: [:]][line, default: [:]][index] = headline
      }
    }
    var workloads = groups.enumerated().map { number, group in
      trends(group, lines[group] ?? [], points[group] ?? [:], runs, id: "\(id)-\(number)")
    }
    if workloads.count > 1 {
      // The first workload tells most; a page over many scenarios stays one that can be looked over.
      workloads[1]["opens"] = [["summary": NumberFormat.count(workloads.count - 1, "further workload")]]
      workloads[workloads.count - 1]["closes"] = true
    }
    return [
      "host": InertText.name(place.host), "profile": place.profile.rawValue, "isIPv6": place.family == .ipv6,
      "hasTrends": !workloads.isEmpty,
      "workloads": workloads, "isLimited": entries.count > runs.count, "shown": runs.count, "all": entries.count,
    ]
  }

  private static func trends(
    _ group: Group, _ lines: [Line], _ points: [Line: [Int: IndexEntry.Headline]], _ runs: [IndexEntry], id: String
  ) -> [String: Any] {
    let workload = InertText.name(group.workload)
    let references = Presentation.distinct(lines.map(\.reference))
    let shared = references.count == 1 ? references.first.map { InertText.name($0) } : nil
    func name(_ line: Line) -> String {
      let environment = InertText.name(line.environment)
      return shared == nil ? "\(environment) ÷ \(InertText.name(line.reference))" : environment
    }
    let sparks = lines.enumerated().compactMap { number, line -> [String: Any]? in
      guard let all = points[line], let newest = all.keys.min(), let last = all[newest] else { return nil }
      let text = RatioText(estimate: last.estimate, low: last.low, high: last.high)
      let values = runs.indices.reversed().map { index in
        all[index].map {
          Sparkline.Point(estimate: $0.estimate, low: $0.low, high: $0.high, isValid: $0.isValid)
        }
      }
      let estimates = all.values.filter { $0.isValid || all.values.allSatisfy { !$0.isValid } }.map(\.estimate)
      let places = RatioText.places(last.low, last.high)
      let ends = [estimates.min(), estimates.max()].compactMap(\.self).map {
        NumberFormat.decimal($0, places: places)
      }
      // Of the runs that bear a verdict, if any does.
      let left = all.count - estimates.count
      let span =
        all.count > 1
        ? "\(Presentation.distinct(ends).joined(separator: " to ")) in \(NumberFormat.count(estimates.count, "run"))"
          + (left > 0 ? ", \(left) more without a verdict" : "")
        : NumberFormat.count(1, "run")
      let summary =
        "Newest: \(text.whole)\(last.isValid ? "" : ", of a run that bears no verdict"). Estimates: \(span)."
      let picture = Sparkline(
        id: "t\(id)-\(number)", title: "\(name(line)), \(group.metric) of \(workload), from run to run",
        summary: summary, points: values)
      // One run goes nowhere.
      let svg = all.count > 1 ? picture.text ?? "" : ""
      return [
        "name": name(line), "svg": svg, "estimate": text.estimate + "×", "interval": text.interval,
        "isInvalid": !last.isValid, "span": span,
      ]
    }
    return [
      "workload": workload, "metric": group.metric, "against": shared.map { "ratio to \($0)" } ?? "ratios",
      "sparks": sparks, "opens": [[String: Any]](), "closes": false,
      "lines": lines.map { line -> [String: Any] in
        [
          "line": name(line),
          "points": runs.enumerated().compactMap { index, entry -> [String: Any]? in
            points[line]?[index].map { headline in
              let text = RatioText(estimate: headline.estimate, low: headline.low, high: headline.high)
              return [
                "date": NumberFormat.date(entry.started), "estimate": text.estimate + "×", "interval": text.interval,
                "isInvalid": !headline.isValid,
              ]
            }
          },
        ]
      },
    ]
  }
}
