/// A document in OpenMetrics 1.0 (https://prometheus.io/docs/specs/om/open_metrics_spec/) that is one in the Prometheus text
/// format, 0.0.4, too.
///
/// To be both: gauges alone (the other has no info and no state set), no timestamps (node_exporter refuses them), no
/// exemplars; `# UNIT` and `# EOF` are comments there. Nothing that is not a number is written.
struct OpenMetricsText {
  private struct Family {
    var unit: String?
    var help: String
    var samples: [(labels: String, value: Double)] = []
    var taken: Set<String> = []
  }

  private var names: [String] = []
  private var families: [String: Family] = [:]

  /// Opens a family of gauges, or nothing where there is one of the name.
  /// - Parameters:
  ///   - name: of `[a-z_]` alone, with the unit as its end where there is one.
  ///   - help: one line, without quotation marks and backslashes, which the two formats escape differently.
  mutating func family(_ name: String, unit: String? = nil, help: String) {
    guard families[name] == nil else { return }
    names.append(name)
    families[name] = Family(unit: unit, help: help)
  }

  /// Adds a sample to an opened family. What is no number, or not finite, is left out.
  ///
  /// Two samples may not have the same labels; where names became alike by being made inert, the second is told apart by
  /// the label `duplicate`.
  mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Double?) {
    guard let value, value.isFinite, var family = families[name] else { return }
    var text = Self.text(labels)
    var number = 2
    while !family.taken.insert(text).inserted {
      text = Self.text(labels + [("duplicate", String(number))])
      number += 1
    }
    family.samples.append((text, value))
    families[name] = family
  }

  private static func text(_ labels: [(String, String)]) -> String {
    labels.isEmpty ? "" : "{" + labels.map { "\($0)=\"\(escaped($1))\"" }.joined(separator: ",") + "}"
  }

  /// A label's value: the three escapes that both formats know. By scalars, as a mark behind a quotation mark makes one
  /// character with it.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\"": result += "\\\""
      case "\n": result += "\\n"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// The document; families without a sample are not in it.
  var text: String {
    var text = ""
    for name in names {
      guard let family = families[name], !family.samples.isEmpty else { continue }
      text += "# TYPE \(name) gauge\n"
      if let unit = family.unit { text += "# UNIT \(name) \(unit)\n" }
      text += "# HELP \(name) \(family.help)\n"
      for sample in family.samples { text += "\(name)\(sample.labels) \(CSVReport.digits(sample.value))\n" }
    }
    return text + "# EOF\n"
  }
}
