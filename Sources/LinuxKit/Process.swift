internal import CLinux
internal import Glibc

/// What a process does to itself.
public enum Process {
  /// SIGKILL reaches the calling process when the thread that started it ends (prctl(2), PR_SET_PDEATHSIG).
  public static func dieWithParent() throws(SystemError) {
    try systemCall("prctl", on: "PR_SET_PDEATHSIG") { clinux_set_parent_death_signal(SIGKILL) }
  }

  /// Whether the caller is root in its user namespace.
  public static var isRoot: Bool { geteuid() == 0 }
}
