internal import LinuxKit
public import Model

/// The CPUs that client and server are pinned to.
public struct Processors: Sendable, Equatable {
  public var client: Int
  public var server: Int

  public init(client: Int, server: Int) {
    self.client = client
    self.server = server
  }

  /// Two CPUs of different cores (not two threads of one) that the program may use; where there is a choice, not CPU 0,
  /// which gets most interrupts.
  /// - Parameter requested: client's and server's CPU, as the user named them.
  public static func choose(requested: [Int]? = nil) throws(UserError) -> Processors {
    let allowed: [Int]
    do throws(SystemError) { allowed = try CPUSet.current() } catch {
      throw UserError(.unavailable, "cannot tell which CPUs may be used: \(error)")
    }
    if let requested {
      guard requested.count == 2, requested[0] != requested[1] else {
        throw UserError(
          .usage, "--cpus takes two different CPUs, client's and server's", remedy: "for instance --cpus 2,3")
      }
      if let bad = requested.first(where: { !allowed.contains($0) }) {
        throw UserError(
          .usage, "CPU \(bad) may not be used here",
          remedy: "these may: \(allowed.map(String.init).joined(separator: ","))")
      }
      return Processors(client: requested[0], server: requested[1])
    }
    var cores: [Int] = []
    var siblings: Set<String> = []
    for cpu in allowed {
      let core = SmallFile.line("/sys/devices/system/cpu/cpu\(cpu)/topology/thread_siblings_list") ?? "\(cpu)"
      if siblings.insert(core).inserted { cores.append(cpu) }
    }
    if cores.count > 2, cores.first == 0 { cores.removeFirst() }
    guard cores.count >= 2 else {
      throw UserError(
        .unavailable, "client and server need a CPU core each, and only \(cores.count) may be used",
        remedy: "give the program two cores (see taskset(1) and the container's CPU set)")
    }
    return Processors(client: cores[0], server: cores[1])
  }
}
