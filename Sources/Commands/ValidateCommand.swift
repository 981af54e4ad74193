internal import ArgumentParser
internal import Environments
internal import Model
internal import Nightly
internal import Scenarios

struct ValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate", abstract: "Check scenarios, claims and suites without running anything.")

  @Argument(
    help: ArgumentHelp("Scenarios, by name or by path; files of claims and suites, by path.", valueName: "file"))
  var files: [String]

  func run() throws {
    var worst = ExitStatus.success
    for file in files {
      do throws(UserError) {
        let path = try ScenarioSource.catalogue.resolve(file)
        if ClaimsFile.isNamed(by: path) {
          let claims = try ClaimsFile.load(path: path).claims
          let open = claims.count { $0.open != nil }
          let count = "\(claims.count) claim\(claims.count == 1 ? "" : "s")"
          Console.output("\(path): valid (\(count), \(open) of them measured by no scenario yet)")
          continue
        }
        if SuiteFile.isSuite(path: path) {
          // What it names of scenarios has to be there, too.
          let suite = try SuiteFile.load(path: path)
          _ = try NightPlan(suite: suite, path: path, seed: 1) { name throws(UserError) in
            try ScenarioSource.load(name)
          }
          Console.output("\(path): valid (suite \(suite.name): \(suite.title))")
          continue
        }
        let scenario = try ScenarioSource.load(path)
        Console.output("\(path): valid (\(scenario.name): \(scenario.title))")
      } catch {
        Console.error("bench: \(error.description)")
        worst = max(worst, error.exitCode)
      }
    }
    if worst != .success { throw ExitStatusError(status: worst) }
  }
}
