internal import Model
internal import PlainText

/// What stands against what: an environment of layers is held against the one without them, not against the baseline,
/// which may be another file system.
extension Presentation {
  /// Each environment behind the one that it is held against, those in the order that was given.
  static func byReference(_ environments: [String], _ records: [String: EnvironmentRecord]) -> [String] {
    let known = Set(environments)
    var held: [String: [String]] = [:]
    var ordered: [String] = []
    for environment in environments {
      if let reference = records[environment]?.reference, reference != environment, known.contains(reference) {
        held[reference, default: []].append(environment)
      } else {
        ordered.append(environment)
      }
    }
    var result: [String] = []
    var seen: Set<String> = []
    func place(_ environment: String) {
      guard seen.insert(environment).inserted else { return }
      result.append(environment)
      held[environment]?.forEach(place)
    }
    ordered.forEach(place)
    // What names each other in a circle has no first one.
    environments.forEach(place)
    return result
  }

  /// Whether a workload's environments are held against references of their own, where they have one.
  func isHeldToReferences(_ workload: String) -> Bool { (kind(workload)?.field ?? .network) != .network }

  /// Whether any workload's packets take a path.
  var hasNetwork: Bool { workloads.isEmpty || workloads.contains { !isHeldToReferences($0) } }

  /// The environment that another is held against; nil of the baseline itself.
  func reference(of environment: String) -> String? {
    guard environment != baseline else { return nil }
    guard let reference = record(environment)?.reference, let record = record(reference), record.unavailable == nil
    else { return baseline }
    return reference
  }

  /// Whether an environment is held against the file system under it.
  func isLayered(_ environment: String) -> Bool { record(environment)?.reference != nil }

  /// "Held against plain-ext4, the baseline: overlayfs-ext4 and plain-xfs; against plain-xfs: overlayfs-xfs."
  func standing(_ environments: [String]) -> String {
    var groups: [(reference: String, names: [String])] = []
    for environment in environments {
      guard let reference = reference(of: environment) else { continue }
      if let index = groups.firstIndex(where: { $0.reference == reference }) {
        groups[index].names.append(environment)
      } else {
        groups.append((reference, [environment]))
      }
    }
    guard !groups.isEmpty else { return "There is nothing to hold it against." }
    groups.sort { first, second in first.reference == baseline && second.reference != baseline }
    let parts = groups.map { group in
      "against \(InertText.name(group.reference))\(group.reference == baseline ? ", the baseline" : ""): "
        + group.names.map { InertText.name($0) }.listed
    }
    return "Held " + parts.joined(separator: "; ") + "."
  }
}

extension SeriesResult {
  /// The series with its own reference in the baseline's place.
  var heldToReference: SeriesResult {
    guard let reference else { return self }
    var series = self
    series.ratio = reference.ratio
    series.difference = reference.difference
    series.direction = reference.direction
    series.note = reference.note ?? (median == nil ? note : nil)
    // It is of the other comparison.
    series.qValue = nil
    return series
  }
}

extension [String] {
  /// "a, b and c".
  var listed: String {
    guard let last, count > 1 else { return first ?? "" }
    return dropLast().joined(separator: ", ") + " and " + last
  }
}
