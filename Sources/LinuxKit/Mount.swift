internal import CLinux
internal import Glibc

/// An option of a file system, as its page in the kernel's documentation names it.
public struct MountOption: Sendable, Hashable {
  let name: String
  /// nil: a flag, which has none.
  let value: String?

  /// E.g. `ro`, `noatime`.
  public static func flag(_ name: String) -> MountOption { MountOption(name: name, value: nil) }
  /// E.g. `size` and `1m`. Some may come more than once: `lowerdir+`.
  public static func value(_ name: String, _ value: String) -> MountOption { MountOption(name: name, value: value) }
}

/// Why something could not be mounted: the call that failed, and what the file system itself had to say.
public struct MountError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The call, on which file system, option or directory.
  public let error: SystemError
  /// The kernel's own words, or nil where the file system has none. Some (XFS) write theirs to the kernel's log only.
  public let message: String?

  public init(error: SystemError, message: String? = nil) {
    self.error = error
    self.message = message
  }

  /// Whether the kernel does not know the type of file system.
  public var isUnknownType: Bool { error.call == "fsopen" && error.code == ENODEV }
  public var isPermission: Bool { error.isPermission }

  public var description: String {
    if let message { return "\(error) (\(message))" }
    if error.call == "fsopen" && error.code == ENOSYS { return "\(error): mounting needs Linux 5.2" }
    return "\(error)"
  }
}

/// Mounts file systems by the calls of Linux 5.2 (fsopen, fsconfig, fsmount, move_mount), which take options one by one:
/// any number of lower layers, commas in paths, and an answer in words.
public enum Mount {
  /// What fsconfig(2) takes at most as a name or a value, in bytes.
  static let longestString = 255

  /// Mounts a file system of `type` at `target` in the calling thread's mount namespace.
  /// - Parameters:
  ///   - type: e.g. `overlay`; what /proc/filesystems lists.
  ///   - source: the block device or, where there is none, a name for lists.
  ///   - target: an existing directory, or file. A symbolic link is not followed.
  ///   - options: in this order.
  public static func make(
    _ type: String, source: String? = nil, at target: String, options: [MountOption] = [], isReadOnly: Bool = false
  ) throws(MountError) {
    var all = options
    if let source { all.insert(.value("source", source), at: 0) }
    if isReadOnly { all.append(.flag("ro")) }
    for option in all {
      for text in [option.name, option.value ?? ""] where text.utf8.count > longestString {
        let subject = "\(type), option \(option.name) of \(text.utf8.count) bytes (at most \(longestString))"
        throw MountError(error: SystemError(call: "fsconfig", subject: subject, code: ENAMETOOLONG))
      }
    }
    let context = try call("fsopen", on: type) { clinux_fsopen(type) }
    let fs = context.rawValue
    for option in all {
      try attempt("fsconfig", on: "\(type), option \(option.name)\(option.value.map { "=\($0)" } ?? "")", context) {
        if let value = option.value {
          clinux_fsconfig_string(fs, option.name, value)
        } else {
          clinux_fsconfig_flag(fs, option.name)
        }
      }
    }
    let what = source.map { "\(type) of \($0)" } ?? type
    try attempt("fsconfig", on: what, context) { clinux_fsconfig_create(fs) }
    let mount = Descriptor(
      owning: try attempt("fsmount", on: what, context) { clinux_fsmount(fs, isReadOnly ? 1 : 0) })
    let detached = mount.rawValue
    try attempt("move_mount", on: target, context) { clinux_attach_mount(detached, target) }
  }

  /// Unmounts what is mounted at `target` (umount2(2)), which must not be in use. Nothing there is no error: teardown may
  /// come twice.
  ///
  /// Waits up to two seconds for it to be unused: the kernel closes files of an io_uring some time after the process that
  /// had it has ended, and a child that is being started has its parent's files until its program runs.
  public static func remove(_ target: String) throws(SystemError) {
    let deadline = Clock.monotonic() + 2_000_000_000
    // UMOUNT_NOFOLLOW, as `make` does not follow a symbolic link either.
    while umount2(target, 8) != 0 {
      let code = errno
      if code == EINVAL || code == ENOENT { return }
      if code != EBUSY || Clock.monotonic() > deadline {
        throw SystemError(call: "umount", subject: target, code: code)
      }
      usleep(2000)
    }
  }

  private static func call(
    _ name: StaticString, on subject: String, _ body: () -> Int32
  ) throws(MountError) -> Descriptor {
    do throws(SystemError) {
      return Descriptor(owning: try systemCall(name, on: subject, body))
    } catch {
      throw MountError(error: error)
    }
  }

  /// A call on the context of a file system, which keeps what the file system says.
  @discardableResult
  private static func attempt(
    _ name: StaticString, on subject: String, _ context: borrowing Descriptor, _ body: () -> Int32
  ) throws(MountError) -> Int32 {
    do throws(SystemError) {
      return try systemCall(name, on: subject, body)
    } catch {
      throw MountError(error: error, message: complaints(of: context))
    }
  }

  /// The errors that a file system has put down, without those that were only information, as one text. Each read gives
  /// one message: a letter for how bad it is, a space, and the words.
  private static func complaints(of context: borrowing Descriptor) -> String? {
    var errors: [String] = []
    var warnings: [String] = []
    // The kernel keeps eight.
    for _ in 0..<16 {
      guard let bytes = try? context.read(upTo: 4096), !bytes.isEmpty else { break }
      var text = String(decoding: bytes.dropFirst(2), as: UTF8.self)
      while text.last?.isNewline == true { text.removeLast() }
      if bytes[0] == UInt8(ascii: "e") { errors.append(text) }
      if bytes[0] == UInt8(ascii: "w") { warnings.append(text) }
    }
    let all = errors.isEmpty ? warnings : errors
    return all.isEmpty ? nil : all.joined(separator: "; ")
  }
}
