/// What keeps a run from bearing a verdict: by itself, or of one workload. The rules are here, once; the words are those of
/// whoever tells them.
public enum RunObstacle: Sendable, Equatable {
  /// A slowdown was put into the worker on purpose: which.
  case injected(String)
  /// The baseline of a workload differs from its own second copy: why.
  case failedControl(workload: String, reason: String)
  /// Too many of all blocks were voided: the rest is no fair sample of the host.
  case voided(Int, of: Int)
  /// There is no interval: so many valid blocks.
  case tooFewBlocks(Int)
  /// Others took so much of the host that its timings cannot be trusted.
  case hostile

  /// Whether it touches counts that are the same in every block, too, which no disturbance changes.
  public var touchesCounts: Bool {
    switch self {
    case .injected, .tooFewBlocks: true
    case .failedControl, .voided, .hostile: false
    }
  }
}

extension RunResult {
  /// The number of blocks without which there is no interval of 99 %.
  public static let fewestBlocks = 8
  /// The share of blocks that may be voided.
  public static let largestVoidedShare = 0.25

  /// All that keeps a verdict from being had, what concerns single workloads before what concerns the whole; empty for a
  /// valid run.
  public var obstacles: [RunObstacle] {
    var obstacles: [RunObstacle] = []
    if let injection = run.injection { obstacles.append(.injected(injection)) }
    // Too few blocks leave no control either; that is said once.
    if run.validBlocks >= Self.fewestBlocks {
      obstacles += control.filter { !$0.isPassed }.map { .failedControl(workload: $0.workload, reason: $0.reason) }
    }
    let blocks = run.validBlocks + run.voidedBlocks
    if blocks > 0 && Double(run.voidedBlocks) > Self.largestVoidedShare * Double(blocks) {
      obstacles.append(.voided(run.voidedBlocks, of: blocks))
    }
    if run.validBlocks < Self.fewestBlocks { obstacles.append(.tooFewBlocks(run.validBlocks)) }
    if noise.overall == .hostile { obstacles.append(.hostile) }
    return obstacles
  }
}
