internal import Foundation
internal import Model

/// Reads an export line by line, and believes none of it before its end is seen.
struct ExportReader {
  /// A header longer than this is none.
  private static let longestHeader = 1 << 16
  /// A run longer than this is none: a thousand times what a long one takes.
  private static let longestLine = 1 << 30

  private let handle: FileHandle
  /// As people know the file.
  private let name: String
  private var rest = Data()
  private var isAtEnd = false
  private var crc = CRC32()
  /// The number of the line that was read last, from 1.
  private(set) var number = 0

  /// - Throws: `UserError(.badInput)` where there is no such file, `.notPermitted` where it may not be read.
  init(path: String, name: String) throws {
    self.name = name
    var status = stat()
    if stat(path, &status) != 0 {
      throw UserError(.badInput, "there is no file \(name)", remedy: "'bench export --all --output FILE' makes one.")
    }
    if status.st_mode & S_IFMT == S_IFDIR { throw UserError(.badInput, "\(name) is a directory", remedy: Self.remedy) }
    guard let handle = FileHandle(forReadingAtPath: path) else {
      throw UserError(.notPermitted, "\(name) may not be read", remedy: "Make it readable, or run bench as its owner.")
    }
    self.handle = handle
  }

  private static let remedy = "Name a file that 'bench export' wrote. Nothing was imported."

  /// Reads the whole file.
  /// - Parameter body: gets each run and each night, with the number of its line.
  /// - Returns: the checksum of all lines but the last.
  /// - Throws: `UserError(.badInput)`, naming line and reason, for a file that is not a whole sound export; whatever `body`
  ///   throws.
  mutating func read(_ body: (ExportLine.Content, _ line: Int) throws -> Void) throws -> String {
    guard let first = try nextLine(limit: Self.longestHeader) else { throw refused("is empty") }
    let header = try header(first)
    var counts = (runs: 0, nights: 0)
    var ids: Set<String> = []
    while true {
      let sum = crc.hex
      guard let line = try nextLine(limit: Self.longestLine) else {
        throw refused("ends without its last line, which says what should be there: it was cut off")
      }
      let content = try self.content(line)
      if let end = content.end {
        try check(end, sum, header, counts)
        return sum
      }
      let id: String
      if let run = content.run {
        counts.runs += 1
        id = "run \(run.record.id)"
        if let problem = Self.problem(run) { throw refused(problem, line: number) }
      } else if let night = content.night {
        counts.nights += 1
        id = "night \(night.record.id)"
        if let problem = Self.problem(night) { throw refused(problem, line: number) }
      } else {
        throw refused("is neither a run nor a night", line: number)
      }
      if !ids.insert(id).inserted { throw refused("has the \(StoreFailure.shown(id)) a second time", line: number) }
      try body(content, number)
    }
  }

  // MARK: - Lines

  private func header(_ line: Data) throws -> ExportLine.Header {
    struct Head: Decodable { var schema: String }
    guard let head = try? ExportLine.decode(Head.self, line) else { throw refused("is no export of bench", line: 1) }
    if head.schema != ExportLine.schema {
      let shown = StoreFailure.shown(String(head.schema.prefix(60)))
      throw head.schema.hasPrefix("bench.export/")
        ? refused(
          "is of another version of bench: it has the schema '\(shown)', and this one reads \(ExportLine.schema)",
          line: 1)
        : refused("is no export of bench: it has the schema '\(shown)'", line: 1)
    }
    do { return try ExportLine.decode(ExportLine.Header.self, line) } catch {
      throw refused("is no header of an export: \(Self.explanation(error))", line: 1)
    }
  }

  private func content(_ line: Data) throws -> ExportLine.Content {
    do { return try ExportLine.decode(ExportLine.Content.self, line) } catch {
      throw refused("cannot be read: \(Self.explanation(error))", line: number)
    }
  }

  private mutating func check(
    _ end: ExportLine.Trailer, _ sum: String, _ header: ExportLine.Header, _ counts: (runs: Int, nights: Int)
  ) throws {
    let lines = number - 1
    if end.lines != lines {
      throw refused("should have \(end.lines) lines before this one, and has \(lines)", line: number)
    }
    if end.crc32 != sum {
      throw refused("is damaged: the lines have the CRC-32 \(sum), and should have \(StoreFailure.shown(end.crc32))")
    }
    if header.runs != counts.runs || header.nights != counts.nights {
      throw refused(
        "should hold \(header.runs) runs and \(header.nights) nights, and holds \(counts.runs) and \(counts.nights)")
    }
    if try nextLine(limit: Self.longestLine) != nil { throw refused("goes on after its last line", line: number) }
  }

