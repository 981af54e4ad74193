internal import Model
internal import Statistics

/// What only runs on files and images have: environments with a reference of their own, times that grow with the size of a
/// file, stores of images that grow from rebuild to rebuild.
struct StorageAnalysis {
  private let record: RunRecord
  private let blocks: PairedBlocks

  init(_ record: RunRecord, _ blocks: PairedBlocks) {
    self.record = record
    self.blocks = blocks
  }

  private var available: [EnvironmentRecord] { record.environments.filter { $0.unavailable == nil } }

  // MARK: - References

  /// The environment that `name` is to be held against beside the baseline, if it took part.
  func reference(of name: String) -> String? {
    let reference = record.environments.first { $0.name == name }?.reference
    guard let reference, reference != record.scenario.baseline, reference != name,
      available.contains(where: { $0.name == reference })
    else { return nil }
    return reference
  }

  /// A series against that of its environment's reference; nil where that has none.
  func comparison(_ metric: Metric, environment: String, workload: String) -> ReferenceComparison? {
    guard let reference = reference(of: environment) else { return nil }
    let inReference = PairedBlocks.Key(environment: reference, workload: workload)
    var result = ReferenceComparison(environment: reference)
    if case .unavailable(let reason) = blocks.values(metric, inReference) {
      result.note = "\(reference) has none: \(reason)"
      return result
    }
    func compare(_ scale: ComparisonScale) throws(Comparison.Failure) -> Comparison {
      try Comparison(
        blocks, metric: metric, environment: .init(environment: environment, workload: workload),
        baseline: inReference, scale: scale, confidence: record.profile.confidence)
    }
    do throws(Comparison.Failure) {
      let difference = try compare(.difference)
      result.difference = difference.interval
      result.direction = difference.direction
      let ratio = try compare(.ratio)
      result.ratio = ratio.interval
      result.direction = ratio.direction
      result.note = ratio.obstacle
    } catch { result.note = error.reason }
    return result
  }

  // MARK: - Lines

  /// What grows with the size of a file that is copied up.
  private static let lineMetrics: [Metric] = [.openForWriting, .firstDurable, .metadataChange]
  /// A line goes through any two points.
  private static let fewestSizes = 3

  /// nil where no workloads differ in the size of their files alone.
  func lines() -> [LineResult]? {
    let families = families().filter { Set($0.map(\.size)).count >= Self.fewestSizes }
    guard !families.isEmpty else { return nil }
    return families.flatMap { family in
      available.flatMap { environment in Self.lineMetrics.map { line($0, environment, through: family) } }
    }
  }

  private typealias Member = (workload: String, size: Int)

  /// The workloads that copy files up, told apart by all but their names and how large and how many their files are;
  /// each family by size.
  private func families() -> [[Member]] {
    var families: [(kind: WorkloadSpec, members: [Member])] = []
    for workload in record.workloadSpecs where workload.kind == .copyUp {
      let files = workload.files ?? FileWork()
      var kind = workload
      kind.name = ""
      kind.files = files
      kind.files?.size = 1
      kind.files?.count = 1
      let member = (workload: workload.name, size: files.size)
      if let index = families.firstIndex(where: { $0.kind == kind }) {
        families[index].members.append(member)
      } else {
        families.append((kind, [member]))
      }
    }
    return families.map { $0.members.sorted { ($0.size, $0.workload) < ($1.size, $1.workload) } }
  }

  private func line(_ metric: Metric, _ environment: EnvironmentRecord, through family: [Member]) -> LineResult {
    var result = LineResult(environment: environment.name, metric: metric, points: [])
    var series: [[Double]] = []
    var missing: [String] = []
    for member in family {
      switch blocks.values(metric, .init(environment: environment.name, workload: member.workload)) {
      case .unavailable(let reason): missing.append("\(member.workload): \(reason)")
      case .value(let values):
        series.append(values)
        result.points.append(
          .init(
            workload: member.workload, size: member.size, median: Descriptive.median(values),
            low: values.min() ?? 0, high: values.max() ?? 0,
            breakEvenWrites: metric == .openForWriting ? breakEven(environment, member.workload) : nil))
      }
    }
    guard missing.isEmpty else {
      result.note = missing.joined(separator: "; ")
      return result
    }
    do throws(StatisticsError) {
      let line = try Line.compare(
        series: series, over: family.map { Double($0.size) }, confidence: record.profile.confidence)
      let (intercept, slope) = (Comparison(line.intercept), Comparison(line.slope))
      result.intercept = intercept.interval
      result.slope = slope.interval
      result.note = slope.obstacle ?? intercept.obstacle
    } catch { result.note = error.message }
    return result
  }

  /// How many durable writes in the plain file system take as long as opening for writing takes longer here than there.
  ///
  /// (median of the opening here − median there) ÷ median of a second write to the disk there. nil in a plain file system
  /// itself, and where opening takes no longer here.
  private func breakEven(_ environment: EnvironmentRecord, _ workload: String) -> Double? {
    let plain = environment.reference ?? record.scenario.baseline
    let isPlain =
      environment.name == record.scenario.baseline
      || record.environments.contains { $0.name != environment.name && $0.reference == environment.name }
    guard !isPlain, let here = median(.openForWriting, environment.name, workload),
      let there = median(.openForWriting, plain, workload), let write = median(.secondDurable, plain, workload),
      here > there, write > 0
    else { return nil }
    return (here - there) / write
  }

  private func median(_ metric: Metric, _ environment: String, _ workload: String) -> Double? {
    guard case .value(let values) = blocks.values(metric, .init(environment: environment, workload: workload)) else {
      return nil
    }
    return Descriptive.median(values)
  }

  // MARK: - Growth

  /// nil where no image was rebuilt.
  func growth() -> [GrowthResult]? {
    let workloads = record.workloadSpecs.filter { $0.kind == .imageRebuild }
    guard !workloads.isEmpty else { return nil }
    return workloads.flatMap { workload in
      available.compactMap { growth(environment: $0.name, workload: workload.name) }
    }
  }

  private func growth(environment: String, workload: String) -> GrowthResult? {
    let books = blocks.trials(of: .init(environment: environment, workload: workload)).compactMap(\.growth)
    // A trial that was cut short would end the medians, not bend them.
    let count = books.map(\.count).min() ?? 0
    guard count > 0 else { return nil }
    let steps = (0..<count).map { step in
      func median(_ part: (ImageUsage) -> Double) -> Double { Descriptive.median(books.map { part($0[step]) }) }
      return ImageUsage(
        total: median(\.total), reclaimable: median(\.reclaimable), shared: median(\.shared), unique: median(\.unique))
    }
    let isMonotonic = books.allSatisfy { book in zip(book, book.dropFirst()).allSatisfy { $0.total <= $1.total } }
    return GrowthResult(environment: environment, workload: workload, steps: steps, isMonotonic: isMonotonic)
  }
}

extension Comparison {
  /// What the interval says about "no difference".
  var direction: SeriesResult.Direction {
    if obstacle != nil || estimate.containsNoDifference { return .undecided }
    return estimate.low > estimate.scale.neutral ? .higher : .lower
  }
}

extension RunRecord {
  /// What the run's workloads work with: a scenario has them of one field.
  var field: WorkloadSpec.Field { workloadSpecs.first?.kind.field ?? .network }
}
