import Foundation
import LinuxKit
import Model
import TestSupport
import Testing

@testable import Reports

/// What is wrong with a page can be seen by a browser only: `Browser/check.py` opens each in headless Chromium.
@Suite("Reports in a browser", .requiresBrowser)
struct BrowserTests {
  @Test("show no fault at any width, in either scheme, on paper, or without script")
  func faults() async throws {
    let results = try await Browser.results.value
    #expect(Set(results.keys) == Set(Browser.reports.keys).union(Browser.otherNames + [Browser.brokenName]))
    for (name, result) in results.sorted(by: { $0.key < $1.key }) where name != Browser.brokenName {
      // Six on screen, one on paper, one without script.
      #expect(result.views == 8, "\(name) was not looked at in every view")
      for finding in result.findings { Issue.record("\(name): \(finding)") }
    }
  }

  @Test("are looked at closely: each fault of a broken page is found", arguments: BrokenPage.faults)
  func broken(_ fault: BrokenPage.Fault) async throws {
    let result = try #require(try await Browser.results.value[Browser.brokenName], "the broken page was not looked at")
    #expect(
      result.findings.contains { $0.rule == fault.rule && $0.medium == fault.medium },
      "of \(fault.rule), in \(fault.medium), found: \(Set(result.findings.map(\.rule)).sorted())")
  }
}

extension Trait where Self == ConditionTrait {
  /// The test looks at pages in a browser. Skipped where none can be started, but not in the privileged lane.
  static var requiresBrowser: Self {
    .enabled(
      if: isPrivilegedLane || Browser.canStart,
      "needs chromium and Playwright: run `scripts/deps.sh test && scripts/browser.sh`")
  }
}

/// Runs a browser, or what drives one, and a second time if it has not come to an end: starting and ending browsers hang
/// at times, whatever they are to look at. Five minutes are some times what all pages take beside other tests.
func runBrowser(_ program: String, _ arguments: [String]) throws -> ProgramOutcome {
  func run() throws -> ProgramOutcome { try runProgram(program, arguments, within: .seconds(300)) }
  do { return try run() } catch is ProgramFailure { return try run() }
}

/// Chromium, driven by `check.py`. It starts slowly, so one process looks at all pages.
private enum Browser {
  struct Finding: Decodable, CustomStringConvertible {
    var width: Int
    var scheme: String
    var medium: String
    var rule: String
    var `where`: String
    var detail: String

    var description: String { "\(width) px, \(scheme), \(medium): \(rule): \(`where`): \(detail)" }
  }

  struct Inspection: Decodable {
    var file: String
    var views: Int
    var findings: [Finding]
  }

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  static let reports: [String: RunResult] = [
    "network-hop": Fixture.result, "ladder": Synthetic.ladder, "cow-io": StorageRuns.cowIO,
    "failed-control": Variants.failedControl, "many-voided": Variants.manyVoided, "empty": Variants.empty,
    "hostile": Variants.saying("\u{202E}\u{2066}<b>&" + String(repeating: "x", count: 10_000)),
  ]
  static let nights: [String: NightResult] = [
    "night-regression": Nights.regression, "night-new-epoch": Nights.newEpoch,
    "night-hostile": Nights.saying("\u{202E}\u{2066}<b>&" + String(repeating: "x", count: 10_000)),
  ]
  static let otherNames = ["comparison", "ledger", "index"] + nights.keys
  static let brokenName = "broken"

  /// By the name of the page. Waited for by several tests, for a minute or more: no thread of the pool is held by that.
  static let results = Task { try await onThread(inspect) }

