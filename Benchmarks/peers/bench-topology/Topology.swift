internal import Environments
internal import Foundation
internal import Model

/// Builds and removes one environment as often as it is told to, for `peers/topology.py`, which holds the stopwatch.
///
///     bench-topology ENVIRONMENT     a line in: build, "up" out, remove, "down" out; until the end of the input
///     bench-topology --sweep         removes what a killed one has left
///
/// It keeps its journal where `bench` does, so that `bench cleanup` knows of it, too.
@main
struct Topology {
  static func main() {
    // Ctrl-C reaches whoever holds the stopwatch, too; that one closes our input, which ends us between two rounds.
    signal(SIGINT, SIG_IGN)
    let arguments = CommandLine.arguments.dropFirst()
    guard let word = arguments.first, arguments.count == 1 else {
      fail(UserError(.usage, "usage: bench-topology ENVIRONMENT|--sweep"))
    }
    let directory = Journal.defaultDirectory(environment: ProcessInfo.processInfo.environment)
    do throws(UserError) {
      try sweep(directory)
      if word != "--sweep" { try serve(word, directory) }
    } catch { fail(error) }
  }

  private static func serve(_ name: String, _ directory: String) throws(UserError) {
    guard let definition = EnvironmentRegistry.definition(named: name) else {
      throw UserError(
        .usage, "no environment is named '\(name)'",
        remedy: "Give one of: \(EnvironmentRegistry.names.joined(separator: ", ")).")
    }
    let journal = try Journal(runID: "topology-\(getpid())", directory: directory)
    defer { journal.close() }
    while readLine() != nil {
      let resources = HostResources(journal: journal)
      do throws(UserError) {
        // Let go of before it is removed, as a run does it: its sockets keep the namespaces alive.
        _ = try definition.tryOut(with: resources)
        tell("up")
        try resources.removeAll()
        tell("down")
      } catch {
        try? resources.removeAll()
        throw error
      }
    }
  }

  private static func sweep(_ directory: String) throws(UserError) {
    for outcome in try Sweep.run(directory: directory) {
      guard outcome.failed.isEmpty else {
        throw UserError(.internalError, outcome.failed.joined(separator: "; "))
      }
    }
  }

  private static func tell(_ word: String) { FileHandle.standardOutput.write(Data("\(word)\n".utf8)) }

  private static func fail(_ error: UserError) -> Never {
    FileHandle.standardError.write(Data("bench-topology: \(error)\n".utf8))
    exit(error.exitCode.rawValue)
  }
}
