internal import Foundation
public import Model

/// The scenarios that can be run by name: the YAML files of the search directories, each named by its file.
public struct ScenarioCatalogue: Sendable {
  /// A scenario file that was found.
  public struct Entry: Sendable, Equatable {
    /// The file's name without its extension: what `bench run` takes.
    public var name: String
    /// Where the file is.
    public var path: String
    /// What the file holds, or what is wrong with it.
    public var content: Result<Scenario, UserError>

    /// The scenario's title; nil if the file is not valid.
    public var title: String? { try? content.get().title }
  }

  private static let extensions = [".yaml", ".yml"]

  /// The directories searched, first match first.
  public let directories: [String]

  /// - Parameter directories: searched in this order; ones that do not exist are passed over.
  public init(directories: [String]) {
    self.directories = directories
  }

  /// The names of all scenarios, sorted.
  public func names() -> [String] { files().map(\.name) }

  /// All scenarios with what they hold, sorted by name. A file that is not valid is listed with its error.
  /// - Parameter knownEnvironments: the names of the environments that the program has.
  public func entries(knownEnvironments: [String]) -> [Entry] {
    files().map { name, path in
      let content: Result<Scenario, UserError>
      do throws(UserError) {
        content = .success(
          try ScenarioFile.load(path: path, knownEnvironments: knownEnvironments, claimsDirectories: directories))
      } catch {
        content = .failure(error)
      }
      return Entry(name: name, path: path, content: content)
    }
  }

  /// The claims of the article: those of the first directory that has a file of them.
  /// - Throws: `.badInput` where none has one, or it is not valid; `.notPermitted` where it may not be read.
  public func claims() throws(UserError) -> ClaimsFile {
    guard let path = ClaimsFile.find(in: directories) else {
      throw UserError(
        .badInput, "there is no \(ClaimsFile.fileName) in \(place)",
        remedy: "It comes with the program's scenarios: install them, or run bench where the directory 'scenarios' is.")
    }
    return try ClaimsFile.load(path: path)
  }

  /// The path of a scenario. What has a slash or ends in `.yaml` or `.yml` is a path already, and is not looked at; what
  /// is no scenario's name, but a file's in the current directory, is one, too.
  /// - Throws: `.usage` for a name that no file has, with the nearest one and a list of all.
  public func resolve(_ nameOrPath: String) throws(UserError) -> String {
    if nameOrPath.contains("/") || Self.extensions.contains(where: nameOrPath.hasSuffix) { return nameOrPath }
    let files = files()
    if let match = files.first(where: { $0.name == nameOrPath }) { return match.path }
    // A file of that name lies here: its content will tell whether it is a scenario.
    var isDirectory: ObjCBool = false
    if FileManager.default.fileExists(atPath: nameOrPath, isDirectory: &isDirectory), !isDirectory.boolValue {
      return nameOrPath
    }

    if files.isEmpty {
      throw UserError(
        .usage, "unknown scenario \(Display.quoted(nameOrPath)): no scenarios were found in \(place)",
        remedy: "Give the path of a scenario file, e.g. ./\(Display.plain(nameOrPath)).yaml")
    }
    let near = Suggestion.nearest(to: String(nameOrPath.prefix(100)), among: files.map(\.name))
    let hint = near.map { " (did you mean '\(Display.plain($0))'?)" } ?? ""
    throw UserError(
      .usage, "unknown scenario \(Display.quoted(nameOrPath))\(hint)",
      remedy: "The scenarios are: \(Display.list(files.map(\.name))). Any other is run by its path, e.g. ./mine.yaml")
  }

  private var place: String {
    directories.isEmpty ? "any directory" : Display.list(directories)
  }

  private func files() -> [(name: String, path: String)] {
    var found: [String: String] = [:]
    for directory in directories {
      let files = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
      // Sorted, so that x.yaml comes before x.yml whatever the file system's order.
      for file in files.sorted() where !file.hasPrefix(".") && file != ClaimsFile.fileName {
        guard let suffix = Self.extensions.first(where: file.hasSuffix) else { continue }
        let name = String(file.dropLast(suffix.count))
        let path = directory.hasSuffix("/") ? directory + file : "\(directory)/\(file)"
        if found[name] == nil { found[name] = path }
      }
    }
    return found.map { (name: $0.key, path: $0.value) }.sorted { $0.name < $1.name }
  }
}
