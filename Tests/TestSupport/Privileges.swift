internal import Glibc
internal import LinuxKit
public import Testing

extension Trait where Self == ConditionTrait {
  /// The test makes network namespaces. Without the right to, it is skipped; but not in the privileged lane, whose
  /// promise is that it skips nothing: there it runs, and fails.
  public static var requiresNetworkNamespaces: Self {
    .enabled(
      if: isPrivilegedLane || canMakeNetworkNamespaces,
      "needs root with CAP_SYS_ADMIN and CAP_NET_ADMIN: run `sudo make test`")
  }

  /// The test counts kernel events. Skipped without tracepoints, but not in the privileged lane.
  public static var requiresTracepoints: Self {
    .enabled(
      if: isPrivilegedLane || TraceFS.places.contains { access("\($0)/events/net/net_dev_xmit/id", R_OK) == 0 },
      "needs root, and a kernel with trace events")
  }

  /// The test asks an independent program about what we did. Skipped where it is not installed, but not in the
  /// privileged lane.
  public static func requiresProgram(_ name: String) -> Self {
    .enabled(if: isPrivilegedLane || isInstalled(name), "needs the program `\(name)` in PATH: install its package")
  }
}

/// Whether nothing may be skipped for want of a privilege or a program: BENCH_REQUIRE_PRIVILEGED=1.
public let isPrivilegedLane = getenv("BENCH_REQUIRE_PRIVILEGED").map { String(cString: $0) } == "1"

/// Tried once per process, by really making one: what a capability set or a container allows cannot be read off.
private let canMakeNetworkNamespaces: Bool = {
  let probe = randomNamespace()
  do {
    try probe.create()
    try probe.remove()
    return true
  } catch {
    return false
  }
}()

private func isInstalled(_ name: String) -> Bool {
  let path = getenv("PATH").map { String(cString: $0) } ?? ""
  return path.split(separator: ":").contains { access("\($0)/\(name)", X_OK) == 0 }
}
