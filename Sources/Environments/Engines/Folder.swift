internal import Foundation
internal import Glibc
internal import LinuxKit
internal import Model

/// Directories that a run makes on the host, with what is put into them and mounted on them.
enum Folder {
  /// Makes a directory for root alone. Never takes over one that is there.
  static func make(_ path: String) throws(UserError) {
    guard mkdir(path, 0o700) != 0 else { return }
    let error = SystemError(call: "mkdir", subject: path, code: errno)
    throw UserError(
      error.isPermission ? .notPermitted : .unavailable, "cannot make a directory of the run: \(error)",
      remedy: error.isFull ? "free some space" : "set BENCH_JOURNAL to a directory that can be written")
  }

  /// Whether there is a directory with something in it.
  static func isFilled(_ path: String) -> Bool {
    !((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).isEmpty
  }

  /// Takes a directory of a run away, which its name must tell: a journal that was tampered with removes nothing else.
  static func removeOwn(_ path: String) throws(SystemError) {
    guard path.split(separator: "/").last?.hasPrefix("bench-") == true else {
      throw SystemError(call: "remove", subject: path, code: EPERM)
    }
    try remove(path)
  }

  /// Takes a directory away with everything in it, after what is mounted below it. Does not follow symbolic links.
  static func remove(_ path: String) throws(SystemError) {
    for point in mountPoints(in: path) where umount2(point, Int32(MNT_DETACH)) != 0 {
      guard errno == EINVAL || errno == ENOENT else {
        throw SystemError(call: "umount", subject: point, code: errno)
      }
    }
    do { try FileManager.default.removeItem(atPath: path) } catch {
      let code = ((error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError)?.code
      if access(path, F_OK) != 0 && errno == ENOENT { return }
      throw SystemError(call: "remove", subject: path, code: Int32(code ?? Int(EIO)))
    }
  }

  /// What is mounted at `path` or below, the last mount first.
  static func mountPoints(in path: String) -> [String] {
    guard let table = try? SmallFile.text("/proc/self/mountinfo") else { return [] }
    // Fields by proc(5): the fifth is the mount point, in which blanks are written as octal numbers.
    let points = table.split(separator: "\n").compactMap { line in
      line.split(separator: " ").dropFirst(4).first.map { unescaped(String($0)) }
    }
    return points.filter { $0 == path || $0.hasPrefix("\(path)/") }.reversed()
  }

  private static func unescaped(_ text: String) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")].reduce(text) { text, escape in
      text.replacingOccurrences(of: escape.0, with: escape.1)
    }
  }

  /// Writes a file.
  static func write(_ data: Data, to path: String) throws(UserError) {
    do { try data.write(to: URL(filePath: path)) } catch {
      throw UserError(.unavailable, "cannot write \(path): \(error.localizedDescription)", remedy: "free some space")
    }
  }

  /// A root file system that has the worker and nothing else, in the new directory `path`.
  static func makeRootFileSystem(_ path: String, worker: String) throws(UserError) {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
      // A link where it can be one: a file that was just written may still be open for writing in a child that is being
      // started at that moment, and cannot be run then (ETXTBSY).
      let file = "\(path)\(ContainerImage.workerPath)"
      if link(worker, file) != 0 { try FileManager.default.copyItem(atPath: worker, toPath: file) }
    } catch {
      throw UserError(
        .unavailable, "cannot put the worker \(worker) into \(path): \(error.localizedDescription)",
        remedy: "set BENCH_WORKER to the worker's file, and free some space")
    }
  }
}

/// What containers are made of: the worker, and the content of a file system where the workload has any.
enum ContainerImage {
  /// Where the worker is in a container.
  static let workerPath = "/bench-worker"

  /// A tar archive (POSIX ustar) with the worker alone.
  static func archive(worker: String) throws(UserError) -> Data {
    let content = try read(worker)
    let padding = (512 - content.count % 512) % 512
    // Two empty blocks are the end.
    return header(workerPath, mode: 0o755, size: content.count) + content + Data(count: padding + 1024)
  }

  /// The places of this host's programs, for the user's own commands. Those that are not there are left out; symbolic
  /// links are followed.
  static func hostPrograms() -> [(destination: String, source: String)] {
    let places = [
      "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/etc/ld.so.cache", "/etc/alternatives",
      "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/protocols", "/etc/services", "/etc/ssl",
    ]
    return places.compactMap { place in
      guard let real = realpath(place, nil) else { return nil }
      defer { free(real) }
      return (place, String(cString: real))
    }
  }
}
