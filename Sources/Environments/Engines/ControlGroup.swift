internal import Foundation
internal import Glibc
internal import LinuxKit

/// Groups of processes that engines make for their containers (cgroups(7)), below one of the run's own name.
enum ControlGroup {
  private static let root = "/sys/fs/cgroup"

  /// Takes the group `name` and all below it away, in the hierarchies of both versions. They must be without processes;
  /// what is not there is no error.
  static func remove(_ name: String) throws(SystemError) {
    guard name.hasPrefix("bench-"), !name.contains("/") else {
      throw SystemError(call: "rmdir", subject: "control group \(name)", code: EPERM)
    }
    let hierarchies = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
    for path in [root] + hierarchies.map({ "\(root)/\($0)" }) { try removeTree("\(path)/\(name)") }
  }

  /// A group's files are the kernel's and go with it; only the groups in it must be removed before.
  private static func removeTree(_ path: String) throws(SystemError) {
    guard access(path, F_OK) == 0 else { return }
    for entry in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
      var status = stat()
      if lstat("\(path)/\(entry)", &status) == 0 && status.st_mode & S_IFMT == S_IFDIR {
        try removeTree("\(path)/\(entry)")
      }
    }
    // Its last process may still be on its way out.
    var tries = 0
    while rmdir(path) != 0 && errno != ENOENT {
      let code = errno
      tries += 1
      guard code == EBUSY, tries < 100 else { throw SystemError(call: "rmdir", subject: path, code: code) }
      usleep(10_000)
    }
  }
}
