import Foundation

/// Prints a simulated figure where `SHOW_SIMULATIONS` is set: the tables in the documentation come from these.
func show(_ line: String) {
  if ProcessInfo.processInfo.environment["SHOW_SIMULATIONS"] != nil { print(line) }
}
