public import Model
internal import PlainText

/// Finds out what the stored runs of one host say about each claim. It is shown runs newest first, and judges nothing
/// anew: a verdict is that of a run's own analysis, if the run can bear one.
public struct LedgerBuilder {
  /// Of each scenario, so many of the newest runs of this host are looked at.
  public static let mostRuns = 10
  /// Of each scenario, so many are read at all: others may be from elsewhere.
  public static let mostReads = 50

  private let claims: [ArticleClaim]
  /// By the name that `bench run` takes.
  private let scenarios: [String: Scenario]
  private let host: HostFingerprint
  private var leftOut = ClaimsLedger.LeftOut()
  private var reads: [String: Int] = [:]
  private var looks: [String: Int] = [:]
  private var findings: [String: [Finding]] = [:]

  /// What one run says about one claim.
  private struct Finding {
    var run: ClaimsLedger.Run
    var verdict: ClaimsLedger.Verdict
    var reason: String
    var result: ClaimResult
    var line: Presentation.ClaimLine
  }

  /// - Parameters:
  ///   - claims: in the order of the ledger.
  ///   - scenarios: those whose runs count, by the name that `bench run` takes.
  ///   - host: the host that the ledger is about.
  public init(claims: [ArticleClaim], scenarios: [String: Scenario], host: HostFingerprint) {
    self.claims = claims
    self.scenarios = scenarios
    self.host = host
  }

  /// Whether a run has to be read from the store. One that need not be is counted as left out, if it might have counted.
  /// - Parameter scenario: the name in the run's record.
  public mutating func shouldRead(scenario: String, exit: RunRecord.Exit) -> Bool {
    guard scenarios.values.contains(where: { $0.name == scenario }) else { return false }
    guard exit == .completed else {
      leftOut.unfinished += 1
      return false
    }
    guard looks[scenario, default: 0] < Self.mostRuns, reads[scenario, default: 0] < Self.mostReads else {
      leftOut.older += 1
      return false
    }
    reads[scenario, default: 0] += 1
    return true
  }

  /// Whether a run that has been read has to be analysed. One that need not be is counted as left out.
  public mutating func shouldAnalyze(_ record: RunRecord) -> Bool {
    if record.injection != nil {
      leftOut.injected += 1
      return false
    }
    guard HostFingerprint(record.host) == host else {
      leftOut.elsewhere += 1
      return false
    }
    looks[record.scenario.name, default: 0] += 1
    return true
  }

  /// Adds what a run says. Runs come newest first.
  public mutating func add(_ result: RunResult) {
    let page = Presentation(result)
    let ran = Set(result.workloads.map(\.name))
    let built = Set(result.environments.map(\.name))
    var isAsked = false
    for (claim, line) in zip(result.claims, page.claims) {
      guard let spec = spec(of: claim, in: result) else { continue }
      isAsked = true
      // Part of a run that was never made is no answer.
      guard spec.workloads.allSatisfy(ran.contains), spec.environments.allSatisfy(built.contains) else { continue }
      var reason = line.reason
      let verdict = ClaimsLedger.Verdict(line.verdict)
      if line.verdict != claim.verdict, let objection = page.validity.objection(to: claim.workload) {
        reason += " \(objection)"
      }
      findings[claim.id, default: []].append(
        Finding(
          run: ClaimsLedger.Run(result.run), verdict: verdict, reason: reason, result: claim, line: line))
    }
    if !isAsked && !result.claims.isEmpty { leftOut.outdated += 1 }
  }

  /// What a scenario asks today, if that is what the run has answered: the same rule, of the same workloads.
  private func spec(of claim: ClaimResult, in result: RunResult) -> ClaimSpec? {
    for scenario in scenarios.values where scenario.name == result.run.scenario {
      guard scenario.baseline == result.run.baseline,
        let spec = scenario.claims.first(where: { $0.id == claim.id }),
        spec.workload == claim.workload, spec.metric == claim.metric, spec.environment == claim.environment,
        spec.against == claim.against, spec.quantity == claim.quantity, spec.over == claim.over,
        spec.overWorkloads == claim.overWorkloads, spec.region == claim.region, spec.margin == claim.margin
      else { continue }
      let isSame = spec.workloads.allSatisfy { name in
        guard let then = result.workloads.first(where: { $0.name == name }) else { return true }
        return then == scenario.workloads.first { $0.name == name }
      }
      if isSame { return spec }
    }
    return nil
  }

  /// The ledger of what has been added.
  public func report() -> LedgerReport {
    var entries: [ClaimsLedger.Entry] = []
    var lines: [String: Presentation.ClaimLine] = [:]
    for claim in claims {
      let measuring = scenarios.filter { $0.value.claims.contains { $0.id == claim.id } }.map(\.key).sorted()
      let found = findings[claim.id] ?? []
      // A verdict outweighs the lack of one, and of two that weigh the same the newer counts.
      let rank: (Finding) -> Int = { $0.verdict.isDecided ? 0 : $0.verdict == .inconclusive ? 1 : 2 }
      let best = found.enumerated().min { (rank($0.element), $0.offset) < (rank($1.element), $1.offset) }
      guard let finding = best?.element else {
        entries.append(open(claim, measuring))
        continue
      }
      // Older undecided ones, too: one decision among many runs that could not decide is weak evidence.
      let others = found.filter { $0.verdict != finding.verdict }
      lines[claim.id] = finding.line
      entries.append(
        ClaimsLedger.Entry(
          claim: claim, verdict: finding.verdict, reason: finding.reason, scenarios: measuring, run: finding.run,
          result: finding.result,
          others: others.map {
            ClaimsLedger.Other(id: $0.run.id, started: $0.run.started, verdict: $0.verdict)
          },
          settle: finding.verdict == .inconclusive
            ? settle(claim.id, measuring, after: found.filter { $0.verdict == .inconclusive }.map(\.run.profile)) : nil)
      )
    }
    return LedgerReport(ledger: ClaimsLedger(host: host, claims: entries, leftOut: leftOut), lines: lines)
  }

  private func open(_ claim: ArticleClaim, _ measuring: [String]) -> ClaimsLedger.Entry {
    let reason =
      measuring.isEmpty
      ? "No scenario of this version measures it" + (claim.open.map { ": \($0)" } ?? "")
      : "No run that counts has measured it on this host."
    return ClaimsLedger.Entry(
      claim: claim, verdict: .open, reason: reason.withFullStop, scenarios: measuring,
      settle: settle(claim.id, measuring, after: []))
  }

  /// The command that would settle a claim: the shortest profile that asks it, or the first one longer than those that
  /// could not decide it. Where there is none longer, the longest again: another time the host may be quieter.
  private func settle(_ id: String, _ measuring: [String], after tried: [ProfileName]) -> String? {
    let order = ProfileName.allCases
    let longest = tried.compactMap(order.firstIndex).max()
    for name in measuring {
      guard let scenario = scenarios[name], let spec = scenario.claims.first(where: { $0.id == id }) else { continue }
      let asking = order.indices.filter { index in
        guard let profile = scenario.profiles[order[index]] else { return false }
        let workloads = profile.workloads ?? scenario.workloads.map(\.name)
        let environments = profile.environments ?? scenario.environments
        return spec.workloads.allSatisfy(workloads.contains) && spec.environments.allSatisfy(environments.contains)
      }
      guard let best = asking.first(where: { $0 > longest ?? -1 }) ?? asking.last else { continue }
      let profile = order[best] == .quick ? "" : " --profile \(order[best].rawValue)"
      return "sudo bench run \(name)\(profile)"
    }
    return nil
  }
}
