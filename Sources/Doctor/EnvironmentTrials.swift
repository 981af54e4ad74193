internal import Environments
internal import LinuxKit
internal import Model

/// One attempt to build an environment and take it away again.
struct EnvironmentTrial {
  var name: String
  var needs: [HostCapability]
  var field = WorkloadSpec.Field.network
  /// Time for both, in ns.
  var nanoseconds: UInt64 = 0
  /// Why it could not be built; nil if it stood.
  var failure: UserError?
}

/// Attempts to build every environment, and what they tell about the host's capabilities.
struct EnvironmentTrials {
  var trials: [EnvironmentTrial]
  /// What could not be taken away again, each a sentence.
  var leftBehind: [String] = []
  /// Why there is no journal, and so nothing was tried.
  var journalFailure: UserError?

  /// Tries all of `definitions`.
  /// - Parameters:
  ///   - worker: its file, which goes into containers.
  ///   - runID: part of the names of everything that is made.
  static func run(
    _ definitions: [any EnvironmentDefinition] = EnvironmentRegistry.all, journalDirectory: String, worker: String = "",
    runID: String = "doctor-\(String(UInt32.random(in: 0x1000_0000 ... .max), radix: 16))"
  ) -> EnvironmentTrials {
    let journal: Journal
    do throws(UserError) {
      journal = try Journal(runID: runID, directory: journalDirectory)
    } catch {
      // Whatever is wrong with the journal, it says nothing about the host's capabilities.
      let failure = UserError(.unavailable, "not tried, since nothing is made on the host without a journal")
      return EnvironmentTrials(
        trials: definitions.map {
          EnvironmentTrial(name: $0.name, needs: $0.needs, field: $0.field, failure: failure)
        },
        journalFailure: error)
    }
    // File systems are made once for all that stand on them.
    let shared = HostResources(journal: journal)
    let resources = HostResources(
      journal: journal, settings: BuildSettings(worker: worker, storage: StorageCache(resources: shared)))
    var result = EnvironmentTrials(trials: [])
    for definition in definitions {
      var trial = EnvironmentTrial(name: definition.name, needs: definition.needs, field: definition.field)
      let start = Clock.monotonic()
      do throws(UserError) { _ = try definition.tryOut(with: resources) } catch { trial.failure = error }
      do throws(UserError) { try resources.removeAll() } catch { result.leftBehind.append(error.message) }
      trial.nanoseconds = Clock.monotonic() - start
      result.trials.append(trial)
    }
    do throws(UserError) { try shared.removeAll() } catch { result.leftBehind.append(error.message) }
    journal.close()
    return result
  }

  var findings: [Finding] {
    HostCapability.allCases.compactMap { finding(of: $0) } + trials.compactMap { finding(ofUnexplained: $0) }
  }

  /// Whether anything for packets but the baseline, which needs nothing, could be built.
  private var hasComparison: Bool {
    trials.contains { $0.field == .network && $0.failure == nil && !$0.needs.isEmpty }
  }

  private func isProven(_ capability: HostCapability) -> Bool {
    trials.contains { $0.failure == nil && $0.needs.contains(capability) }
  }

  /// A capability is there if an environment that needs it stood. If none did, it is to blame where all else that the
  /// first of them needs is there, or comes after it on the ladder.
  private func finding(of capability: HostCapability) -> Finding? {
    let users = trials.filter { $0.needs.contains(capability) }
    guard let first = users.first else { return nil }
    var status = Finding.Status.ok
    let detail: String
    let built = users.filter { $0.failure == nil }
    if !built.isEmpty {
      let time = Double(built.map(\.nanoseconds).reduce(0, +))
      detail = "built and removed \(built.map(\.name).brieflyListed) in \(Figure.duration(nanoseconds: time))"
    } else {
      let failure = first.failure
      let isRefused = failure?.exitCode == .notPermitted
      let missing = first.needs.filter { $0 != capability && !isProven($0) }
      let cause = HostCapability.allCases.first { missing.contains($0) || $0 == capability } ?? capability
      // Without packets there is no way to begin; without files there is.
      let isFatal = first.field == .network && !hasComparison && cause == capability && !isRefused
      status = isFatal && journalFailure == nil ? .fatal : .missing
      if journalFailure != nil || cause == capability {
        detail = failure?.message ?? "not tried"
      } else {
        detail = "cannot be told without \(cause.title.lowercased())"
      }
    }
    return Finding(
      id: capability.id, title: capability.title, status: status, detail: detail, why: capability.why,
      remedy: status == .ok || journalFailure != nil || first.failure?.exitCode == .notPermitted
        ? nil : capability.remedy,
      affects: users.map(\.name))
  }

  /// An environment that failed although all that it needs is there.
  private func finding(ofUnexplained trial: EnvironmentTrial) -> Finding? {
    guard let failure = trial.failure, journalFailure == nil, trial.needs.allSatisfy(isProven) else { return nil }
    let isBaseline = trial.needs.isEmpty && trial.field == .network
    return Finding(
      id: "environment-\(trial.name)", title: "Environment \(trial.name)", status: isBaseline ? .fatal : .missing,
      detail: failure.message,
      why: isBaseline
        ? "Everything is compared with it." : "All that it needs is there, and yet it cannot be built.",
      remedy: isBaseline ? "ip link set lo up" : nil, affects: [trial.name])
  }
}
