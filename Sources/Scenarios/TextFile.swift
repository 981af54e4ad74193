internal import Foundation
internal import Model

/// Reads a small text file whole, and says clearly why it cannot.
enum TextFile {
  /// Scenarios have a few kilobytes. The limit also bounds the time that a YAML file made to be slow can take.
  static let sizeLimit = 64 * 1024

  /// - Throws: `.badInput`, or `.notPermitted` if the user may not read the file.
  static func read(_ path: String) throws(UserError) -> String {
    let shown = Display.plain(path)
    // An embedded NUL would make the kernel open another file than the one named.
    if path.isEmpty || path.utf8.contains(0) {
      throw UserError(.badInput, "'\(shown)' is not a file name", remedy: "Give the path of a scenario file.")
    }
    // Not blocking: opening a pipe without a writer would wait for ever.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if descriptor < 0 { throw failure(errno, shown) }
    defer { close(descriptor) }

    var status = stat()
    if fstat(descriptor, &status) != 0 { throw failure(errno, shown) }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR:
      throw UserError(
        .badInput, "\(shown): is a directory, not a scenario file",
        remedy: "Give the path of one file, such as '\(shown)\(shown.hasSuffix("/") ? "" : "/")network-hop.yaml'.")
    default:
      throw UserError(
        .badInput, "\(shown): is not a regular file",
        remedy: "Save the scenario in a file and give that file's path.")
    }

    let bytes = try contents(descriptor, shown)
    if bytes.count > sizeLimit {
      throw UserError(
        .badInput, "\(shown): is larger than \(sizeLimit / 1024) KiB, so it is hardly a scenario",
        remedy: "A scenario is a YAML file of a few kilobytes; see 'bench list' for examples.")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      // Decoding repairs what is invalid, so the text differs from the bytes first where they are not UTF-8.
      let repaired = Array(String(decoding: bytes, as: UTF8.self).utf8)
      let offset = zip(bytes, repaired).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? bytes.count
      throw UserError(
        .badInput, "\(shown): is not UTF-8 text (byte \(offset))",
        remedy: "A scenario is a YAML file in UTF-8; see 'bench list' for examples.")
    }
    return text
  }

  /// Up to one byte more than the limit, so that the caller sees that there is more.
  private static func contents(_ descriptor: Int32, _ shown: String) throws(UserError) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 * 1024)
    while bytes.count <= sizeLimit {
      let count = Foundation.read(descriptor, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      if count < 0 { throw failure(errno, shown) }
      if count == 0 { break }
      bytes += buffer.prefix(count)
    }
    return bytes
  }

  private static func failure(_ code: Int32, _ shown: String) -> UserError {
    switch code {
    case ENOENT, ENOTDIR:
      UserError(
        .badInput, "\(shown): no such file", remedy: "'bench list' shows the scenarios that can be run by name.")
    case EACCES, EPERM:
      UserError(.notPermitted, "\(shown): may not be read", remedy: "Check it with: ls -l '\(shown)'")
    default:
      UserError(.badInput, "\(shown): cannot be read: \(String(cString: strerror(code)))")
    }
  }
}
