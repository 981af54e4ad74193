internal import Model
internal import Yams

/// Turns the tree of a scenario file into a ``Scenario``, part by part, and reports every mistake with its place.
struct ScenarioReader {
  let knownEnvironments: [String]
  let problems: Problems

  private static let schemaPrefix = "bench.scenario/"
  private static let keys = [
    "schema", "name", "title", "description", "baseline", "environments", "workloads", "profiles", "capture",
    "claims",
  ]

  /// - Returns: nil if `problems` has at least one problem.
  func read(_ root: Node) -> Scenario? {
    // A file of another schema may have any keys: complaining about each of them would hide the reason.
    guard checkSchema(root),
      let fields = Fields(root, subject: "the scenario", keys: Self.keys, problems)
    else { return nil }

    let name = fields.name("name")
    let title = fields.text("title")
    let description = fields.text("description", mayHaveParagraphs: true)
    let environments = readEnvironments(fields)
    let baseline = readBaseline(fields, environments)
    let workloads = readWorkloads(fields)
    let profiles = readProfiles(fields, workloads?.map(\.name))
    let capture = readCapture(fields)
    let claims = readClaims(
      fields, workloads?.map(\.name), environments ?? knownEnvironments, baseline: baseline)

    guard problems.isEmpty, let name, let title, let description, let environments, let baseline, let workloads
    else { return nil }
    return Scenario(
      name: name, title: title, description: description, baseline: baseline, environments: environments,
      workloads: workloads, profiles: profiles, capture: capture, claims: claims)
  }

  private func checkSchema(_ root: Node) -> Bool {
    guard case .mapping(let mapping) = root else {
      problems.report("a scenario must be a mapping (key: value), not \(root.kind)", at: root.place)
      return false
    }
    let entry = mapping.first { key, _ in
      if case .scalar(let scalar) = key { return scalar.string == "schema" }
      return false
    }
    guard let node = entry?.value, case .scalar(let scalar) = node, !scalar.isNull else {
      problems.report("the file does not say 'schema: \(Scenario.currentSchema)'", at: entry?.value.place ?? root.place)
      return false
    }
    let schema = scalar.string.trimmed
    if schema == Scenario.currentSchema { return true }
    let version = schema.hasPrefix(Self.schemaPrefix) ? UInt64(schema.dropFirst(Self.schemaPrefix.count)) : nil
    let current = UInt64(Scenario.currentSchema.dropFirst(Self.schemaPrefix.count)) ?? 0
    if let version, version > current {
      problems.report(
        "schema \(Display.quoted(schema)) is newer than this program, which reads '\(Scenario.currentSchema)':"
          + " install a newer bench", at: node.place)
    } else {
      problems.report(
        "unknown schema \(Display.quoted(schema)) (this program reads '\(Scenario.currentSchema)')", at: node.place)
    }
    return false
  }

  // MARK: - Environments

  /// - Returns: nil if the list is not valid, so that what refers to it is not blamed for its mistakes.
  private func readEnvironments(_ fields: Fields) -> [String]? {
    guard let entries = fields.texts("environments", of: "environments") else { return nil }
    var names: [String] = []
    var isGood = true
    for (text, place) in entries {
      if !knownEnvironments.contains(text) {
        problems.report(Fields.unknown("environment", text, knownEnvironments, plural: "environments"), at: place)
        isGood = false
      } else if names.contains(text) {
        problems.report("environment '\(text)' is listed twice", at: place)
        isGood = false
      }
      names.append(text)
    }
    if entries.count < 2 {
      fields.report("'environments' needs at least two: a baseline and one to compare with it", at: "environments")
      isGood = false
    }
    return isGood ? names : nil
  }

  private func readBaseline(_ fields: Fields, _ environments: [String]?) -> String? {
    guard let baseline = fields.text("baseline") else { return nil }
    if !knownEnvironments.contains(baseline) {
      let candidates = environments ?? knownEnvironments
      fields.report(Fields.unknown("environment", baseline, candidates, plural: "environments"), at: "baseline")
    } else if let environments, !environments.contains(baseline) {
      fields.report(
        "the baseline '\(baseline)' is not among the scenario's environments (\(Display.list(environments)))",
        at: "baseline")
    } else if let environments, baseline != environments.first {
      // Environments stand in ladder order, each adding to the one before, and reports draw them so.
      fields.report("the baseline '\(baseline)' must be the first of 'environments'", at: "environments")
    }
    return baseline
  }

  // MARK: - Workloads

