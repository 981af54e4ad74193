public import ArgumentParser
internal import Environments
internal import Foundation
public import Model
internal import Scenarios
internal import Store

/// Where runs are kept.
struct StoreOptions: ParsableArguments {
  @Option(
    name: .customLong("store"),
    help: ArgumentHelp(
      "The database of runs (default: $BENCH_STORE, else $XDG_STATE_HOME/bench/bench.sqlite).", valueName: "path"))
  var path: String?

  var resolvedPath: String { path ?? RunStore.defaultPath(environment: Program.environment) }

  func open() throws(UserError) -> RunStore { try RunStore(path: resolvedPath) }
}

/// Where scenarios are found.
enum ScenarioSource {
  /// `./scenarios`, then those that were installed with the program or lie in its checkout.
  static var catalogue: ScenarioCatalogue {
    let program = URL(fileURLWithPath: Program.executable).deletingLastPathComponent()
    var directories = [FileManager.default.currentDirectoryPath + "/scenarios"]
    directories.append(program.deletingLastPathComponent().appendingPathComponent("share/bench/scenarios").path)
    // A build of the checkout: .build/<triple>/<configuration>/bench.
    var parent = program
    for _ in 0..<4 {
      parent.deleteLastPathComponent()
      directories.append(parent.appendingPathComponent("scenarios").path)
    }
    return ScenarioCatalogue(directories: directories)
  }

  /// Loads a scenario by name or by path.
  static func load(_ nameOrPath: String) throws(UserError) -> Scenario {
    let catalogue = Self.catalogue
    return try ScenarioFile.load(
      path: try catalogue.resolve(nameOrPath), knownEnvironments: EnvironmentRegistry.names,
      claimsDirectories: catalogue.directories)
  }
}

extension ProfileName: ExpressibleByArgument {}

/// A list of words separated by commas.
struct WordList: ExpressibleByArgument {
  let words: [String]

  init?(argument: String) {
    words = argument.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    if words.isEmpty { return nil }
  }
}

extension [WordList] {
  /// All of an option that may be given several times; nil if it was not.
  var words: [String]? { isEmpty ? nil : flatMap(\.words) }
}
