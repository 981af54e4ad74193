public import Model
internal import Statistics

/// One worker held against another in one environment, block by block.
public struct WorkerPairing: Sendable, Equatable {
  public var workload: String
  public var environment: String
  public var metric: Metric
  /// The natural logarithms of the run's own worker ÷ the one of reference, one a valid block, in block order; empty
  /// where there is an ``obstacle``.
  public var differences: [Double]
  /// Why there are none, as part of a sentence.
  public var obstacle: String?

  /// Every pairing of a run in which two workers took turns (``Model/RunRecord/referenceWorkerSHA256``).
  ///
  /// - Parameters:
  ///   - run: the stored run.
  ///   - metrics: which metrics of a workload are asked for.
  public static func pairings(of run: StoredRun, metrics: (WorkloadSpec) -> [Metric]) -> [WorkerPairing] {
    let blocks = PairedBlocks(run)
    let environments = run.record.environments.filter { $0.unavailable == nil }.map(\.name)
    return run.record.workloadSpecs.flatMap { workload in
      metrics(workload).flatMap { metric in
        environments.map { environment in
          pairing(blocks, metric, PairedBlocks.Key(environment: environment, workload: workload.name))
        }
      }
    }
  }

  private static func pairing(_ blocks: PairedBlocks, _ metric: Metric, _ own: PairedBlocks.Key) -> WorkerPairing {
    var pairing = WorkerPairing(
      workload: own.workload, environment: own.environment, metric: metric, differences: [], obstacle: nil)
    var reference = own
    reference.isControl = true
    switch (blocks.values(metric, own), blocks.values(metric, reference)) {
    case (.unavailable(let reason), _), (_, .unavailable(let reason)): pairing.obstacle = reason
    case (.value(let own), .value(let reference)):
      guard (own + reference).allSatisfy({ $0 > 0 && $0.isFinite }) else {
        pairing.obstacle = "a value is not positive, so that there is no ratio"
        return pairing
      }
      pairing.differences = zip(own, reference).map { ComparisonScale.ratio.analysed($0 / $1) }
    }
    return pairing
  }
}