  /// - Returns: nil if not all names are known, so that what refers to them is not blamed for it.
  private func readWorkloads(_ fields: Fields) -> [WorkloadSpec]? {
    guard let nodes = fields.list("workloads", of: "workloads") else { return nil }
    if nodes.isEmpty {
      fields.report("'workloads' needs at least one workload", at: "workloads")
      return nil
    }
    var workloads: [WorkloadSpec] = []
    for node in nodes {
      guard
        let fields = Fields(
          node, subject: "a workload", keys: ["name", "kind", "wait", "placement", "size"], problems)
      else { continue }
      let name = fields.name("name")
      let kind: WorkloadSpec.Kind? = fields.choice("kind", of: "kinds")
      let wait: WorkloadSpec.WaitMode? = fields.choice("wait", of: "wait modes")
      let placement: WorkloadSpec.Placement? = fields.choice("placement", of: "placements", default: .split)
      let size = fields.integer("size", in: WorkloadSpec.sizes, default: 64)
      if wait == .spin && placement == .same {
        fields.report(
          "placement 'same' needs wait 'block': two spinning processes on one CPU would measure the scheduler's time "
            + "slice", at: "placement")
      }
      if let name, workloads.contains(where: { $0.name == name }) {
        fields.report("a second workload named '\(name)'", at: "name")
      }
      // What could not be read stands for itself here, so that references to the workload's name are still resolved.
      if let name {
        workloads.append(
          WorkloadSpec(
            name: name, kind: kind ?? .udpRR, wait: wait ?? .block, placement: placement ?? .split, size: size ?? 64))
      }
    }
    return workloads.count == nodes.count ? workloads : nil
  }

  // MARK: - Profiles

  private func readProfiles(_ fields: Fields, _ workloads: [String]?) -> [ProfileName: Profile] {
    let names = ProfileName.allCases.map(\.rawValue)
    guard let node = fields.node("profiles"), let parts = Fields(node, subject: "'profiles'", keys: names, problems)
    else { return [:] }
    var profiles: [ProfileName: Profile] = [:]
    for name in ProfileName.allCases where parts.has(name.rawValue) {
      if let node = parts.node(name.rawValue) { profiles[name] = readProfile(node, name, workloads) }
    }
    if profiles.isEmpty && problems.isEmpty {
      fields.report("'profiles' needs at least one of: \(Display.list(names))", at: "profiles")
    }
    return profiles
  }

  private func readProfile(_ node: Node, _ name: ProfileName, _ workloads: [String]?) -> Profile? {
    let keys = ["window", "warmup", "budget", "looks", "confidence", "workloads"]
    guard let fields = Fields(node, subject: "profile '\(name.rawValue)'", keys: keys, problems) else { return nil }
    let window = fields.milliseconds("window", in: 10...600_000)
    let warmup = fields.milliseconds("warmup", in: 0...60_000)
    let budget = fields.milliseconds("budget", in: 1000...86_400_000, wholeSeconds: true)
    let looks = readLooks(fields)
    let confidence = readConfidence(fields)
    let selection = readSelection(fields, workloads)
    guard let window, let warmup, let budget else { return nil }
    var profile = Profile(
      windowMilliseconds: window, warmupMilliseconds: warmup, budgetSeconds: budget / 1000, workloads: selection)
    if let looks { profile.looks = looks }
    if let confidence { profile.confidence = confidence }
    return profile
  }

  private func readLooks(_ fields: Fields) -> [Int]? {
    // Below 8 blocks no interval of the usual confidence exists; ten thousand would take days.
    guard fields.has("looks"), let looks = fields.integers("looks", in: 8...10_000) else { return nil }
    if looks.isEmpty { fields.report("'looks' needs at least one number of blocks", at: "looks") }
    if zip(looks, looks.dropFirst()).contains(where: { $0 >= $1 }) {
      fields.report("'looks' must ascend: each is a later number of blocks", at: "looks")
    }
    return looks
  }

  private func readConfidence(_ fields: Fields) -> Double? {
    guard fields.has("confidence"), let confidence = fields.number("confidence") else { return nil }
    if !(0.5..<1).contains(confidence) {
      fields.report("'confidence' must be at least 0.5 and below 1, such as 0.99, not \(confidence)", at: "confidence")
    }
    return confidence
  }

