internal import Foundation
internal import LinuxKit

/// stdout carries the result; stderr carries progress, warnings and errors.
enum Console {
  /// Writes to stdout and adds a line end where there is none.
  static func output(_ text: String) { write(text.hasSuffix("\n") ? text : text + "\n", to: FileHandle.standardOutput) }

  /// Writes to stderr.
  static func error(_ text: String) { write(text.hasSuffix("\n") ? text : text + "\n", to: FileHandle.standardError) }

  /// Writes to stderr without a line end.
  static func errorRaw(_ text: String) { write(text, to: FileHandle.standardError) }

  /// A reader that has gone away (`bench … | head`) is no reason to fail: the run is in the store.
  private static func write(_ text: String, to handle: FileHandle) { try? handle.write(contentsOf: Data(text.utf8)) }

  /// The width to lay text out for: the terminal's, or `COLUMNS`, or 100.
  static func width(environment: [String: String]) -> Int {
    let columns = Terminal.columns(of: 1) ?? environment["COLUMNS"].flatMap { Int($0) } ?? 100
    return min(max(columns, 40), 160)
  }

  /// Whether stdout is to be coloured: only on a terminal that can, and if nobody forbids it (no-color.org).
  static func isColored(descriptor: Int32, environment: [String: String]) -> Bool {
    Terminal.isTerminal(descriptor) && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
  }
}
