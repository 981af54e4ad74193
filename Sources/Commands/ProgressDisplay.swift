internal import Harness
internal import LinuxKit
internal import Model

/// Progress on stderr: one line that renews itself on a terminal, a plain line a block elsewhere.
final class ProgressDisplay {
  private let isQuiet: Bool
  private let isLive: Bool
  private var progress: BlockProgress?
  private var estimates: [RunEvent.Estimate] = []
  private var voided = 0

  init(isQuiet: Bool, environment: [String: String]) {
    self.isQuiet = isQuiet
    isLive = !isQuiet && Terminal.isTerminal(2) && environment["TERM"] != "dumb"
  }

  func handle(_ event: RunEvent) {
    guard !isQuiet else { return }
    switch event {
    case .started(let record):
      let missing = record.environments.filter { $0.unavailable != nil }.map(\.name)
      Console.error(
        "\(record.scenario.name), \(record.profileName.rawValue) profile, run \(record.id): "
          + "at most \(record.profile.budgetSeconds) s"
          + (missing.isEmpty ? "" : "; not available here: \(missing.joined(separator: ", "))"))
    case .blockStarted(let progress): self.progress = progress
    case .trialStarted(let environment, let workload, let isCaptured, let position, let count):
      if isLive { showLine("\(environment)\(isCaptured ? " with taps" : "") · \(workload) (\(position + 1)/\(count))") }
    case .blockEnded(let block, let estimates):
      if block.isVoid { voided += 1 }
      self.estimates = estimates
      if !isLive, let progress {
        let state = block.isVoid ? "voided: \(block.voidReasons[0])" : block.noiseClass.rawValue
        Console.error("block \(progress.block + 1) of at most \(progress.of), \(state)\(estimateText)")
      }
    }
  }

  /// Takes the live line away.
  func finish() {
    if isLive { Console.errorRaw("\r\u{1B}[K") }
  }

  private func showLine(_ now: String) {
    guard let progress else { return }
    let seconds = Double(progress.remainingNanoseconds) / 1e9
    let void = voided == 0 ? "" : ", \(voided) voided"
    let line =
      "block \(progress.block + 1) of at most \(progress.of)\(void) · ≤ \(Int(seconds.rounded())) s left · \(now)\(estimateText)"
    let width = (Terminal.columns(of: 2) ?? 80) - 1
    Console.errorRaw("\r\u{1B}[K" + String(line.prefix(width)))
  }

  private var estimateText: String {
    guard let first = estimates.first?.workload else { return "" }
    let ratios = estimates.filter { $0.workload == first }
      .map { "\($0.environment) \(Self.hundredths($0.ratio))×" }
    return " · " + ratios.joined(separator: " ")
  }

  private static func hundredths(_ value: Double) -> String {
    let scaled = Int((value * 100).rounded())
    let fraction = scaled % 100
    return "\(scaled / 100).\(fraction < 10 ? "0" : "")\(fraction)"
  }
}