  private func readSelection(_ fields: Fields, _ workloads: [String]?) -> [String]? {
    guard fields.has("workloads"), let entries = fields.texts("workloads", of: "workload names") else { return nil }
    if entries.isEmpty {
      fields.report("'workloads' is empty: name at least one, or leave the key out to run all", at: "workloads")
    }
    var names: [String] = []
    for (text, place) in entries {
      if let workloads, !workloads.contains(text) {
        problems.report(Fields.unknown("workload", text, workloads, plural: "scenario's workloads"), at: place)
      } else if names.contains(text) {
        problems.report("workload '\(text)' is listed twice", at: place)
      }
      names.append(text)
    }
    return names
  }

  // MARK: - Capture

  private func readCapture(_ fields: Fields) -> CaptureSpec? {
    guard fields.has("capture"), let node = fields.node("capture"),
      let parts = Fields(node, subject: "'capture'", keys: ["sampling"], problems),
      let sampling = parts.integer("sampling", in: CaptureSpec.samplings)
    else { return nil }
    // The kernel's filter tests the low bits of the sequence number.
    if sampling & (sampling - 1) != 0 {
      parts.report(
        "'sampling' must be a power of two (one round trip in 1, 2, 4, … 65536), not \(sampling)", at: "sampling")
    }
    return CaptureSpec(sampling: sampling)
  }

  // MARK: - Claims

  private func readClaims(
    _ fields: Fields, _ workloads: [String]?, _ environments: [String], baseline: String?
  ) -> [ClaimSpec] {
    guard let nodes = fields.list("claims", of: "claims", isRequired: false) else { return [] }
    var claims: [ClaimSpec] = []
    var ids: Set<String> = []
    for node in nodes {
      guard let fields = Fields(node, subject: "a claim", keys: Self.claimKeys, problems) else { continue }
      let id = fields.name("id")
      if let id, !ids.insert(id).inserted { fields.report("a second claim with the id '\(id)'", at: "id") }
      if let claim = readClaim(fields, id, workloads, environments, baseline) { claims.append(claim) }
    }
    return claims
  }

  private static let claimKeys = [
    "id", "section", "statement", "workload", "metric", "environment", "quantity", "region", "margin", "supported",
    "refuted",
  ]

  private func readClaim(
    _ fields: Fields, _ id: String?, _ workloads: [String]?, _ environments: [String], _ baseline: String?
  ) -> ClaimSpec? {
    // Everything is read before anything is missed, so that all mistakes of a claim are reported together.
    let section = fields.text("section")
    let statement = fields.text("statement")
    let workload =
      workloads.map { fields.reference("workload", to: "workload", among: $0) } ?? fields.text("workload")
    let metric: Metric? = fields.choice("metric", of: "metrics")
    let environment = fields.reference("environment", to: "environment", among: environments)
    if let environment, environment == baseline {
      fields.report("a claim is about another environment than the baseline '\(environment)'", at: "environment")
    }
    let quantity: ClaimSpec.Quantity? = fields.choice("quantity", of: "quantities")
    let region = readRegion(fields, quantity)
    let margin = fields.number("margin")
    if let margin, margin <= 0 { fields.report("'margin' must be above 0, not \(margin)", at: "margin") }
    let supported = fields.text("supported")
    let refuted = fields.text("refuted")

    guard let id, let section, let statement, let workload, let metric, let environment, let quantity, let region,
      let margin, let supported, let refuted
    else { return nil }
    return ClaimSpec(
      id: id, section: section, statement: statement, workload: workload, metric: metric, environment: environment,
      quantity: quantity, region: region, margin: margin, supportedReason: supported, refutedReason: refuted)
  }

  private func readRegion(_ fields: Fields, _ quantity: ClaimSpec.Quantity?) -> ClaimRegion? {
    guard let node = fields.node("region"),
      let bounds = Fields(node, subject: "a claim's region", keys: ["above", "below"], problems)
    else { return nil }
    if !bounds.has("above") && !bounds.has("below") {
      fields.report("a claim's region needs 'above', 'below' or both", at: "region")
      return nil
    }
    let above = bounds.number("above", isRequired: false)
    let below = bounds.number("below", isRequired: false)
    for (key, bound) in [("above", above), ("below", below)] {
      if let bound, quantity == .ratio && bound <= 0 {
        bounds.report("'\(key)' must be above 0, not \(bound): a ratio is never less", at: key)
      }
    }
    if let above, let below, above >= below {
      fields.report("a claim's region needs 'above' (\(above)) to be less than 'below' (\(below))", at: "region")
    }
    return ClaimRegion(above: above, below: below)
  }
}
