import Foundation
import Model
import Testing

@testable import Reports

@Suite("Writing reports")
struct ReportWriterTests {
  private func withDirectory(_ body: (String) throws -> Void) throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "bench-reports-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    try body(directory.path)
  }

  private func error(_ directory: String) -> UserError? {
    do {
      _ = try ReportWriter.write(Fixture.result, to: directory, formats: [.json])
      return nil
    } catch { return error as? UserError }
  }

  @Test("makes the directory and one file a format, and leaves nothing else")
  func writes() throws {
    try withDirectory { directory in
      let paths = try ReportWriter.write(Fixture.result, to: directory + "/a/b/", formats: ReportFormat.allCases)
      #expect(
        paths == ["html", "md", "json", "csv", "xml"].map { directory + "/a/b/network-hop-20261124-031541-7f3a.\($0)" })
      #expect(try JSONResult.decode(Data(contentsOf: URL(filePath: paths[2]))) == Fixture.result)
      #expect(try String(contentsOfFile: paths[0], encoding: .utf8) == HTMLReport.render(Fixture.result))
      let folder = "network-hop-20261124-031541-7f3a-figures"
      #expect(
        try String(contentsOfFile: paths[1], encoding: .utf8) == MarkdownReport.render(Fixture.result, figures: folder))
      #expect(try String(contentsOfFile: paths[3], encoding: .utf8) == CSVReport.render(Fixture.result))
      #expect(try String(contentsOfFile: paths[4], encoding: .utf8) == JUnitReport.render(Fixture.result))
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/a/b").count == 6)
      let figures = MarkdownReport.document(Fixture.result, figures: folder).figures
      let files = try FileManager.default.contentsOfDirectory(atPath: directory + "/a/b/" + folder)
      #expect(Set(files) == Set(figures.map { "\($0.id).svg" }))
      for figure in figures {
        let svg = try String(contentsOfFile: "\(directory)/a/b/\(folder)/\(figure.id).svg", encoding: .utf8)
        #expect(svg == figure.picture.standalone())
      }
    }
  }

  @Test("has formats in one order, of which a run writes three")
  func formats() {
    #expect(ReportFormat.allCases == [.html, .markdown, .json, .csv, .junit])
    #expect(ReportFormat.standard == [.html, .markdown, .json])
  }

  @Test("removes figures that are no longer there, and nothing else")
  func stale() throws {
    try withDirectory { directory in
      _ = try ReportWriter.write(Fixture.result, to: directory, formats: [.markdown])
      let folder = directory + "/network-hop-20261124-031541-7f3a-figures"
      let before = Set(try FileManager.default.contentsOfDirectory(atPath: folder))
      try Data("<svg/>".utf8).write(to: URL(filePath: folder + "/ladder-99.svg"))
      try Data("mine".utf8).write(to: URL(filePath: folder + "/notes.txt"))
      try FileManager.default.createDirectory(atPath: folder + "/old.svg", withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(atPath: folder + "/link.svg", withDestinationPath: "notes.txt")
      _ = try ReportWriter.write(Fixture.result, to: directory, formats: [.markdown])
      let after = Set(try FileManager.default.contentsOfDirectory(atPath: folder))
      #expect(after == before.union(["notes.txt", "old.svg", "link.svg"]))
      // Nothing to draw: the pictures go.
      let bare = Variants.changed {
        $0.series = []
        $0.control = []
        $0.ladders = []
        $0.hops = .unavailable("none")
        $0.waterfalls = []
      }
      _ = try ReportWriter.write(bare, to: directory, formats: [.markdown])
      #expect(
        Set(try FileManager.default.contentsOfDirectory(atPath: folder)) == ["notes.txt", "old.svg", "link.svg"])
    }
  }

  @Test("writes no figures through a link that stands in their folder's place")
  func link() throws {
    try withDirectory { directory in
      let elsewhere = directory + "/elsewhere"
      try FileManager.default.createDirectory(atPath: elsewhere, withIntermediateDirectories: true)
      try Data("mine".utf8).write(to: URL(filePath: elsewhere + "/mine.svg"))
      try FileManager.default.createSymbolicLink(
        atPath: directory + "/network-hop-20261124-031541-7f3a-figures", withDestinationPath: elsewhere)
      let thrown = #expect(throws: UserError.self) {
        try ReportWriter.write(Fixture.result, to: directory, formats: [.markdown])
      }
      #expect(thrown?.exitCode == .usage)
      #expect(try FileManager.default.contentsOfDirectory(atPath: elsewhere) == ["mine.svg"])
    }
  }

  @Test("replaces an older report")
  func replaces() throws {
    try withDirectory { directory in
      let path = try #require(try ReportWriter.write(Fixture.result, to: directory, formats: [.json]).first)
      try Data("old".utf8).write(to: URL(filePath: path))
      _ = try ReportWriter.write(Fixture.result, to: directory, formats: [.json])
      #expect(try JSONResult.decode(Data(contentsOf: URL(filePath: path))) == Fixture.result)
    }
  }

  @Test("to what is a file is a usage error that names it")
  func file() throws {
    try withDirectory { directory in
      try Data().write(to: URL(filePath: directory + "/file"))
      let plain = try #require(error(directory + "/file"))
      #expect(plain.exitCode == .usage)
      #expect(plain.message == "\(directory)/file is a file, not a directory for reports")
      let below = try #require(error(directory + "/file/below"))
      #expect(below.exitCode == .usage)
      #expect(below.message.contains("not a directory"))
      try FileManager.default.createDirectory(
        atPath: directory + "/network-hop-20261124-031541-7f3a.json", withIntermediateDirectories: true)
      #expect(error(directory)?.exitCode == .usage)
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory).count == 2)
    }
  }

  @Test("where nobody may write is an error that names the place", arguments: ["/sys/bench-reports", "/sys/kernel"])
  func refused(directory: String) throws {
    let refusal = try #require(error(directory))
    #expect([.notPermitted, .unavailable].contains(refusal.exitCode))
    #expect(refusal.message.hasPrefix("cannot "))
    #expect(refusal.message.contains(directory))
    #expect(refusal.remedy == "Name another directory for the reports.")
  }

  @Test("says what each refusal of the file system means")
  func refusals() {
    let path = "/reports/a.html"
    #expect(ReportWriter.refusal(EACCES, "write", path).exitCode == .notPermitted)
    #expect(
      ReportWriter.refusal(EROFS, "write", path).message == "cannot write /reports/a.html: the file system is read-only"
    )
    #expect(
      ReportWriter.refusal(ENOSPC, "write", path).message == "cannot write /reports/a.html: no space is left there")
    #expect(ReportWriter.refusal(ENOSPC, "write", path).exitCode == .unavailable)
    #expect(ReportWriter.refusal(EIO, "write", path).exitCode == .unavailable)
  }

  @Test("keeps hostile names inside the directory", arguments: Variants.hostile + ["../../etc/passwd", "..", "/abs"])
  func names(text: String) throws {
    let name = ReportWriter.fileName(text)
    #expect(!name.contains("/") && !name.hasPrefix(".") && !name.isEmpty && name.utf8.count <= 80)
    try withDirectory { directory in
      let result = Variants.changed {
        $0.run.id = text
        $0.run.scenario = text
      }
      for path in try ReportWriter.write(result, to: directory, formats: ReportFormat.allCases) {
        #expect(path.hasPrefix(directory + "/"))
        #expect(FileManager.default.fileExists(atPath: path))
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory).count == 6)
    }
  }

  @Test("to no directory at all is a usage error", arguments: ["", "a\0b"])
  func noDirectory(directory: String) {
    #expect(error(directory)?.exitCode == .usage)
  }
}