  @Sendable
  private static func inspect() throws -> [String: Inspection] {
    let directory = FileManager.default.temporaryDirectory.appending(path: "bench-browser-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    var pages = try reports.mapValues { try HTMLReport.render($0) }
    pages["comparison"] = try ComparisonReport.html(Compared.comparison)
    pages["ledger"] = try LedgerTests.mixed.html()
    pages["index"] = try IndexPage.render(IndexTests.entries(IndexTests.runs(6)))
    for (name, night) in nights { pages[name] = try NightReport.html(night) }
    pages[brokenName] = BrokenPage.html
    let files = try pages.map { name, html in
      let file = directory.appending(path: name + ".html")
      try Data(html.utf8).write(to: file)
      return file.path(percentEncoded: false)
    }
    let output = try check(["--json"] + files)
    let decoder = JSONDecoder()
    let inspections = try output.split(separator: UInt8(ascii: "\n")).map {
      try decoder.decode(Inspection.self, from: Data($0))
    }
    return Dictionary(
      uniqueKeysWithValues: inspections.map { (URL(filePath: $0.file).deletingPathExtension().lastPathComponent, $0) })
  }

  /// Tried once per process, by really starting it.
  static let canStart: Bool = (try? check(["--probe"])) != nil

  /// `BENCH_BROWSER_PYTHON`, or what `scripts/browser.sh` made where nothing else was said.
  private static var python: String {
    ProcessInfo.processInfo.environment["BENCH_BROWSER_PYTHON"]
      ?? URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../.build/browser/bin/python")
      .standardized.path(percentEncoded: false)
  }

  /// The output, whether or not something was found.
  private static func check(_ arguments: [String]) throws -> Data {
    guard FileManager.default.isExecutableFile(atPath: python) else {
      throw Failure(description: "\(python) does not exist: run `scripts/browser.sh`")
    }
    let script = try #require(Bundle.module.url(forResource: "check", withExtension: "py", subdirectory: "Browser"))
    let outcome = try runBrowser(python, ["-B", script.path(percentEncoded: false)] + arguments)
    guard [.exited(0), .exited(1)].contains(outcome.status) else {
      throw Failure(description: "check.py \(outcome.status): \(outcome.standardError)")
    }
    return Data(outcome.standardOutput)
  }
}

/// A page with one of each fault that `check.py` looks for.
enum BrokenPage {
  struct Fault: Sendable, CustomTestStringConvertible {
    var rule: String
    var medium = "screen"

    var testDescription: String { "\(rule), \(medium)" }
  }

  static let faults: [Fault] =
    [
      "horizontal-scroll", "cut", "clipped-label", "overlap", "contrast", "figure-alternative", "table-caption",
      "table-headers", "keyboard", "focus-visible", "console", "page-error", "request", "axe:color-contrast",
      "axe:link-name",
    ].map { Fault(rule: $0) } + [
      Fault(rule: "horizontal-scroll", medium: "print"), Fault(rule: "overlap", medium: "print"),
      Fault(rule: "clipped-label", medium: "no script"), Fault(rule: "script-text", medium: "no script"),
    ]

  static let html = """
    <!DOCTYPE html>
    <html lang="en">
    <head><meta charset="utf-8"><title>broken</title>
    <style>
    .pale { color: #aaa; background: #fff; }
    .dull:focus { outline: none; }
    .cut { width: 4em; overflow: hidden; white-space: nowrap; }
    </style></head>
    <body><main>
    <h1>Broken</h1>
    <div style="width: 2000px">wider than any page</div>
    <p class="pale">pale</p>
    <p class="cut">longer than its box is wide</p>
    <a href="#a" class="dull">dull</a> <a href="#b" tabindex="-1">out of reach</a> <a href="#c"></a>
    <table><tr><th>head</th></tr><tr><td>1</td></tr></table>
    <figure><svg width="100" height="60" style="overflow: hidden">
    <text x="70" y="20">clipped label</text><text x="5" y="50">one</text><text x="8" y="52">two</text>
    </svg></figure>
    <img src="beside.png" alt="another file">
    <p id="late"></p>
    </main>
    <script>
    document.getElementById("late").textContent = "scripted";
    console.error("an error");
    throw new Error("thrown");
    </script>
    </body></html>
    """
}
