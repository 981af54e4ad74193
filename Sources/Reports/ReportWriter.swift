public import Foundation
public import Model
internal import PlainText

/// A file format of a report.
public enum ReportFormat: String, Sendable, CaseIterable {
  case html, markdown, json

  /// Without the dot.
  public var fileExtension: String {
    switch self {
    case .html: "html"
    case .markdown: "md"
    case .json: "json"
    }
  }
}

/// Puts reports into files.
public enum ReportWriter {
  /// Writes `<directory>/<scenario>-<run id>.<extension>` for each format, making the directory if need be. A file is
  /// either the old one or the whole new one, never a part.
  /// - Returns: the paths, in the order of `formats`.
  /// - Throws: ``UserError`` for whatever the file system refuses.
  public static func write(_ result: RunResult, to directory: String, formats: [ReportFormat]) throws -> [String] {
    let stem = "\(fileName(result.run.scenario))-\(fileName(result.run.id))"
    let documents = try formats.map { format in
      let bytes: Data =
        switch format {
        case .html: Data(try HTMLReport.render(result).utf8)
        case .markdown: Data(MarkdownReport.render(result).utf8)
        case .json: try JSONResult.encode(result)
        }
      return (path: "\(directory)/\(stem).\(format.fileExtension)".replacing("//", with: "/"), bytes: bytes)
    }
    try prepare(directory)
    for document in documents { try replace(document.path, with: document.bytes) }
    return documents.map(\.path)
  }

  /// The name with everything but letters, digits, "-", "_" and "." replaced, so that it stays in its directory.
  static func fileName(_ name: String) -> String {
    let safe = name.unicodeScalars.prefix(80).map { scalar -> Character in
      let isSafe = scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
      return isSafe || scalar == "-" || scalar == "_" || scalar == "." ? Character(scalar) : "-"
    }
    let text = String(safe).drop { $0 == "." }
    return text.isEmpty ? "run" : String(text)
  }

  /// Makes the directory that reports are to go to, unless it is there.
  /// - Throws: ``UserError`` if it cannot be made or written to: better before minutes are spent than after.
  public static func prepare(_ directory: String) throws {
    try makeDirectory(directory)
    if access(directory, W_OK) != 0 { throw refusal(errno, "write to", directory) }
  }

  private static func makeDirectory(_ directory: String) throws {
    if directory.isEmpty || directory.contains("\0") {
      throw UserError(
        .usage, "'\(InertText.line(directory, limit: 200))' is no directory for reports", remedy: "Name a directory.")
    }
    var isDirectory: ObjCBool = false
    if FileManager.default.fileExists(atPath: directory, isDirectory: &isDirectory) {
      if isDirectory.boolValue { return }
      throw UserError(
        .usage, "\(shown(directory)) is a file, not a directory for reports",
        remedy: "Name a directory, or move the file.")
    }
    var path = directory.hasPrefix("/") ? "/" : ""
    for part in directory.split(separator: "/") {
      path += (path.isEmpty || path.hasSuffix("/") ? "" : "/") + part
      if mkdir(path, 0o777) != 0 && errno != EEXIST { throw refusal(errno, "make the directory", path) }
    }
    if !FileManager.default.fileExists(atPath: directory, isDirectory: &isDirectory) || !isDirectory.boolValue {
      throw refusal(ENOTDIR, "make the directory", directory)
    }
  }

  /// Writes a file that is either the old one or the whole new one, never a part.
  /// - Throws: ``UserError`` for whatever the file system refuses.
  public static func replace(_ path: String, with bytes: Data) throws {
    let temporary = "\(path).\(getpid()).part"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o666)
    guard descriptor >= 0 else { throw refusal(errno, "write", path) }
    var failure: Int32 = 0
    bytes.withUnsafeBytes { buffer in
      var rest = buffer[...]
      while !rest.isEmpty {
        let written = UnsafeRawBufferPointer(rebasing: rest).withMemoryRebound(to: UInt8.self) {
          Foundation.write(descriptor, $0.baseAddress, $0.count)
        }
        if written < 0 {
          if errno == EINTR { continue }
          failure = errno
          return
        }
        rest = rest.dropFirst(written)
      }
    }
    if failure == 0 && fsync(descriptor) != 0 && errno != EINVAL { failure = errno }
    if close(descriptor) != 0 && failure == 0 { failure = errno }
    if failure == 0 && rename(temporary, path) != 0 { failure = errno }
    if failure != 0 {
      unlink(temporary)
      throw refusal(failure, "write", path)
    }
  }

  private static func shown(_ path: String) -> String { InertText.line(path, limit: 300) }

  static func refusal(_ code: Int32, _ action: String, _ path: String) -> UserError {
    let what = "cannot \(action) \(shown(path))"
    let elsewhere = "Name another directory for the reports."
    switch code {
    case EACCES, EPERM: return UserError(.notPermitted, "\(what): permission denied", remedy: elsewhere)
    case EROFS: return UserError(.unavailable, "\(what): the file system is read-only", remedy: elsewhere)
    case ENOSPC, EDQUOT:
      return UserError(
        .unavailable, "\(what): no space is left there",
        remedy: "Free some space, or name another directory for the reports.")
    case ENOTDIR, EISDIR, EEXIST, ELOOP, ENAMETOOLONG:
      return UserError(.usage, "\(what): \(String(cString: strerror(code)).lowercased())", remedy: elsewhere)
    default:
      return UserError(.unavailable, "\(what): \(String(cString: strerror(code)).lowercased())", remedy: elsewhere)
    }
  }
}
