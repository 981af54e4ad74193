internal import ArgumentParser
internal import Environments
internal import Foundation
internal import Model
internal import Store

struct CleanupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cleanup", abstract: "Remove what killed runs have left on the host.",
    discussion:
      "Only what a run's journal names is touched, and only if the run is over. A start of 'bench run' does the same.")

  @OptionGroup var store: StoreOptions

  func run() throws {
    // A store is not made for the sake of cleaning up.
    let runs = FileManager.default.fileExists(atPath: store.resolvedPath) ? try store.open() : nil
    let outcomes = try Housekeeping.sweep(
      journals: Journal.defaultDirectory(environment: Program.environment), store: runs, isQuiet: true)
    for outcome in outcomes { Console.output("run \(outcome.runID): \(outcome.summary)") }
    if outcomes.isEmpty { Console.output("Nothing to clean up.") }
    let failed = outcomes.flatMap(\.failed)
    if !failed.isEmpty {
      throw UserError(.notPermitted, "could not remove everything", remedy: "run as root, then try again")
    }
  }
}
