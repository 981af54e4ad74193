internal import Model

/// A place in a text, both counted from 1; columns in Unicode scalars.
struct Place: Equatable {
  var line: Int
  var column: Int

  static let start = Place(line: 1, column: 1)
}

/// Collects everything that is wrong with one file, so that a user mends it in one go instead of one error a run.
///
/// A class because the readers of the parts of a file share it.
final class Problems {
  /// Beyond this many a list helps nobody: most follow from the first ones.
  private static let limit = 10

  private struct Problem {
    var place: Place
    var message: String
  }

  private let file: String
  private var list: [Problem] = []

  /// - Parameter file: the file's path, as the user wrote it.
  init(file: String) {
    self.file = file
  }

  var isEmpty: Bool { list.isEmpty }

  func report(_ message: String, at place: Place) {
    list.append(Problem(place: place, message: message))
  }

  /// All problems, in the order of the file, as one error.
  var error: UserError {
    let path = Display.plain(file)
    // Stable, since two problems may share a place: the one found first says more.
    let ordered = list.enumerated().sorted { a, b in
      (a.element.place.line, a.element.place.column, a.offset)
        < (b.element.place.line, b.element.place.column, b.offset)
    }
    var lines = ordered.prefix(Self.limit).map { _, problem in
      "\(path):\(problem.place.line):\(problem.place.column): \(problem.message)"
    }
    if list.count > Self.limit { lines.append("\(path): and \(list.count - Self.limit) more") }
    return UserError(
      .badInput, lines.joined(separator: "\n"), remedy: "Mend the file, then check it with 'bench validate \(path)'.")
  }
}
