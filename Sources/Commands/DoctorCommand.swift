internal import ArgumentParser
internal import Doctor
internal import Environments
internal import Model

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Try what this host can measure, and say what would disturb it.",
    discussion: "Each capability is probed by trying it. Whatever that makes on the host is removed again.")

  @OptionGroup var store: StoreOptions

  func run() throws {
    let environment = Program.environment
    let diagnosis = Doctor.examine(
      environment: environment, journalDirectory: Journal.defaultDirectory(environment: environment),
      program: Program.executable, storePath: store.resolvedPath)
    Console.output(
      Doctor.render(
        diagnosis, width: Console.width(environment: environment),
        color: Console.isColored(descriptor: 1, environment: environment)))
    if diagnosis.exitStatus != .success { throw ExitStatusError(status: diagnosis.exitStatus) }
  }
}
