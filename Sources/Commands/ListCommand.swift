internal import ArgumentParser
internal import Environments
internal import Foundation
internal import Model
internal import Scenarios
internal import Store

struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List scenarios and environments, or the stored runs.")

  @Flag(help: "List the stored runs, newest first.")
  var runs = false

  @Option(help: ArgumentHelp("At most this many runs.", valueName: "n"))
  var limit = 20

  @OptionGroup var store: StoreOptions

  func validate() throws {
    if limit < 1 { throw ValidationError("--limit takes a number of 1 or more.") }
  }

  func run() throws {
    if runs { try listRuns() } else { listScenarios() }
  }

  private func listScenarios() {
    Console.output("Scenarios")
    let entries = ScenarioSource.catalogue.entries(knownEnvironments: EnvironmentRegistry.names)
    if entries.isEmpty { Console.output("  none found; a path to a file works everywhere") }
    Console.output(Columns.lines(entries.map { [$0.name, $0.title ?? "not valid: see 'bench validate \($0.name)'"] }))
    Console.output("\nEnvironments, each adding a layer to the one before")
    Console.output(Columns.lines(EnvironmentRegistry.all.map { [$0.name, $0.summary] }))
    Console.output("\n'bench describe SCENARIO' says what a scenario does; 'bench list --runs' lists stored runs.")
  }

  private func listRuns() throws(UserError) {
    let listings = try RunStore.openReadOnly(path: store.resolvedPath).runs(limit: limit)
    if listings.isEmpty { return Console.error("No runs are stored in \(store.resolvedPath).") }
    Console.output(
      Columns.lines(
        listings.map {
          [$0.id, $0.scenario, $0.profile.rawValue, $0.exit.rawValue, "\($0.trials) trials"]
        }, indent: ""))
  }
}

/// Text in columns.
enum Columns {
  static func lines(_ rows: [[String]], indent: String = "  ") -> String {
    let count = rows.map(\.count).max() ?? 0
    let widths = (0..<count).map { column in rows.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      let cells = row.enumerated().map { index, cell in
        index == row.count - 1 ? cell : cell.padding(toLength: widths[index], withPad: " ", startingAt: 0)
      }
      return indent + cells.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}
