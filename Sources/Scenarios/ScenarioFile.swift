public import Model

/// Reads scenario files. Whatever is wrong with one is an error that names file, line, column and remedy.
public struct ScenarioFile {
  /// Reads the file at `path`. What its claims leave to `claims.yaml` is looked up in the file's own directory, else in
  /// the first of `claimsDirectories` that has one.
  /// - Parameters:
  ///   - knownEnvironments: the names of the environments that the program has.
  ///   - claimsDirectories: where `claims.yaml` may be, if it does not lie beside the scenario.
  /// - Throws: `.badInput` for a file that is missing, no text or no valid scenario, with one line for each mistake (up
  ///   to ten); `.notPermitted` for one that the user may not read. The same of a `claims.yaml` that is needed.
  public static func load(
    path: String, knownEnvironments: [String], claimsDirectories: [String] = []
  ) throws(UserError) -> Scenario {
    let text = try TextFile.read(path)
    let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    let beside = ClaimsFile.find(in: [directory])
    let source = ClaimsSource(path: beside ?? ClaimsFile.find(in: claimsDirectories), isBeside: beside != nil)
    return try parse(text, file: path, knownEnvironments: knownEnvironments, source)
  }

  /// Reads the text of a scenario.
  /// - Parameters:
  ///   - text: YAML.
  ///   - file: the name that errors give the text.
  ///   - knownEnvironments: the names of the environments that the program has.
  ///   - claims: the claims that the scenario may refer to by id.
  /// - Throws: `.badInput`, with one line for each mistake (up to ten).
  public static func parse(
    _ text: String, file: String, knownEnvironments: [String], claims: ClaimsFile? = nil
  ) throws(UserError) -> Scenario {
    try parse(
      text, file: file, knownEnvironments: knownEnvironments, ClaimsSource(file: claims, isBeside: claims != nil))
  }

  private static func parse(
    _ text: String, file: String, knownEnvironments: [String], _ claims: ClaimsSource
  ) throws(UserError) -> Scenario {
    let problems = Problems(file: file)
    let reader = ScenarioReader(knownEnvironments: knownEnvironments, claimsSource: claims, problems: problems)
    let scenario = YAMLDocument.compose(text, problems).flatMap(reader.read)
    // Before the scenario's own mistakes: some of them may only follow.
    if let failure = claims.failure { throw failure }
    guard let scenario, problems.isEmpty else { throw problems.error }
    return scenario
  }
}
