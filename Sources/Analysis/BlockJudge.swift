public import Model
internal import Statistics

/// Whether a block counts, from evidence that does not look at its outcome.
public enum BlockJudge {
  /// A jump of CLOCK_REALTIME against CLOCK_MONOTONIC within one window, in ns, that no slewing explains (adjtimex(2)
  /// slews by at most 500 ppm: 0.5 ms in a second).
  private static let clockStep: Int64 = 1_000_000

  /// Judges the trials of one block.
  /// - Parameter failures: trials that could not be measured, each a sentence.
  public static func judge(index: Int, trials: [Trial], failures: [String] = []) -> BlockRecord {
    var reasons = failures
    for trial in trials {
      let name = trialName(trial)
      reasons += trial.attestation.failures.map { "\(name): \($0)" }
      if let step = trial.noise.clockStepNanoseconds, abs(step) > clockStep {
        reasons.append("\(name): the clock was set by \(Double(step) / 1e6) ms within the window")
      }
    }
    let readings = BlockNoise(trials: trials).readings
    // The canary is a symptom, and one that the trials share: it classes the block, but does not void it.
    for (evidence, words) in [
      (NoiseClass.Evidence.stealShare, "of the CPU time was taken by the hypervisor"),
      (.foreignCPUShare, "of the CPU time was used by other processes"),
      (.runDelayShare, "of their running time the workers waited for a CPU"),
    ] where readings.noiseClass(by: evidence) == .hostile {
      let percent = ((readings[evidence] ?? 0) * 1000).rounded() / 10
      reasons.append("\(percent) % \(words)")
    }
    return BlockRecord(index: index, voidReasons: reasons, noiseClass: HostNoise(readings.noiseClass))
  }

  static func trialName(_ trial: Trial) -> String {
    "\(trial.workload) in \(trial.environment)\(trial.isControl ? "′" : "")\(trial.isCaptured ? " with taps on" : "")"
  }
}

/// The noise readings of one block: means over its trials' windows, each by its length. A window of a few file operations
/// is shorter than the kernel's clock tick, and says by itself next to nothing.
struct BlockNoise {
  let readings: NoiseReadings

  init(trials: [Trial]) {
    readings = NoiseReadings(
      stealShare: Self.mean(trials, \.stealShare), foreignCPUShare: Self.mean(trials, \.foreignCPUShare),
      runDelayShare: Self.mean(trials.filter { $0.noise.runDelayShare != nil }, \.runDelayShare),
      canaryCV: Self.variation(trials.map(\.noise.canaryNanoseconds)))
  }

  /// nil if any trial has no reading: what can't be read is unknown. A sum of clock ticks can fall a little below what
  /// the workers used, which is then nothing.
  ///
  /// Run delay is asked only of the trials that have a reading. Where a proxy takes part, workers share their CPUs with it
  /// on purpose, as those that work on files share them with the kernel's threads: there waiting is no evidence against the
  /// host.
  private static func mean(_ trials: [Trial], _ share: KeyPath<TrialNoise, Double?>) -> Double? {
    let known = trials.compactMap { trial in
      trial.noise[keyPath: share].map { (share: $0, weight: Double(max(1, trial.windowNanoseconds))) }
    }
    guard !known.isEmpty, known.count == trials.count else { return nil }
    let whole = known.reduce(0) { $0 + $1.weight }
    return max(0, known.reduce(0) { $0 + $1.share * ($1.weight / whole) })
  }

  private static func variation(_ values: [Double?]) -> Double? {
    let known = values.compactMap { $0 }
    guard known.count == values.count else { return nil }
    return known.count < 2 ? nil : Descriptive.coefficientOfVariation(known)
  }
}

extension HostNoise {
  init(_ noise: NoiseClass) {
    switch noise {
    case .quiet: self = .quiet
    case .noisy: self = .noisy
    case .hostile: self = .hostile
    case .unknown: self = .unknown
    }
  }
}