  /// The next line without its end; nil at the end of the file.
  private mutating func nextLine(limit: Int) throws -> Data? {
    var searched = 0
    while true {
      if let length = Self.lineEnd(rest, after: searched) {
        let end = rest.startIndex + length
        let line = Data(rest[..<end])
        crc.add(rest[...end])
        number += 1
        rest = rest[(end + 1)...]
        return line
      }
      searched = rest.count
      if rest.count > limit {
        throw refused(number == 0 ? "is no export of bench" : "is longer than any run", line: number + 1)
      }
      if isAtEnd {
        if rest.isEmpty { return nil }
        throw refused(
          number == 0 ? "is no export of bench, or was cut off" : "has no end: the file was cut off", line: number + 1)
      }
      let chunk: Data
      do { chunk = try handle.read(upToCount: 1 << 20) ?? Data() } catch {
        throw UserError(.unavailable, "\(name) cannot be read on after line \(number)", remedy: "Nothing was imported.")
      }
      isAtEnd = chunk.isEmpty
      // Without the lines before it, which a slice would keep in memory.
      rest = Data(rest) + chunk
    }
  }

  /// How many bytes come before the first line end that has at least `start` bytes before it.
  private static func lineEnd(_ bytes: Data, after start: Int) -> Int? {
    bytes.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress, bytes.count > start,
        let end = memchr(base + start, 0x0a, bytes.count - start)
      else { return nil }
      return UnsafeRawPointer(end) - base
    }
  }

  // MARK: - Problems

  /// What in a run cannot be: it would break the store's own rules, and be taken for its damage.
  private static func problem(_ run: ExportLine.Run) -> String? {
    let id = "the run \(StoreFailure.shown(run.record.id))"
    if run.record.id.isEmpty { return "has a run without an id" }
    if Set(run.blocks.map(\.index)).count != run.blocks.count { return "has a block of \(id) twice" }
    struct Place: Hashable {
      var block: Int
      var workload: String
      var environment: String
      var isControl: Bool
      var isCaptured: Bool
    }
    let places = Set(
      run.trials.map {
        Place(
          block: $0.block, workload: $0.workload, environment: $0.environment, isControl: $0.isControl,
          isCaptured: $0.isCaptured)
      })
    if places.count != run.trials.count { return "has a trial of \(id) twice" }
    if run.trials.contains(where: { $0.values.values.contains(where: \.isNaN) }) {
      return "has a value of \(id) that is no number"
    }
    return nil
  }

  private static func problem(_ night: ExportLine.Night) -> String? {
    let id = "the night \(StoreFailure.shown(night.record.id))"
    let record = night.record
    guard !record.id.isEmpty, record.phase == .finished, record.finished != nil, record.verdict != nil,
      record.epoch == night.epoch.number, night.result.epoch.number == night.epoch.number,
      night.result.night.id == record.id
    else { return "has \(id), which is not finished" }
    if Set(night.values.map(\.series)).count != night.values.count { return "has a value of \(id) twice" }
    if !night.values.allSatisfy({ $0.value.isFinite && $0.low?.isNaN != true && $0.high?.isNaN != true }) {
      return "has a value of \(id) that is no number"
    }
    return nil
  }

  private func refused(_ problem: String) -> UserError {
    UserError(.badInput, "\(name): \(problem)", remedy: Self.remedy)
  }

  private func refused(_ problem: String, line: Int) -> UserError {
    UserError(.badInput, "\(name):\(line): \(problem)", remedy: Self.remedy)
  }

  private static func explanation(_ error: any Error) -> String {
    func place(_ context: DecodingError.Context, _ key: (any CodingKey)? = nil) -> String {
      let text = (context.codingPath + [key].compactMap(\.self))
        .map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
      return text.isEmpty ? "the line" : StoreFailure.shown(text.hasPrefix(".") ? String(text.dropFirst()) : text)
    }
    switch error {
    case DecodingError.keyNotFound(let key, let context): return "\(place(context, key)) is missing"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
      return "\(place(context)) has the wrong type"
    case DecodingError.dataCorrupted(let context) where context.codingPath.isEmpty: return "it is not JSON"
    case DecodingError.dataCorrupted(let context): return "\(place(context)) holds what this version does not know"
    default: return "it cannot be decoded"
    }
  }
}
