internal import Model
internal import PlainText

/// What a report says of a workload, or of several that are one question.
enum ReportSection {
  /// A workload whose packets take a path: a ladder, counts, charts.
  case path(String)
  case storage(StorageSection)

  /// What its heading says.
  var title: String {
    switch self {
    case .path(let workload): InertText.name(workload)
    case .storage(let section): section.title
    }
  }
}

/// A section on files or images, in an order that every format keeps.
struct StorageSection {
  /// In formats without pictures a chart is left out: its numbers are in the tables. A terminal leaves out what is folded,
  /// too.
  enum Part {
    case table(TextTable)
    /// One that a terminal leaves out.
    case further(TextTable)
    /// A metric with ratios, differences and findings.
    case metric(MetricTable)
    case chart(XYChart)
    /// Parts that a reader may pass over.
    case folded(String, [Part])
  }

  var title: String
  /// Whether the title is a name that somebody gave.
  var isName = false
  var summary: String
  /// What stands against what.
  var standing: String
  /// What holds and what does not, each a sentence or two.
  var findings: [String] = []
  var parts: [Part] = []
  var workloads: [String]
}

extension Presentation {
  /// All workloads, copy-up's together and image-rebuild's together, each where its first workload stands.
  var sections: [ReportSection] {
    var sections: [ReportSection] = []
    var caches: Set<FileWork.Cache> = []
    var hasGrowth = false
    for workload in workloads {
      switch kind(workload) {
      case .copyUp?:
        let cache = spec(workload)?.files?.cache ?? .warm
        guard caches.insert(cache).inserted else { continue }
        sections.append(.storage(CopyUp(self, cache: cache).section))
      case .imageRebuild?:
        guard !hasGrowth else { continue }
        hasGrowth = true
        sections.append(.storage(ImageGrowth(self).section))
      case let kind? where kind.field == .storage: sections.append(.storage(storage(workload, kind)))
      default: sections.append(.path(workload))
      }
    }
    return sections
  }

  /// The summary of a workload on files, its sizes in one piece.
  func filesSummary(_ workload: String) -> String {
    ["KiB", "MiB", "GiB"].reduce(workloadSummary(workload) ?? "") { summary, unit in
      summary.replacing(" \(unit)", with: NumberFormat.gap + unit)
    }
  }

  /// A workload that is a question of its own.
  private func storage(_ workload: String, _ kind: WorkloadSpec.Kind) -> StorageSection {
    var section = StorageSection(
      title: InertText.name(workload), isName: true, summary: filesSummary(workload),
      standing: standing(ran(in: [workload])), workloads: [workload])
    let table = table(workload, headline(workload))
    if table.hasData { section.parts.append(.metric(table)) }
    let (title, metrics) = Self.beside(kind)
    let known = metrics.filter { self.metrics(of: workload).contains($0) && $0 != table.metric }
    let grid = TextTable(
      title: title, aside: "medians, and as a ratio to what it is held against",
      environments: ran(in: [workload]),
      columns: known.map { (title: $0.title(for: kind), workload: workload, metric: $0) }, page: self)
    if !grid.rows.isEmpty { section.parts.append(.table(grid)) }
    return section
  }

  /// The metrics that stand side by side below the headline.
  private static func beside(_ kind: WorkloadSpec.Kind) -> (title: String, metrics: [Metric]) {
    switch kind {
    case .randomIO, .sequentialIO:
      (
        "Latency, and what it takes",
        (kind == .sequentialIO ? [.bandwidth] : []) + [.ioP50, .ioP99, .syncP50, .syncP99, .cpuPerOperation]
      )
    case .lookup: ("Missing names, files and directories", [.missingLookupTime, .openTime, .listTime])
    case .metadata: ("Other changes", [.chmodTime, .renameTime, .unlinkTime, .renameDirectoryTime])
    case .mmapWrite: ("The other mapping", [.privateFault])
    case .sqliteCommit: ("Tail, rate, and what it takes", [.commitP99, .commitRate, .cpuPerOperation, .bytesToDevice])
    case .copyUp, .imageRebuild, .udpRR, .tcpRR, .tcpCRR, .tcpStream, .udpStream, .udpOpen, .tcpOpen, .exec: ("", [])
    }
  }

  /// The environments that have a number of any of these workloads, each behind its reference.
  func ran(in workloads: [String]) -> [String] {
    byReference.filter { environment in
      workloads.contains { workload in
        metrics(of: workload).contains { series(environment, workload, $0)?.median != nil }
      }
    }
  }

  /// Whether there is anything on files or images.
  var hasStorage: Bool { workloads.contains(where: isHeldToReferences) }
}
