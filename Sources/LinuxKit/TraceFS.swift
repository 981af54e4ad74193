internal import CLinux
internal import Glibc

/// Where the kernel shows its trace events.
public enum TraceFS {
  /// Where it is mounted on most hosts, the first being its own place.
  public static let usualPlaces = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"]

  /// The directories in which it can be read now. Where it is mounted nowhere, root reads it through a mount of the process's
  /// own, which is in no directory: nothing is changed on the host, and nothing is left.
  public static var places: [String] { found.places }

  /// Whether it is mounted nowhere, and this process may not mount it.
  static var isRefused: Bool { found.isRefused }

  private static let found: (places: [String], isRefused: Bool) = {
    let mounted = usualPlaces.filter { access("\($0)/events", F_OK) == 0 }
    // What may not be looked into is there.
    guard mounted.isEmpty, errno == ENOENT else { return (usualPlaces, false) }
    // Held for the life of the process.
    let detached = clinux_detached_mount("tracefs")
    if detached >= 0 { return (["/proc/self/fd/\(detached)"], false) }
    return (usualPlaces, errno == EPERM)
  }()
}
