internal import LinuxKit
public import Model

/// Cleaning up after runs that were killed.
public enum Sweep {
  /// What was done about one abandoned run.
  public struct Outcome: Sendable, Equatable {
    public var runID: String
    public var removed: [Resource]
    /// What could not be removed, and why; it stays in the journal.
    public var failed: [String]
  }

  /// Removes everything that the runs in `directory` which are over have left, last first.
  public static func run(directory: String) throws(UserError) -> [Outcome] {
    var outcomes: [Outcome] = []
    for journal in try Journal.abandoned(in: directory) {
      var outcome = Outcome(runID: journal.runID, removed: [], failed: [])
      // Twice: what an engine that has died cannot take away any more goes with the engine's own files.
      for _ in 0..<2 {
        outcome.failed = []
        for resource in journal.resources.reversed() {
          do throws(SystemError) { try resource.remove() } catch {
            outcome.failed.append("\(resource): \(error)")
            continue
          }
          outcome.removed.append(resource)
          // Where the disk is full nothing can be struck out, and cleaning up must go on: what is gone already is no
          // error to whoever sweeps next.
          try? journal.strike(resource)
        }
        if outcome.failed.isEmpty { break }
      }
      journal.close()
      outcomes.append(outcome)
    }
    return outcomes
  }
}
