public import Foundation
public import Model
internal import PlainText

/// A file format of a report.
public enum ReportFormat: String, Sendable, CaseIterable {
  case html, markdown, json, csv, junit

  /// What a run writes unless it is told otherwise.
  public static let standard: [ReportFormat] = [.html, .markdown, .json]

  /// As people write it.
  var title: String {
    switch self {
    case .html, .json, .csv: rawValue.uppercased()
    case .markdown: "Markdown"
    case .junit: "JUnit"
    }
  }

  /// Without the dot.
  public var fileExtension: String {
    switch self {
    case .html: "html"
    case .markdown: "md"
    case .json: "json"
    case .csv: "csv"
    case .junit: "xml"
    }
  }
}

/// Puts reports into files.
public enum ReportWriter {
  /// Writes `<directory>/<scenario>-<run id>.<extension>` for each format, making the directory if need be, and the
  /// figures of Markdown into `<scenario>-<run id>-figures/` beside it, from which figures of older reports are removed. A
  /// file is either the old one or the whole new one, never a part.
  /// - Returns: the paths, in the order of `formats`.
  /// - Throws: ``UserError`` for whatever the file system refuses.
  public static func write(_ result: RunResult, to directory: String, formats: [ReportFormat]) throws -> [String] {
    var figures: [Figure] = []
    let stem = stem(result)
    let documents = try formats.map { format in
      let bytes: Data =
        switch format {
        case .html: Data(try HTMLReport.render(result).utf8)
        case .markdown: markdown(result, figures: "\(stem)-figures", &figures)
        case .json: try JSONResult.encode(result)
        case .csv: Data(CSVReport.render(result).utf8)
        case .junit: Data(JUnitReport.render(result).utf8)
        }
      return (path: "\(directory)/\(stem).\(format.fileExtension)".replacing("//", with: "/"), bytes: bytes)
    }
    try prepare(directory)
    // Before the document that shows them.
    if formats.contains(.markdown) {
      try write(figures, to: "\(directory)/\(stem)-figures".replacing("//", with: "/"))
    }
    for document in documents { try replace(document.path, with: document.bytes) }
    return documents.map(\.path)
  }

  /// The reports of a run that are in a directory: what each is called, and the file's name.
  public static func existing(_ result: RunResult, in directory: String) -> [(format: String, path: String)] {
    ReportFormat.allCases.compactMap { format in
      let name = "\(stem(result)).\(format.fileExtension)"
      return FileManager.default.fileExists(atPath: "\(directory)/\(name)") ? (format.title, name) : nil
    }
  }

  /// What the names of a run's reports begin with.
  private static func stem(_ result: RunResult) -> String {
    "\(fileName(result.run.scenario))-\(fileName(result.run.id))"
  }

  private static func markdown(_ result: RunResult, figures folder: String, _ figures: inout [Figure]) -> Data {
    let document = MarkdownReport.document(result, figures: folder)
    figures = document.figures
    return Data(document.text.utf8)
  }

  /// Makes `folder` hold these figures and no others. What is not a figure is left alone, and so is a folder that is not
  /// there, if there is nothing to put into it.
  private static func write(_ figures: [Figure], to folder: String) throws {
    var status = stat()
    let isThere = lstat(folder, &status) == 0
    if isThere, status.st_mode & S_IFMT == S_IFLNK {
      // What it leads to is not ours to clean.
      throw refusal(ELOOP, "write figures to", folder)
    }
    if !figures.isEmpty { try prepare(folder) } else if !isThere { return }
    for figure in figures { try replace("\(folder)/\(figure.id).svg", with: Data(figure.picture.standalone().utf8)) }
    let names = Set(figures.map { "\($0.id).svg" })
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
      guard name.hasSuffix(".svg"), !names.contains(name), lstat("\(folder)/\(name)", &status) == 0,
        status.st_mode & S_IFMT == S_IFREG
      else { continue }
      if unlink("\(folder)/\(name)") != 0 && errno != ENOENT { throw refusal(errno, "remove", "\(folder)/\(name)") }
    }
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
