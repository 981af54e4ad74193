internal import Model
internal import Yams

/// Turns the tree of a scenario file into a ``Scenario``, part by part, and reports every mistake with its place.
struct ScenarioReader {
  let knownEnvironments: [String]
  let claimsSource: ClaimsSource
  let problems: Problems

  private static let schemaPrefix = "bench.scenario/"
  private static let keys = [
    "schema", "name", "title", "description", "baseline", "environments", "workloads", "profiles", "capture",
    "image_size", "claims",
  ]

  /// - Returns: nil if `problems` has at least one problem.
  func read(_ root: Node) -> Scenario? {
    // A file of another schema may have any keys: complaining about each of them would hide the reason.
    let schema = SchemaCheck(
      current: Scenario.currentSchema, prefix: Self.schemaPrefix, subject: "a scenario",
      others: [ClaimsFile.currentSchema: "a file of claims"])
    guard schema.accepts(root, problems),
      let fields = Fields(root, subject: "the scenario", keys: Self.keys, problems)
    else { return nil }

    let name = fields.name("name")
    let title = fields.text("title")
    let description = fields.text("description", mayHaveParagraphs: true)
    let environments = readEnvironments(fields)
    let baseline = readBaseline(fields, environments)
    let (workloads, field) = readWorkloads(fields)
    let profiles = readProfiles(fields, workloads?.map(\.name), environments, baseline)
    let capture = readCapture(fields, field)
    let imageSize = readImageSize(fields, field)
    let claims = readClaims(fields, workloads, environments ?? knownEnvironments, baseline: baseline)

    guard problems.isEmpty, let name, let title, let description, let environments, let baseline, let workloads
    else { return nil }
    return Scenario(
      name: name, title: title, description: description, baseline: baseline, environments: environments,
      workloads: workloads, profiles: profiles, capture: capture, imageSize: imageSize, claims: claims)
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

  /// - Returns: nil if not all names are known, so that what refers to them is not blamed for it; and what the workloads
  ///   work with, nil if no kind is known.
  private func readWorkloads(_ fields: Fields) -> ([WorkloadSpec]?, WorkloadSpec.Field?) {
    guard let nodes = fields.list("workloads", of: "workloads") else { return (nil, nil) }
    if nodes.isEmpty {
      fields.report("'workloads' needs at least one workload", at: "workloads")
      return (nil, nil)
    }
    var workloads: [WorkloadSpec] = []
    var first: WorkloadSpec.Kind?
    for node in nodes {
      guard let fields = Fields(node, subject: "a workload", keys: Self.workloadKeys, problems) else { continue }
      let kind: WorkloadSpec.Kind? = fields.choice("kind", of: "kinds")
      // They share their environments, and an environment is for one thing.
      if let kind, let first, kind.field != first.field {
        fields.report(
          "kind '\(kind.rawValue)' works with \(kind.field.noun), and '\(first.rawValue)' before it with "
            + "\(first.field.noun): a scenario has workloads of one sort", at: "kind")
      }
      first = first ?? kind
      let workload = readWorkload(fields, kind)
      if let workload, workloads.contains(where: { $0.name == workload.name }) {
        fields.report("a second workload named '\(workload.name)'", at: "name")
      }
      if let workload { workloads.append(workload) }
    }
    return (workloads.count == nodes.count ? workloads : nil, first?.field)
  }

  private static let workloadKeys =
    [
      "name", "kind", "wait", "placement", "size", "reply_size", "concurrency", "rate", "framing", "server", "client",
      "reported",
    ] + FileWorkReader.keys

  /// What could not be read stands for itself in the result, so that references to the workload's name are still
  /// resolved.
  private func readWorkload(_ fields: Fields, _ kind: WorkloadSpec.Kind?) -> WorkloadSpec? {
    let name = fields.name("name")
    let isMessaging = kind.map { $0.field == .network } ?? true
    // One process, and where it waits is part of the kind. Of a kind that is unknown nothing is missed.
    let wait: WorkloadSpec.WaitMode? = fields.choice(
      "wait", of: "wait modes", default: kind == nil || kind == .exec || !isMessaging ? .block : nil)
    let placement: WorkloadSpec.Placement? = fields.choice("placement", of: "placements", default: .split)
    let size = fields.integer("size", in: WorkloadSpec.sizes, default: 64)
    let replySize = fields.has("reply_size") ? fields.integer("reply_size", in: WorkloadSpec.sizes) : nil
    let concurrency = fields.integer("concurrency", in: WorkloadSpec.concurrencies, default: 1)
    let rate = fields.has("rate") ? fields.integer("rate", in: WorkloadSpec.rates) : nil
    let framing: WorkloadSpec.Framing? = fields.choice("framing", of: "framings", default: WorkloadSpec.Framing.none)
    let commands = readCommands(fields, kind)
    if wait == .spin && placement == .same {
      fields.report(
        "placement 'same' needs wait 'block': two spinning processes on one CPU would measure the scheduler's time "
          + "slice", at: "placement")
    }
    let files = kind.flatMap { $0.field == .network ? nil : FileWorkReader(fields: fields, kind: $0).read() }
    if let kind { checkKeys(fields, of: kind, framing) }
    guard let name else { return nil }
    return WorkloadSpec(
      name: name, kind: kind ?? .udpRR, wait: wait ?? .block, placement: placement ?? .split, size: size ?? 64,
      replySize: replySize, concurrency: concurrency ?? 1, rate: rate, framing: framing ?? .none, commands: commands,
      files: files)
  }

  /// A key that a kind takes no notice of would look as if it did something.
  private func checkKeys(_ fields: Fields, of kind: WorkloadSpec.Kind, _ framing: WorkloadSpec.Framing?) {
    var useless: [String] = []
    switch kind {
    case .udpRR, .tcpRR: useless = ["rate"]
    case .tcpCRR: useless = ["rate", "concurrency", "framing"]
    case .udpOpen, .tcpOpen: useless = []
    case .tcpStream, .udpStream: useless = ["rate", "concurrency", "framing", "reply_size"]
    case .exec: useless = ["size", "reply_size", "concurrency", "rate", "framing"]
    case .copyUp, .randomIO, .sequentialIO, .lookup, .metadata, .mmapWrite, .sqliteCommit, .imageRebuild:
      useless = ["wait", "placement", "size", "reply_size", "concurrency", "rate", "framing"]
    }
    let used = FileWorkReader.keys(of: kind)
    useless += FileWorkReader.keys.filter { !used.contains($0) }
    if kind == .udpOpen { useless.append("concurrency") }
    if kind != .exec { useless += ["server", "client", "reported"] }
    for key in useless where fields.has(key) {
      fields.report("a workload of kind '\(kind.rawValue)' has no '\(key)'", at: key)
    }
    if (kind == .udpOpen || kind == .tcpOpen) && !fields.has("rate") {
      fields.report("a workload of kind '\(kind.rawValue)' needs a 'rate', in requests per second", at: "kind")
    }
    let (smallest, why) = kind.smallestSize
    for key in ["size", "reply_size"] where fields.has(key) && smallest > 1 {
      if let size = fields.integer(key, in: WorkloadSpec.sizes), size < smallest {
        fields.report("'\(key)' of a workload of kind '\(kind.rawValue)' must be at least \(smallest): \(why)", at: key)
      }
    }
    if framing == .http && kind.isUDP { fields.report("'framing: http' goes over TCP alone", at: "framing") }
  }

  /// The user's own server and client.
  private func readCommands(_ fields: Fields, _ kind: WorkloadSpec.Kind?) -> WorkloadSpec.Commands? {
    guard kind == .exec else { return nil }
    func words(_ key: String) -> [String]? {
      guard let words = fields.texts(key, of: "a program and its arguments", mayBeEmpty: true)?.map(\.text) else {
        return nil
      }
      let isNamed = words.first?.isEmpty == false
      if !isNamed { fields.report("'\(key)' is empty: name a program", at: key) }
      return isNamed ? words : nil
    }
    let server = fields.has("server") ? words("server") : nil
    let client = words("client")
    var reported: String?
    if fields.has("reported"), let pattern = fields.text("reported") {
      do throws(ReportedNumber.Problem) { _ = try ReportedNumber(pattern: pattern) } catch {
        fields.report("'reported' \(error.description)", at: "reported")
      }
      reported = pattern
    }
    return client.map { WorkloadSpec.Commands(server: server, client: $0, reported: reported) }
  }

  // MARK: - Profiles

  private func readProfiles(
    _ fields: Fields, _ workloads: [String]?, _ environments: [String]?, _ baseline: String?
  ) -> [ProfileName: Profile] {
    let names = ProfileName.allCases.map(\.rawValue)
    guard let node = fields.node("profiles"), let parts = Fields(node, subject: "'profiles'", keys: names, problems)
    else { return [:] }
    var profiles: [ProfileName: Profile] = [:]
    for name in ProfileName.allCases where parts.has(name.rawValue) {
      if let node = parts.node(name.rawValue) {
        profiles[name] = readProfile(node, name, workloads, environments, baseline)
      }
    }
    if profiles.isEmpty && problems.isEmpty {
      fields.report("'profiles' needs at least one of: \(Display.list(names))", at: "profiles")
    }
    return profiles
  }

  private func readProfile(
    _ node: Node, _ name: ProfileName, _ workloads: [String]?, _ environments: [String]?, _ baseline: String?
  ) -> Profile? {
    let keys = ["window", "warmup", "budget", "looks", "confidence", "workloads", "environments"]
    guard let fields = Fields(node, subject: "profile '\(name.rawValue)'", keys: keys, problems) else { return nil }
    let window = fields.milliseconds("window", in: 10...600_000)
    let warmup = fields.milliseconds("warmup", in: 0...60_000)
    let budget = fields.milliseconds("budget", in: 1000...86_400_000, wholeSeconds: true)
    let looks = readLooks(fields)
    let confidence = readConfidence(fields)
    let selection = readSelection(fields, "workloads", of: "workload", among: workloads)
    let places = readSelection(fields, "environments", of: "environment", among: environments)
    if let places, !places.isEmpty, let baseline, !places.contains(baseline) {
      fields.report("'environments' leaves out the baseline '\(baseline)'", at: "environments")
    }
    guard let window, let warmup, let budget else { return nil }
    var profile = Profile(
      windowMilliseconds: window, warmupMilliseconds: warmup, budgetSeconds: budget / 1000, workloads: selection,
      environments: places)
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

  /// The names that a profile picks.
  /// - Parameter noun: what they name: "workload".
  private func readSelection(
    _ fields: Fields, _ key: String, of noun: String, among candidates: [String]?
  ) -> [String]? {
    guard fields.has(key), let entries = fields.texts(key, of: "\(noun) names") else { return nil }
    if entries.isEmpty {
      fields.report("'\(key)' is empty: name at least one, or leave the key out to run all", at: key)
    }
    var names: [String] = []
    for (text, place) in entries {
      if let candidates, !candidates.contains(text) {
        problems.report(Fields.unknown(noun, text, candidates, plural: "scenario's \(noun)s"), at: place)
      } else if names.contains(text) {
        problems.report("\(noun) '\(text)' is listed twice", at: place)
      }
      names.append(text)
    }
    return names
  }

  // MARK: - Capture

  private func readCapture(_ fields: Fields, _ field: WorkloadSpec.Field?) -> CaptureSpec? {
    guard fields.has("capture") else { return nil }
    if let field, field != .network {
      fields.report("'capture' looks at packets, and workloads that work with \(field.noun) send none", at: "capture")
      return nil
    }
    guard let node = fields.node("capture"),
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

  // MARK: - Images

  /// mkfs.xfs makes nothing smaller than 300 MiB, and what is in a file system must fit in twice.
  private static let imageSizes = (1 << 29)...(1 << 44)

  private func readImageSize(_ fields: Fields, _ field: WorkloadSpec.Field?) -> Int? {
    guard fields.has("image_size") else { return nil }
    if let field, field == .network {
      fields.report(
        "'image_size' is that of file systems, and workloads that work with \(field.noun) need none", at: "image_size")
      return nil
    }
    return fields.bytes("image_size", in: Self.imageSizes)
  }

  // MARK: - Claims

  private func readClaims(
    _ fields: Fields, _ workloads: [WorkloadSpec]?, _ environments: [String], baseline: String?
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
    "id", "section", "statement", "workload", "metric", "environment", "against", "quantity", "over", "over_workloads",
    "region", "margin", "supported", "refuted", "published",
  ]

  private func readClaim(
    _ fields: Fields, _ id: String?, _ workloads: [WorkloadSpec]?, _ environments: [String], _ baseline: String?
  ) -> ClaimSpec? {
    // Everything is read before anything is missed, so that all mistakes of a claim are reported together.
    let shared = readShared(fields, id)
    let workload =
      workloads.map { fields.reference("workload", to: "workload", among: $0.map(\.name)) } ?? fields.text("workload")
    let environment = fields.reference("environment", to: "environment", among: environments)
    if let environment, environment == baseline {
      fields.report("a claim is about another environment than the baseline '\(environment)'", at: "environment")
    }
    let against = fields.has("against") ? fields.reference("against", to: "environment", among: environments) : nil
    if let against, against == environment {
      fields.report("a claim is about another environment than that which it is held against", at: "against")
    }
    let quantity = shared.quantity
    let isOverWorkloads = fields.has("over_workloads")
    let over = isOverWorkloads ? nil : readSizes(fields, quantity, environments, environment)
    let overWorkloads = isOverWorkloads ? readWorkloadSizes(fields, quantity, workloads, workload) : nil
    let supported = fields.text("supported")
    let refuted = fields.text("refuted")

    guard let id, let article = shared.article(id), let rule = article.rule, let workload, let environment,
      let supported, let refuted
    else { return nil }
    return ClaimSpec(
      id: id, section: article.section, statement: article.statement, workload: workload, metric: rule.metric,
      environment: environment, against: against, quantity: rule.quantity, over: over, overWorkloads: overWorkloads,
      region: rule.region, margin: rule.margin, supportedReason: supported, refutedReason: refuted,
      published: article.published)
  }

  // MARK: What claims.yaml may say instead

  /// What a claim has in common with every other one of its id. What could not be read is nil.
  private struct Shared {
    var section: String?
    var statement: String?
    var metric: Metric?
    var quantity: ClaimSpec.Quantity?
    var region: ClaimRegion?
    var margin: Double?
    var published: [ClaimSpec.Published] = []

    /// nil if anything is missing.
    func article(_ id: String) -> ArticleClaim? {
      guard let section, let statement, let metric, let quantity, let region, let margin else { return nil }
      return ArticleClaim(
        id: id, section: section, statement: statement,
        rule: ArticleClaim.Rule(metric: metric, quantity: quantity, region: region, margin: margin),
        published: published)
    }
  }

  private static let sharedKeys = ["section", "statement", "metric", "quantity", "region", "margin"]

  private func readShared(_ fields: Fields, _ id: String?) -> Shared {
    let missing = Self.sharedKeys.filter(fields.lacks)
    // A whole claim is its author's own unless its author has a file of claims beside it: then one of the two is wrong.
    if let id, !missing.isEmpty || claimsSource.isBeside, let article = claimsSource.claim(id) {
      for key in Self.sharedKeys + ["published"] where fields.has(key) {
        fields.report(
          "'\(key)' of claim '\(id)' is said in \(ClaimsFile.fileName) already: leave it out here", at: key)
      }
      if article.rule == nil {
        fields.report(
          "claim '\(id)' has no rule in \(ClaimsFile.fileName) yet: give it 'metric', 'quantity', 'region' and "
            + "'margin' there, and take 'open' out", at: "id")
      }
      return Shared(
        section: article.section, statement: article.statement, metric: article.rule?.metric,
        quantity: article.rule?.quantity, region: article.rule?.region, margin: article.rule?.margin,
        published: article.published)
    }
    if let id, claimsSource.failure == nil, !missing.isEmpty,
      claimsSource.path != nil || missing.count == Self.sharedKeys.count
    {
      let ids = claimsSource.claims.map(\.id)
      let near = Suggestion.nearest(to: id, among: ids).map { " (did you mean '\($0)'?)" } ?? ""
      let remedy =
        claimsSource.path == nil
        ? ", since no \(ClaimsFile.fileName) that could say it lies beside the scenario"
        : ", or use an id of \(ClaimsFile.fileName)\(near)"
      let list = missing.map { "'\($0)'" }.joined(separator: ", ")
      fields.report("claim '\(id)' has no \(list): give \(missing.count == 1 ? "it" : "them")\(remedy)", at: "id")
      return readOwn(fields) { fields.has($0) }
    }
    // A file that cannot be read is the error then, and not what it would have said.
    return readOwn(fields) { claimsSource.failure == nil || fields.has($0) }
  }

  /// - Parameter isWanted: whether to read a key, and to miss it.
  private func readOwn(_ fields: Fields, _ isWanted: (String) -> Bool) -> Shared {
    var shared = Shared()
    if isWanted("section") { shared.section = fields.text("section") }
    if isWanted("statement") { shared.statement = fields.text("statement") }
    if isWanted("metric") { shared.metric = fields.choice("metric", of: "metrics") }
    if isWanted("quantity") { shared.quantity = fields.choice("quantity", of: "quantities") }
    shared.published = ClaimReading.published(fields, problems)
    if isWanted("region") { shared.region = ClaimReading.region(fields, shared.quantity, problems) }
    if isWanted("margin") { shared.margin = ClaimReading.margin(fields) }
    return shared
  }

  /// Of a slope: how large what grows is in each environment.
  private func readSizes(
    _ fields: Fields, _ quantity: ClaimSpec.Quantity?, _ environments: [String], _ environment: String?
  ) -> [String: Double]? {
    guard quantity == .slope else {
      if fields.has("over") { fields.report("'over' is for claims with 'quantity: slope'", at: "over") }
      return nil
    }
    if fields.has("against") {
      fields.report("a slope is held against no environment: leave 'against' out", at: "against")
    }
    guard let node = fields.node("over"),
      let parts = Fields(node, subject: "'over'", keys: environments, problems)
    else { return nil }
    var sizes: [String: Double] = [:]
    for name in environments where parts.has(name) { sizes[name] = parts.number(name) }
    if Set(sizes.values).count < 3 {
      fields.report(
        "'over' needs at least three environments of different sizes: a line goes through any two", at: "over")
    }
    if let environment, sizes[environment] == nil || sizes[environment] != sizes.values.max() {
      fields.report("'environment' must be the one with the largest size in 'over'", at: "environment")
    }
    return sizes
  }

  /// Of a slope within one environment: how large the files of each workload are.
  /// - Parameter workloads: nil if they could not all be read.
  private func readWorkloadSizes(
    _ fields: Fields, _ quantity: ClaimSpec.Quantity?, _ workloads: [WorkloadSpec]?, _ workload: String?
  ) -> [String: Double]? {
    guard quantity == .slope else {
      fields.report("'over_workloads' is for claims with 'quantity: slope'", at: "over_workloads")
      return nil
    }
    if fields.has("over") {
      fields.report("a slope is over environments or over workloads: leave 'over' or 'over_workloads' out", at: "over")
    }
    if fields.has("against") {
      fields.report("a slope is held against no environment: leave 'against' out", at: "against")
    }
    guard let workloads, let node = fields.node("over_workloads"),
      let parts = Fields(node, subject: "'over_workloads'", keys: workloads.map(\.name), problems)
    else { return nil }
    var sizes: [String: Double] = [:]
    var kinds: Set<WorkloadSpec.Kind> = []
    for spec in workloads where parts.has(spec.name) {
      guard let size = parts.bytes(spec.name, in: FileWork.sizes) else { continue }
      guard let files = spec.files, FileWorkReader.keys(of: spec.kind).contains("file_size") else {
        parts.report("workload '\(spec.name)' has no 'file_size' that a line could go over", at: spec.name)
        continue
      }
      if files.size != size {
        parts.report(
          "'file_size' of workload '\(spec.name)' is \(SizeText.describe(bytes: files.size)), not "
            + SizeText.describe(bytes: size), at: spec.name)
      }
      kinds.insert(spec.kind)
      sizes[spec.name] = Double(size)
    }
    if kinds.count > 1 {
      fields.report("'over_workloads' needs workloads of one kind", at: "over_workloads")
    }
    if Set(sizes.values).count < 3 {
      fields.report(
        "'over_workloads' needs at least three workloads of different sizes: a line goes through any two",
        at: "over_workloads")
    }
    if let workload, sizes[workload] == nil || sizes[workload] != sizes.values.max() {
      fields.report("'workload' must be the one with the largest size in 'over_workloads'", at: "workload")
    }
    return sizes
  }
}
