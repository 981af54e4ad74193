public import Model

/// Reads scenario files. Whatever is wrong with one is an error that names file, line, column and remedy.
public struct ScenarioFile {
  /// Reads the file at `path`.
  /// - Parameter knownEnvironments: the names of the environments that the program has.
  /// - Throws: `.badInput` for a file that is missing, no text or no valid scenario, with one line for each mistake (up
  ///   to ten); `.notPermitted` for one that the user may not read.
  public static func load(path: String, knownEnvironments: [String]) throws(UserError) -> Scenario {
    try parse(try TextFile.read(path), file: path, knownEnvironments: knownEnvironments)
  }

  /// Reads the text of a scenario.
  /// - Parameters:
  ///   - text: YAML.
  ///   - file: the name that errors give the text.
  ///   - knownEnvironments: the names of the environments that the program has.
  /// - Throws: `.badInput`, with one line for each mistake (up to ten).
  public static func parse(_ text: String, file: String, knownEnvironments: [String]) throws(UserError) -> Scenario {
    let problems = Problems(file: file)
    let reader = ScenarioReader(knownEnvironments: knownEnvironments, problems: problems)
    guard let root = YAMLDocument.compose(text, problems), let scenario = reader.read(root), problems.isEmpty else {
      throw problems.error
    }
    return scenario
  }
}
