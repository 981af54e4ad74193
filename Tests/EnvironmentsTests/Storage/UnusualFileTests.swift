import Foundation
import LinuxKit
import Model
import TestSupport
import Testing
import WorkerProtocol

@testable import Environments

/// setxattr(2) and getxattr(2), whose header Swift does not import.
private enum Attributes {
  typealias Setter = @convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafeRawPointer, Int, Int32) -> Int32
  typealias Getter = @convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafeMutableRawPointer, Int) -> Int

  static var set: Setter { unsafeBitCast(dlsym(nil, "setxattr"), to: Setter.self) }
  static var get: Getter { unsafeBitCast(dlsym(nil, "getxattr"), to: Getter.self) }
}

/// What overlayfs makes of files that are not like others when they are copied up.
@Suite("Unusual files of a lower layer are copied up", .requiresNetworkNamespaces, .requiresProgram("losetup"))
struct UnusualFileTests {
  private static let longName = String(repeating: "n", count: 255)
  private static let attribute = [UInt8]("value \u{0} with a null".utf8)

  /// Puts them beside a content.
  private static func furnish(_ root: String) throws(SystemError) {
    let own = FileLayout.directory(.own, in: root)
    for name in [longName, "linked", "attributed", "forbidden"] {
      try Descriptor.open("\(own)/\(name)", O_CREAT | O_WRONLY, mode: 0o644).write([1, 2, 3])
    }
    let sparse = try Descriptor.open("\(own)/sparse", O_CREAT | O_WRONLY, mode: 0o644)
    let fd = sparse.rawValue
    let page = [UInt8](repeating: 5, count: 4096)
    try systemCall("ftruncate") { ftruncate(fd, 64 << 20) }
    try systemCall("pwrite") { pwrite(fd, page, page.count, 32 << 20) }
    try systemCall("link") { link("\(own)/linked", "\(own)/other-name") }
    try systemCall("setxattr") {
      Attributes.set("\(own)/attributed", "user.bench", attribute, attribute.count, 0)
    }
    try systemCall("chmod") { chmod("\(own)/forbidden", 0) }
  }

  /// In a layered environment, its file `name` after one byte was written to it.
  private func copiedUp<Value: Sendable>(
    _ kind: FileSystemKind, _ name: String, _ body: @escaping @Sendable (String) throws(SystemError) -> Value
  ) throws -> Value {
    let workplace = try StorageWorkplace(furnish: Self.furnish)
    let value = try workplace.trial(OverlayFileSystem(kind), .little()) { environment in
      try environment.inside { (directory: String) throws(SystemError) in
        let own = FileLayout.directory(.own, in: directory)
        try overwrite("\(own)/\(name)", [9])
        return try body(own)
      }
    }
    try workplace.end()
    return value
  }

  private static func status(_ path: String) throws(SystemError) -> (links: Int, mode: Int, blocks: Int) {
    var status = stat()
    try systemCall("stat", on: path) { stat(path, &status) }
    return (Int(status.st_nlink), Int(status.st_mode & 0o7777), Int(status.st_blocks))
  }

  @Test("a name of 255 bytes", arguments: [FileSystemKind.ext4, .xfs, .btrfs])
  func name(_ kind: FileSystemKind) throws {
    let name = Self.longName
    #expect(
      try copiedUp(kind, name) { (own: String) throws(SystemError) in
        try SmallFile.bytes("\(own)/\(name)")
      } == [9, 2, 3])
  }

  @Test("a sparse file stays sparse", arguments: [FileSystemKind.ext4, .xfs, .xfsNoReflink, .btrfs])
  func sparse(_ kind: FileSystemKind) throws {
    let (blocks, middle) = try copiedUp(kind, "sparse") { (own: String) throws(SystemError) in
      let bytes = try SmallFile.bytes("\(own)/sparse", limit: 1 << 27)
      return (try Self.status("\(own)/sparse").blocks, Array(bytes[(32 << 20)..<(32 << 20) + 2]) + bytes.suffix(1))
    }
    #expect(middle == [5, 5, 0])
    #expect(blocks * 512 < 4 << 20, "of 64 MiB, \(blocks * 512) bytes are allocated")
  }

  @Test("one of two names of a file is parted from the other")
  func hardLink() throws {
    let (links, other) = try copiedUp(.ext4, "linked") { (own: String) throws(SystemError) in
      (try Self.status("\(own)/linked").links, try SmallFile.bytes("\(own)/other-name"))
    }
    // overlayfs.rst, "Non-standard behavior": without index=on copy-up breaks hard links.
    #expect(links == 1 && other == [1, 2, 3])
  }

  @Test("extended attributes are kept", arguments: [FileSystemKind.ext4, .xfs, .btrfs])
  func attributes(_ kind: FileSystemKind) throws {
    let attribute = Self.attribute
    let found = try copiedUp(kind, "attributed") { (own: String) throws(SystemError) in
      var bytes = [UInt8](repeating: 0, count: 100)
      let count = try systemCall("getxattr") {
        Attributes.get("\(own)/attributed", "user.bench", &bytes, bytes.count)
      }
      return Array(bytes.prefix(count))
    }
    #expect(found == attribute)
  }

  @Test("a file that nobody may open stays one, and root may")
  func forbidden() throws {
    let (mode, bytes) = try copiedUp(.ext4, "forbidden") { (own: String) throws(SystemError) in
      (try Self.status("\(own)/forbidden").mode, try SmallFile.bytes("\(own)/forbidden"))
    }
    #expect(mode == 0 && bytes == [9, 2, 3])
  }
}
