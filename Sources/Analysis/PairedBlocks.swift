internal import Model

/// The trials of complete blocks, by block, ready to be paired.
struct PairedBlocks {
  /// What names a trial within a block.
  struct Key: Hashable {
    var environment: String
    var workload: String
    var isControl = false
    /// With taps on. Nothing but hops and the capture tax comes from such a trial.
    var isCaptured = false

    init(environment: String, workload: String, isControl: Bool = false, isCaptured: Bool = false) {
      self.environment = environment
      self.workload = workload
      self.isControl = isControl
      self.isCaptured = isCaptured
    }

    init(_ trial: Trial) {
      self.init(
        environment: trial.environment, workload: trial.workload, isControl: trial.isControl,
        isCaptured: trial.isCaptured)
    }
  }

  /// One trial a block, in block order. A key is looked up once for all blocks, which is what an analysis after each
  /// block of a long run hangs on.
  private let columns: [Key: [Trial]]
  let count: Int
  let comparisons = ComparisonMemory()

  /// - Parameters:
  ///   - run: the stored run.
  ///   - includeVoid: whether blocks that do not count are in, too.
  init(_ run: StoredRun, includeVoid: Bool = false) {
    let expected = Self.keys(of: run.record)
    var trials: [Int: [Key: Trial]] = [:]
    for trial in run.trials {
      let key = Key(trial)
      if trials[trial.block]?[key] == nil { trials[trial.block, default: [:]][key] = trial }
    }
    // A block without a record never ended: its trials are kept, but there is nothing to pair them with.
    let blocks = run.blocks.sorted { $0.index < $1.index }.filter { includeVoid || !$0.isVoid }.compactMap { block in
      trials[block.index].flatMap { byKey in expected.allSatisfy { byKey[$0] != nil } ? byKey : nil }
    }
    count = blocks.count
    columns = Dictionary(
      expected.map { key in (key, blocks.compactMap { $0[key] }) }, uniquingKeysWith: { first, _ in first })
  }

  private init(columns: [Key: [Trial]], count: Int) {
    self.columns = columns
    self.count = count
  }

  /// Every trial that a complete block of the run has.
  static func keys(of record: RunRecord) -> [Key] {
    let available = record.environments.filter { $0.unavailable == nil }.map(\.name)
    let captured = Set(record.capturedWorkloads)
    let twins = record.referenceWorkerSHA256 == nil ? [record.scenario.baseline] : available
    return record.workloads.flatMap { workload in
      available.map { Key(environment: $0, workload: workload) }
        + twins.map { Key(environment: $0, workload: workload, isControl: true) }
        + (captured.contains(workload)
          ? available.map { Key(environment: $0, workload: workload, isCaptured: true) } : [])
    }
  }

  /// Block by block, each in the order in which its trials ran: that of a dictionary differs from process to process, and
  /// with it the last bit of every sum.
  var trials: [[Trial]] {
    (0..<count).map { block in columns.values.map { $0[block] }.sorted { $0.position < $1.position } }
  }

  /// The trials of one key, in block order.
  func trials(of key: Key) -> [Trial] { Array((columns[key] ?? []).prefix(count)) }

  /// The first blocks alone.
  func prefix(_ count: Int) -> PairedBlocks { PairedBlocks(columns: columns, count: min(count, self.count)) }

  /// A metric of one environment, one value a block; or why there is none.
  func values(_ metric: Metric, _ key: Key) -> Measured<[Double]> {
    var values: [Double] = []
    values.reserveCapacity(count)
    guard let column = columns[key] else { return .unavailable(count == 0 ? "no valid block" : "no trial") }
    for trial in column.prefix(count) {
      guard let value = trial.values[metric] else {
        return .unavailable(trial.unavailable[metric] ?? "not measured")
      }
      values.append(value)
    }
    return values.isEmpty ? .unavailable("no valid block") : .value(values)
  }
}
