internal import ArgumentParser
internal import Doctor
internal import Environments
internal import Model

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Try what this host can measure, and say what would disturb it.",
    discussion: """
      Each capability is probed by trying it. Whatever that makes on the host is removed again.

      --fix installs engines and proxies with apt-get, and starts a Docker daemon where none answers: a private one, with \
      its files under one directory and a network namespace of its own. Each step is named before it is done. \
      --stop-engine ends that daemon and removes all that is its.
      """)

  @Option(
    help: ArgumentHelp(
      "Make these work: docker, podman, runc, gvisor, haproxy, or all.", valueName: "a,b"))
  var fix: WordList?

  @Flag(help: "Say what --fix would do, and do nothing.")
  var dryRun = false

  @Flag(help: "End the private Docker daemon that --fix has started, and remove its files.")
  var stopEngine = false

  @OptionGroup var store: StoreOptions

  func validate() throws {
    if dryRun && fix == nil { throw ValidationError("--dry-run says what --fix would do: name both.") }
    if stopEngine && fix != nil { throw ValidationError("--fix and --stop-engine undo each other: name one.") }
  }

  func run() throws {
    let environment = Program.environment
    let directory = PrivateDocker.defaultDirectory(environment: environment)
    if stopEngine { return try PrivateDocker(directory: directory).stop() }
    if let fix {
      try mend(try Self.capabilities(fix.words), directory: directory)
      if dryRun { return }
    }
    let diagnosis = Doctor.examine(
      environment: environment, journalDirectory: Journal.defaultDirectory(environment: environment),
      program: Program.executable, storePath: store.resolvedPath)
    Console.output(
      Doctor.render(
        diagnosis, width: Console.width(environment: environment),
        color: Console.isColored(descriptor: 1, environment: environment)))
    if diagnosis.exitStatus != .success { throw ExitStatusError(status: diagnosis.exitStatus) }
  }

  private func mend(_ capabilities: [HostCapability], directory: String) throws {
    let actions = EngineSetup.actions(for: capabilities, directory: directory)
    if actions.isEmpty { return Console.error("Nothing to mend: all of that is there.") }
    for action in actions {
      Console.error("\(action.finding) \(action.sentence)")
      if !dryRun { try EngineSetup.perform(action) }
    }
  }

  /// What --fix may name.
  private static let mendable: [HostCapability] = [
    .docker, .podman, .runc, .gvisor, .haproxy, .ext4, .xfs, .btrfs, .erofs,
  ]

  private static func capabilities(_ words: [String]) throws(UserError) -> [HostCapability] {
    if words == ["all"] { return mendable }
    return try words.map { word throws(UserError) in
      guard let capability = mendable.first(where: { $0.rawValue == word }) else {
        throw UserError(
          .usage, "--fix does not know '\(word)'",
          remedy: "it can mend: \(mendable.map(\.rawValue).joined(separator: ", ")), or all")
      }
      return capability
    }
  }
}
