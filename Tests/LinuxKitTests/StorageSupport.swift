import Glibc
import LinuxKit
import Testing

/// Runs a script to its end, which must be a good one.
/// - Returns: its output without the last line end.
@discardableResult
func output(of script: String) throws -> String {
  let output = try ChildProcess.run(
    "/bin/sh", arguments: ["-c", script], environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"],
    deadline: farDeadline())
  try #require(output.status == .exited(0), "\(script): \(output.standardError)")
  var text = String(decoding: output.standardOutput, as: UTF8.self)
  while text.last?.isNewline == true { text.removeLast() }
  return text
}

/// Makes an empty directory on a disk for the time of `body`; all that is in it goes with it.
func withScratch<Value>(_ body: (String) throws -> Value) throws -> Value {
  var template = Array("/var/tmp/bench-test-XXXXXX".utf8CString)
  let path = try #require(mkdtemp(&template).map { String(cString: $0) })
  defer { #expect(throws: Never.self) { try output(of: "rm -rf --one-file-system \(path)") } }
  return try body(path)
}

/// A file system in an image file, mounted in a namespace of its own.
struct MountedImage {
  let image: String
  let device: LoopDevice
  let namespace: MountNamespace
  let directory: String

  /// Runs a script in the namespace.
  @discardableResult
  func output(of script: String) throws -> String {
    try namespace.run { try LinuxKitTests.output(of: "cd \(directory) && \(script)") }
  }

  func open(_ name: String, _ flags: Int32) throws -> Descriptor {
    try namespace.run { () throws(SystemError) in
      // Not O_TMPFILE or the like: nothing that a mode is taken amiss with.
      try Opened(Descriptor.open("\(directory)/\(name)", flags, mode: 0o600))
    }.take()
  }
}

/// Hands a descriptor through a generic result.
private final class Opened {
  private var number: Int32

  init(_ descriptor: consuming Descriptor) { number = descriptor.release() }

  func take() -> Descriptor { Descriptor(owning: number) }
}

/// Makes a file system for the time of `body`, and takes it away, whichever way that ends.
/// - Parameter make: the program with its options; the image's path is appended.
func withFileSystem<Value>(
  _ type: String, make: String, size: Int = 1 << 29, _ body: (MountedImage) throws -> Value
) throws -> Value {
  try withScratch { scratch in
    let image = "\(scratch)/image"
    let directory = "\(scratch)/mounted"
    try output(of: "mkdir \(directory) && truncate -s \(size) \(image) && \(make) \(image)")
    let device = try LoopDevice.attach(image)
    defer { #expect(throws: Never.self) { try device.detach() } }
    let namespace = try MountNamespace()
    try namespace.run { () throws(MountError) in try Mount.make(type, source: device.path, at: directory) }
    defer {
      #expect(throws: Never.self) { try namespace.run { () throws(SystemError) in try Mount.remove(directory) } }
    }
    return try body(MountedImage(image: image, device: device, namespace: namespace, directory: directory))
  }
}

extension Trait where Self == ConditionTrait {
  /// The test mounts file systems: as root in a namespace of its own, and the kernel must know the type. A kernel without
  /// it lacks it for good.
  static func requiresFileSystem(_ type: String) -> Self {
    .enabled("needs a kernel with \(type)") {
      let directory = "/nonexistent-\(UInt64.random(in: .min ... .max))"
      let error = #expect(throws: MountError.self) { try Mount.make(type, at: directory) }
      return error?.isUnknownType == false
    }
  }
}
