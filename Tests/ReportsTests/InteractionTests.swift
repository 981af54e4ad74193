import Foundation
import LinuxKit
import Model
import TestSupport
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

@testable import Reports

@Suite("The page's script")
struct InteractionTests {
  @Test("is the one that the page lets run")
  func hash() throws {
    let html = try HTMLReport.render(Fixture.result)
    let parts = html.components(separatedBy: "<script>")
    let script = try #require(parts.last?.components(separatedBy: "</script>").first)
    #expect(parts.count == 2 && script == HTMLPage.script)
    let hash = try #require(html.firstMatch(of: /script-src 'sha256-([^']*)'/)?.1)
    let expected = try sha256(script)
    #expect(
      hash == expected,
      "Templates/report.js.sha256 is old: it has to be \(expected)")
  }

  @Test("is small, strict, and reaches for nothing")
  func small() {
    let script = HTMLPage.script
    #expect(script.utf8.count <= 12 * 1_024)
    #expect(script.hasPrefix("'use strict';"))
    for outside in ["fetch(", "XMLHttpRequest", "import(", "eval(", "innerHTML", "document.write", "</script", "<!--"] {
      #expect(!script.contains(outside), "it has \(outside)")
    }
  }

  @Test("finds one number at the head of each cell that it sorts by")
  func values() throws {
    let html = try HTMLReport.render(Fixture.result)
    // In all series, each group of rows has one unit: a cell starts with its number.
    let series = try #require(html.firstMatch(of: /<table class="stack series">.*?<\/table>/.dotMatchesNewlines()))
    let rows = series.0.matches(of: /<tr><th scope="row">.*?<\/tr>/)
    #expect(rows.count > 20)
    for row in rows {
      let cells = row.0.matches(of: /<td>([^<]*)<\/td>/).map { String($0.1) }
      #expect(cells.count == 5)
      for cell in cells where !cell.isEmpty && cell != NumberFormat.none {
        #expect(cell.replacing("&lt;", with: "").contains(/^[\s−]*[0-9]/), "\(cell)")
      }
    }
    #expect(!html.contains("data-value=\"nan\"") && !html.contains("data-value=\"inf\""))
  }

  @Test("sorts, filters and unfolds in a browser", .enabled(if: chromium != nil, "needs chromium in the PATH"))
  func browser() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "bench-page-\(UUID().uuidString).html")
    let html = try HTMLReport.render(Fixture.result)
    try Data(html.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    #expect(!html.contains("<button") && !html.contains("<form"))
    let page = try dump(file.absoluteString + "#s0")
    let heads = html.matches(of: /<table class="stack (?:series|rungs)">.*?<\/thead>/.dotMatchesNewlines())
      .reduce(0) { $0 + $1.0.ranges(of: "scope=\"col\"").count }
    #expect(heads > 10 && page.ranges(of: "class=\"sort\"").count == heads)
    let count = Fixture.result.series.count
    #expect(page.contains("\(count) of \(count) series</output>"))
    // What the address leads to is open, the other one is not.
    #expect(page.contains(/<details id="s0"[^>]* open=""/))
    #expect(page.contains(/<details id="s1"[^>]*>/) && !page.contains(/<details id="s1"[^>]* open=""/))
    let charts = html.components(separatedBy: "<svg class=\"chart\" role=\"img\"").dropFirst()
      .map { $0.components(separatedBy: "</figcaption>").first ?? $0 }
    let telling = charts.filter { $0.ranges(of: "<title").count > 1 || $0.contains("<g class=\"dots") }
    #expect(telling.count > 8 && page.ranges(of: /<svg [^>]*tabindex="0"/).count == telling.count)
  }

  /// By a program of the system's, so that nothing of ours checks itself.
  private func sha256(_ text: String) throws -> String {
    let input = FileManager.default.temporaryDirectory.appending(path: "bench-script-\(UUID().uuidString).js")
    try Data(text.utf8).write(to: input)
    defer { try? FileManager.default.removeItem(at: input) }
    let hex = try #require(try programOutput("/usr/bin/sha256sum", [input.path]).split(separator: " ").first)
    #expect(hex.count == 64)
    var bytes = Data()
    var rest = Substring(hex)
    while !rest.isEmpty {
      bytes.append(try #require(UInt8(rest.prefix(2), radix: 16)))
      rest = rest.dropFirst(2)
    }
    return bytes.base64EncodedString()
  }

  private func dump(_ address: String) throws -> String {
    let profile = FileManager.default.temporaryDirectory.appending(path: "bench-profile-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: profile) }
    let outcome = try runBrowser(
      try #require(Self.chromium),
      [
        "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=\(profile.path)", "--dump-dom", address,
      ])
    #expect(outcome.status == .exited(0), "\(outcome.standardError)")
    return String(decoding: outcome.standardOutput, as: UTF8.self)
  }

  private static let chromium: String? = ["chromium", "chromium-browser", "google-chrome"].map { "/usr/bin/\($0)" }
    .first { FileManager.default.isExecutableFile(atPath: $0) }
}

@Suite("A figure that stands alone")
struct StandaloneTests {
  private final class Reader: NSObject, XMLParserDelegate {
    var elements: [String] = []
    var style = ""

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String]
    ) { elements.append(name) }

    func parser(_ parser: XMLParser, foundCharacters text: String) { if elements.last == "style" { style += text } }
  }

  @Test(
    "is a document of XML, with its colours in it",
    arguments: [
      Fixture.result, HTMLTests.full, StorageRuns.cowIO, StorageRuns.rebuilding, Synthetic.slope,
    ] + Variants.hostile.map(Variants.saying))
  func document(result: RunResult) throws {
    let figures = MarkdownReport.document(result, figures: "f").figures
    #expect(!figures.isEmpty)
    for figure in figures {
      #expect(figure.id.wholeMatch(of: /[a-z0-9-]+/) != nil)
      let svg = figure.picture.standalone()
      let parser = XMLParser(data: Data(svg.utf8))
      let reader = Reader()
      parser.delegate = reader
      #expect(parser.parse(), "\(figure.id): \(String(describing: parser.parserError))")
      #expect(reader.elements.starts(with: ["svg", "title", "desc", "style", "rect", "svg"]))
      #expect(
        reader.style.trimmingCharacters(in: .newlines)
          == (HTMLPage.pictureStyle + SVG.wideStyle).trimmingCharacters(in: .newlines))
      // Nothing is fetched.
      for outside in ["<image", "<script", "href=\"", "url(", "@import"] { #expect(!svg.contains(outside)) }
    }
  }

  @Test("has the page's own colours, dark ones too, and none of its layout")
  func style() {
    let style = HTMLPage.pictureStyle
    #expect(HTMLPage.css.hasPrefix(style) && style.utf8.count < HTMLPage.css.utf8.count)
    for part in ["--page:", "prefers-color-scheme: dark", ".chart .interval", ".alone .paper"] {
      #expect(style.contains(part), "it lacks \(part)")
    }
    #expect(!style.contains("body {") && !style.contains("body{") && !style.contains("table"))
  }

  @Test("has a size, a shape and positions within its margins", arguments: [360.0, 720, 1_200])
  func size(width: Double) throws {
    var picture = SVG(id: "x", title: "A < B", summary: "none", height: 100)
    picture.line(0, 0, 1, 100, class: "grid")
    let svg = picture.standalone(width: width)
    let number = SVG.number(width)
    #expect(svg.contains("width=\"\(number)\" height=\"132\" viewBox=\"0 0 \(number) 132\""))
    #expect(svg.contains("<svg x=\"16\" y=\"16\" width=\"\(SVG.number(width - 32))\" height=\"100\""))
    #expect(svg.contains("<title id=\"x-t\">A &lt; B</title>"))
    #expect(svg.contains("x2=\"100%\""))
  }
}
