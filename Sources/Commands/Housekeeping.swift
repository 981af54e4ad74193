internal import Environments
internal import Model
internal import Store

/// Finishing what killed runs have left.
enum Housekeeping {
  /// Removes what they left on the host, and marks them as over in the store.
  @discardableResult
  static func sweep(journals: String, store: RunStore?, isQuiet: Bool) throws(UserError) -> [Sweep.Outcome] {
    let outcomes = try Sweep.run(directory: journals)
    for outcome in outcomes {
      // A run that another store holds, or that was killed before it was stored, is nobody's concern here.
      _ = try? store?.abandon(outcome.runID, reason: "the controller was killed")
      if !isQuiet {
        Console.error("Cleaned up after run \(outcome.runID), which was killed: \(outcome.summary).")
      }
    }
    return outcomes
  }
}

extension Sweep.Outcome {
  /// What was done, in words.
  var summary: String {
    var parts = [removed.isEmpty ? "nothing was left" : "removed \(removed.map(\.description).joined(separator: ", "))"]
    parts += failed.map { "could not remove \($0)" }
    return parts.joined(separator: "; ")
  }
}
