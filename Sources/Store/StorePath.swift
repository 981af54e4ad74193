internal import Foundation

extension RunStore {
  /// Where runs are kept if nothing else is said: `$BENCH_STORE`, else `$XDG_STATE_HOME/bench/bench.sqlite`, else
  /// `~/.local/state/bench/bench.sqlite` (XDG Base Directory Specification 0.8, which also has a relative
  /// `XDG_STATE_HOME` ignored).
  public static func defaultPath(environment: [String: String]) -> String {
    if let path = environment["BENCH_STORE"], !path.isEmpty { return path }
    if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") { return "\(trimmed(state))/bench/bench.sqlite" }
    let home = environment["HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? NSHomeDirectory()
    return "\(trimmed(home))/.local/state/bench/bench.sqlite"
  }

  private static func trimmed(_ directory: String) -> String {
    directory.hasSuffix("/") ? String(directory.dropLast()) : directory
  }
}
