internal import CLinux
internal import Glibc

/// What stdin, stdout and stderr are connected to.
public enum Terminal {
  public static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

  /// The width of the terminal on `descriptor` in columns; nil if it is no terminal or has no size.
  public static func columns(of descriptor: Int32) -> Int? {
    let columns = clinux_terminal_columns(descriptor)
    return columns > 0 ? Int(columns) : nil
  }
}
