internal import ArgumentParser
internal import Environments
internal import Model
internal import Scenarios

struct ValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate", abstract: "Check scenario files without running anything.")

  @Argument(help: ArgumentHelp("Scenarios, by name or by path.", valueName: "file"))
  var files: [String]

  func run() throws {
    var worst = ExitStatus.success
    for file in files {
      do throws(UserError) {
        let path = try ScenarioSource.catalogue.resolve(file)
        let scenario = try ScenarioFile.load(path: path, knownEnvironments: EnvironmentRegistry.names)
        Console.output("\(path): valid (\(scenario.name): \(scenario.title))")
      } catch {
        Console.error("bench: \(error.description)")
        worst = max(worst, error.exitCode)
      }
    }
    if worst != .success { throw ExitStatusError(status: worst) }
  }
}
