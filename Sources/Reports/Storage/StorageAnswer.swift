internal import Model
internal import PlainText

extension Presentation {
  private static let mostSentences = 5

  /// What a run on files and images answers, in sentences for those who read no further.
  func storageAnswer(isFirst: Bool) -> [String] {
    var sentences: [String] = []
    for section in sections {
      guard case .storage(let section) = section, let workload = section.workloads.first else { continue }
      switch kind(workload) {
      case .copyUp?: sentences += CopyUp(self, cache: spec(workload)?.files?.cache ?? .warm).answer
      case .imageRebuild?: sentences += ImageGrowth(self).answer
      case let kind?: sentences += answer(workload, kind).map { [$0] } ?? []
      case nil: break
      }
    }
    sentences = Array(sentences.prefix(Self.mostSentences))
    guard let first = sentences.first else { return [] }
    let opening = isFirst ? "On this host, " + first.prefix(1).lowercased() + first.dropFirst() : first.withCapital
    return [opening] + sentences.dropFirst()
  }

  /// "With lookup, stat of a name takes 1.03× [1.01, 1.05] as long in overlayfs-ext4 as in plain-ext4.": the layered
  /// environments that lie furthest from what they are held against. The table has the others.
  private func answer(_ workload: String, _ kind: WorkloadSpec.Kind) -> String? {
    guard validity.canJudge(workload) else { return nil }
    let layered = layeredInWords
    let rows = table(workload, headline(workload)).rows.filter { layered.contains($0.environment) && $0.ratio != nil }
    let metric = headline(workload)
    let shown = rows.sorted { distance($0) > distance($1) }.prefix(2).map(\.environment)
    let parts = rows.filter { shown.contains($0.environment) }.compactMap { row -> String? in
      guard let ratio = row.ratio, let reference = row.series?.reference?.environment ?? reference(of: row.environment)
      else { return nil }
      let finding =
        switch row.outcome.kind {
        case .more, .less: ""
        case .undecided: ", no difference found"
        case .baseline, .unavailable, .unjudged: ", not judged"
        }
      return metric.isBetterLarger
        ? "\(ratio.whole) those of \(InertText.name(reference)) in \(row.name)\(finding)"
        : "\(ratio.whole) as long in \(row.name) as in \(InertText.name(reference))\(finding)"
    }
    guard !parts.isEmpty else { return nil }
    let subject = metric.isBetterLarger ? "\(metric.title(for: kind)) are" : "\(kind.operation) takes"
    return "With \(InertText.name(workload)), \(subject) \(parts.listed)."
  }

  /// The environments that an answer speaks of: those that copy-up shows to have layers; all that are held against another
  /// one, where no copy-up was run.
  private var layeredInWords: Set<String> {
    let caches = Set(workloads.filter { kind($0) == .copyUp }.map { spec($0)?.files?.cache ?? .warm })
    let known = caches.flatMap { CopyUp(self, cache: $0).layered }
    return Set(known.isEmpty ? environments.filter(isLayered) : known)
  }

  private func distance(_ row: MetricRow) -> Double {
    guard let estimate = row.series?.ratio?.estimate, estimate > 0 else { return 0 }
    return estimate < 1 ? 1 / estimate : estimate
  }
}

extension CopyUp {
  /// The size of file that an answer speaks of, if it was measured: large enough to show, small enough to be met.
  private static let spokenSize = 64 << 20
  private static let mostNamed = 4

  /// Those that have files of lower layers, or of a snapshot: they copy or share. Where that is not known, all that are
  /// held against another file system.
  var layered: [String] {
    let all = environments.filter(page.isLayered)
    let sharing = all.filter { environment in
      sizes.contains { size in
        (median(environment, size, .bytesCopied) ?? 0) > 0 || (median(environment, size, .bytesShared) ?? 0) > 0
      }
    }
    return sharing.isEmpty ? all : sharing
  }

  /// What opening costs, whether that grows, and what is left of it afterwards.
  var answer: [String] {
    guard isJudged else { return [] }
    let layered = layered
    let known = sizes.filter { size in layered.contains { median($0, size, .openForWriting) != nil } }
    guard let size = known.last(where: { $0.bytes <= Self.spokenSize }) ?? known.first else { return [] }
    var sentences: [String] = []
    let times = layered.compactMap { environment in
      median(environment, size, .openForWriting).map { (name: InertText.name(environment), time: $0) }
    }
    let said = Self.ends(times).map { "\(NumberFormat.level($0.time, .openForWriting)) in \($0.name)" }
    sentences.append(
      "opening a file of \(size.title) of a lower layer for writing, the first time, takes \(said.listed).")
    let slopes = layered.compactMap { environment in
      line(environment, .openForWriting)?.slope.map { (InertText.name(environment), $0.perMebibyte) }
    }
    let growing = slopes.filter { $0.1.low > 0 }
    let flat = slopes.filter { $0.1.low <= 0 }.map(\.0)
    let longer = growing.prefix(Self.mostNamed).map { name, slope in
      let unit = DisplayUnit(.openForWriting, reference: slope.estimate)
      return "\(DifferenceText(slope, unit: unit).whole) longer in \(name)"
    }
    let parts = [
      longer.isEmpty ? nil : "it takes " + Array(longer).listed,
      flat.isEmpty ? nil : "no growth was found in \(Array(flat.prefix(Self.mostNamed)).listed)",
    ].compactMap(\.self)
    if !parts.isEmpty { sentences.append("With each MiB more, \(parts.joined(separator: "; ")).") }
    sentences += again(layered)
    return sentences
  }

  /// All, or of many the two slowest and the two fastest, in the order given.
  private static func ends(_ times: [(name: String, time: Double)]) -> [(name: String, time: Double)] {
    guard times.count > mostNamed else { return times }
    let sorted = times.sorted { ($0.time, $0.name) < ($1.time, $1.name) }
    let names = Set((sorted.prefix(mostNamed / 2) + sorted.suffix(mostNamed / 2)).map(\.name))
    return times.filter { names.contains($0.name) }
  }

  /// "Writing it again, to the disk, takes 0.99× to 1.02× as long as on the plain file system …".
  private func again(_ layered: [String]) -> [String] {
    let all = layered.compactMap { environment in
      ratios(environment, .secondDurable).map { (name: InertText.name(environment), ratios: $0) }
    }
    let same = all.filter { entry in entry.ratios.allSatisfy { $0.interval.low <= 1 && $0.interval.high >= 1 } }
    let other = all.filter { entry in !same.contains { $0.name == entry.name } }
    var sentences: [String] = []
    if !same.isEmpty {
      let range = Self.range(same.flatMap { $0.ratios.map(\.interval) })
      sentences.append(
        "Writing such a file again, to the disk, costs the same as on the plain file system in "
          + "\(same.map(\.name).listed): \(range).")
    }
    if !other.isEmpty {
      let said = other.map { "\(Self.range($0.ratios.map(\.interval))) in \($0.name)" }
      let all = "\(Self.range(other.flatMap { $0.ratios.map(\.interval) })) in \(other.map(\.name).listed)"
      sentences.append("Writing such a file again, to the disk, takes \(other.count > 2 ? all : said.listed).")
    }
    return sentences
  }
}
