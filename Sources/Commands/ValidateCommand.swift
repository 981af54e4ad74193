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
        if ClaimsFile.isNamed(by: path) {
          let claims = try ClaimsFile.load(path: path).claims
          let open = claims.count { $0.open != nil }
          Console.output("\(path): valid (\(claims.count) claims, \(open) of them measured by no scenario yet)")
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
