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

  /// In block order.
  private let blocks: [[Key: Trial]]

  /// - Parameters:
  ///   - run: the stored run.
  ///   - includeVoid: whether blocks that do not count are in, too.
  init(_ run: StoredRun, includeVoid: Bool = false) {
    let expected = Self.keys(of: run.record)
    let trials = Dictionary(grouping: run.trials, by: \.block)
    // A block without a record never ended: its trials are kept, but there is nothing to pair them with.
    blocks = run.blocks.sorted { $0.index < $1.index }.filter { includeVoid || !$0.isVoid }.compactMap { block in
      let byKey = Dictionary(
        (trials[block.index] ?? []).map { (Key($0), $0) }, uniquingKeysWith: { first, _ in first })
      return expected.allSatisfy { byKey[$0] != nil } ? byKey : nil
    }
  }

  private init(blocks: [[Key: Trial]]) { self.blocks = blocks }

  /// Every trial that a complete block of the run has.
  static func keys(of record: RunRecord) -> [Key] {
    let available = record.environments.filter { $0.unavailable == nil }.map(\.name)
    let captured = Set(record.capturedWorkloads)
    return record.workloads.flatMap { workload in
      available.map { Key(environment: $0, workload: workload) }
        + [Key(environment: record.scenario.baseline, workload: workload, isControl: true)]
        + (captured.contains(workload)
          ? available.map { Key(environment: $0, workload: workload, isCaptured: true) } : [])
    }
  }

  var count: Int { blocks.count }
  /// In the order in which they ran: that of a dictionary differs from process to process, and with it the last bit of
  /// every sum.
  var trials: [[Trial]] { blocks.map { $0.values.sorted { $0.position < $1.position } } }

  /// The trials of one key, in block order.
  func trials(of key: Key) -> [Trial] { blocks.compactMap { $0[key] } }

  func prefix(_ count: Int) -> PairedBlocks { PairedBlocks(blocks: Array(blocks.prefix(count))) }

  /// A metric of one environment, one value a block; or why there is none.
  func values(_ metric: Metric, _ key: Key) -> Measured<[Double]> {
    var values: [Double] = []
    values.reserveCapacity(blocks.count)
    for block in blocks {
      guard let trial = block[key] else { return .unavailable("no trial") }
      guard let value = trial.values[metric] else {
        return .unavailable(trial.unavailable[metric] ?? "not measured")
      }
      values.append(value)
    }
    return values.isEmpty ? .unavailable("no valid block") : .value(values)
  }
}
