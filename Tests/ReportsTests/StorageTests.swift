import Foundation
import Model
import PlainText
import TestSupport
import Testing

@testable import Reports

@Suite("Runs on files and images")
struct StorageTests {
  typealias Format = EveryFormatTests.Format

  private func text(_ format: Format, _ result: RunResult) throws -> String {
    try format.text(result).replacing(/[ \u{A0}\n]+/, with: " ")
  }

  @Test("equal their goldens in Markdown", arguments: ["cow-io", "storage-growth", "layer-depth"])
  func markdown(name: String) throws {
    let result = try #require(StorageRuns.all.first { $0.run.scenario == name })
    try expectGolden(MarkdownReport.render(result), "\(name).md")
  }

  @Test("equal their goldens on a terminal", arguments: ["cow-io", "storage-growth", "layer-depth"])
  func terminal(name: String) throws {
    let result = try #require(StorageRuns.all.first { $0.run.scenario == name })
    try expectGolden(TerminalTable.render(result, width: 110, color: false), "\(name).txt")
  }

  // MARK: What stands against what

  @Test("say what stands against what", arguments: Format.allCases)
  func standing(format: Format) throws {
    let text = try text(format, StorageRuns.cowIO)
    #expect(
      text.contains(
        "Held against plain-ext4, the baseline: overlayfs-ext4, tmpfs, plain-xfs and plain-btrfs; against plain-xfs: "
          + "overlayfs-xfs; against plain-btrfs: btrfs-snapshot."))
  }

  @Test("set each environment behind its reference")
  func order() {
    #expect(
      Presentation(StorageRuns.cowIO).byReference == [
        "plain-ext4", "overlayfs-ext4", "tmpfs", "overlayfs-erofs", "plain-xfs", "overlayfs-xfs", "plain-btrfs",
        "btrfs-snapshot",
      ])
    // References that name each other, themselves, or nobody: each environment still stands there once.
    func record(_ name: String, _ reference: String?) -> EnvironmentRecord {
      EnvironmentRecord(name: name, summary: "", layer: "", reference: reference)
    }
    let odd = [record("a", "b"), record("b", "a"), record("c", "c"), record("d", "nobody"), record("e", "d")]
    let records = Dictionary(uniqueKeysWithValues: odd.map { ($0.name, $0) })
    #expect(Presentation.byReference(odd.map(\.name), records) == ["c", "d", "e", "a", "b"])
  }

  @Test("compare with the environment's own reference, not with the baseline")
  func references() throws {
    let table = Presentation(StorageRuns.cowIO).table("random-write", .iops)
    let row = try #require(table.rows.first { $0.environment == "overlayfs-xfs" })
    // 41 200/s ÷ 0.95 against 41 200/s ÷ 0.94: a difference of 1 %. Against plain-ext4 it would be +5 %.
    #expect(row.ratio?.estimate == "0.989")
    #expect(row.outcome.text.hasPrefix("≈ no difference from plain-xfs found"))
    let snapshot = try #require(table.rows.first { $0.environment == "btrfs-snapshot" })
    #expect(snapshot.outcome.text == "▼ slower than plain-btrfs")
    let plain = try #require(table.rows.first { $0.environment == "plain-xfs" })
    #expect(plain.outcome.text == "▲ faster than plain-ext4")
    #expect(table.rows.first?.outcome.text == "baseline")
  }

  @Test("fall back on the baseline where the reference did not run")
  func missingReference() throws {
    var result = StorageRuns.cowIO
    result.environments[2].unavailable = "mkfs.xfs is not installed"
    result.series.removeAll { $0.environment == "plain-xfs" }
    for index in result.series.indices where result.series[index].environment == "overlayfs-xfs" {
      result.series[index].reference = nil
    }
    let page = Presentation(result)
    #expect(page.reference(of: "overlayfs-xfs") == "plain-ext4")
    let row = try #require(page.table("random-write", .iops).rows.first { $0.environment == "overlayfs-xfs" })
    #expect(row.outcome.text == "▲ faster than plain-ext4")
    #expect(page.standing(["overlayfs-xfs"]) == "Held against plain-ext4, the baseline: overlayfs-xfs.")
  }

  @Test("say nothing of packets", arguments: Format.allCases)
  func noNetwork(format: Format) throws {
    for result in StorageRuns.all {
      let text = try text(format, result)
      for word in ["hop latencies", "ladder lacks", "Internet Protocol", "What each operation makes the kernel do"] {
        #expect(!text.contains(word), "\(format) has \(word)")
      }
    }
  }

  // MARK: Copy-up

  @Test("have one section for all sizes of copy-up, and one for each cache")
  func sections() {
    let titles = Presentation(StorageRuns.cowIO).sections.map(\.title)
    #expect(titles == ["Copy-up", "random-write", "lookup-cold", "changes", "faults", "commits"])
    var result = StorageRuns.cowIO
    for index in result.workloads.indices where result.workloads[index].name == "copy-up-1m" {
      result.workloads[index].files?.cache = .cold
    }
    #expect(
      Presentation(result).sections.map(\.title).prefix(2) == ["Copy-up, warm cache", "Copy-up, cold cache"])
  }

  @Test("show a and b, bytes copied, the break-even and the second write", arguments: Format.allCases)
  func copyUp(format: Format) throws {
    let text = try text(format, StorageRuns.cowIO)
    for part in [
      "820 µs [787, 853]", "3.63 ms [3.56, 3.70]", "▲ grows with the size", "≈ no growth found",
      "Bytes copied by opening, for each file", "until the first opening is half of the time", "4513",
      "414 µs 1.00× [0.99, 1.02]", "512.1 MiB", "65 544×".replacing(" ", with: "\u{202F}"), "The ledger of bytes",
    ] {
      #expect(text.contains(part), "\(format) lacks \(part)")
    }
  }

  @Test("are put in words that the numbers bear out")
  func words() throws {
    let copyUp = CopyUp(Presentation(StorageRuns.cowIO), cache: .warm)
    func said(_ environment: String) throws -> String {
      try #require(copyUp.finding(environment)).replacing("\u{A0}", with: " ")
    }
    let copying = """
      overlayfs-ext4 copies the whole file when it is first opened for writing: 512 MiB of a file of 512 MiB. Opening \
      takes 820 µs [787, 853], and 3.63 ms [3.56, 3.70] more for each MiB. A second write to the disk takes 1.00× \
      (intervals within [0.99, 1.02]) as long as in plain-ext4: the same to within 5 %.
      """
    let sharing = """
      overlayfs-xfs shares a file's extents instead of copying them: 0 B of a file of 512 MiB are copied, and the first \
      change takes 8 KiB of new room where 8 KiB are written. Opening takes 91 µs [87, 95] whatever the size
      """
    #expect(try said("overlayfs-ext4") == copying)
    #expect(try said("overlayfs-xfs").hasPrefix(sharing))
    #expect(try said("btrfs-snapshot").hasSuffix("as long as in plain-btrfs: longer."))
    #expect(try said("tmpfs").hasPrefix("tmpfs: opening takes"))
  }

  @Test("tell apart what is copied whole, in part, and not at all")
  func copying() {
    func copying(_ share: Double?) -> CopyUp.Copying {
      var result = StorageRuns.cowIO
      for index in result.series.indices
      where result.series[index].environment == "overlayfs-ext4" && result.series[index].metric == .bytesCopied {
        let size = result.workloads.first { $0.name == result.series[index].workload }?.files?.size ?? 0
        result.series[index].median = share.map { $0 * Double(size) }
      }
      return CopyUp(Presentation(result), cache: .warm).copying("overlayfs-ext4")
    }
    #expect(copying(1) == .whole)
    #expect(copying(0) == .nothing)
    #expect(copying(0.25) == .part(0.25, 0.25))
    #expect(copying(nil) == .unknown)
  }

  @Test("give no word on times where the control failed, but on bytes")
  func unjudged() throws {
    var result = StorageRuns.cowIO
    for index in result.control.indices { result.control[index].isPassed = false }
    let copyUp = CopyUp(Presentation(result), cache: .warm)
    let words = try #require(copyUp.finding("overlayfs-ext4"))
    #expect(words.hasPrefix("overlayfs-ext4 copies the whole file") && !words.contains("takes"))
    #expect(copyUp.answer.isEmpty)
    #expect(try text(.html, result).contains("? not judged"))
  }

  @Test("judge a second write by all sizes together")
  func verdicts() {
    func size(_ title: String) -> CopyUp.Size { CopyUp.Size(workload: title, bytes: 1, title: title) }
    func verdict(_ intervals: (Double, Double)...) -> String {
      CopyUp.verdict(
        intervals.enumerated().map { (size("s\($0)"), Fixture.ratio(($1.0 + $1.1) / 2, $1.0, $1.1)) }
      ).replacing("\u{A0}", with: " ")
    }
    #expect(verdict((0.98, 1.02), (0.99, 1.04)) == "the same to within 5 %")
    #expect(verdict((0.9, 1.1), (0.99, 1.04)) == "no difference was found")
    #expect(verdict((1.1, 1.2), (1.3, 1.4)) == "longer")
    #expect(verdict((1.1, 1.2), (0.9, 1.1)) == "longer for files of s0")
    #expect(verdict((1.1, 1.2), (0.7, 0.8)) == "longer for files of s0, shorter for files of s1")
  }

  @Test("name what was refused, with the reason", arguments: Format.allCases)
  func refusals(format: Format) throws {
    let text = try text(format, StorageRuns.cowIO)
    #expect(
      text.contains(
        "rename of a directory: unavailable in overlayfs-ext4 and overlayfs-xfs: EXDEV: overlayfs does not rename a "
          + "directory of a lower layer; programs copy it instead."))
    #expect(text.contains("there is no block device under it"))
    #expect(text.contains("bench doctor --fix erofs"))
  }

  // MARK: Images

  @Test("show how images grow, and what pruning leaves", arguments: Format.allCases)
  func growth(format: Format) throws {
    let text = try text(format, StorageRuns.rebuilding)
    for part in [
      "In image-overlayfs (rebuild) the disk used grows and never shrinks: from 40 MiB to 330 MiB after 30 rebuilds; 290 "
        + "MiB of it (88 %) no image uses any more.",
      "In image-overlayfs (rebuild-pruned) the disk used does not grow: 40 MiB after 30 rebuilds; no image has left "
        + "anything behind.", "10.8 MiB", "reclaimable",
    ] {
      #expect(text.contains(part), "\(format) lacks \(part)")
    }
  }

  @Test("tell a store that shrank now and then")
  func shrinking() throws {
    var result = StorageRuns.rebuilding
    let index = try #require(result.growth?.firstIndex { $0.environment == "image-docker" })
    result.growth?[index].isMonotonic = false
    #expect(try text(.markdown, result).contains("grows, but shrinks now and then: from 40.8 MiB"))
  }

  // MARK: Answers, claims, units

  @Test("are answered in a few sentences")
  func answers() {
    func answer(_ result: RunResult) -> [String] {
      Presentation(result).answer.map { $0.replacing("\u{A0}", with: " ") }
    }
    let expected = """
      On this host, opening a file of 64 MiB of a lower layer for writing, the first time, takes 233 ms in overlayfs-ext4, \
      91.0 µs in overlayfs-xfs and 11.2 µs in btrfs-snapshot.
      With each MiB more, it takes 3.63 ms [3.56, 3.70] longer in overlayfs-ext4; no growth was found in overlayfs-xfs and \
      btrfs-snapshot.
      Writing such a file again, to the disk, costs the same as on the plain file system in overlayfs-ext4 and \
      overlayfs-xfs: 1.00× to 1.01× (intervals within [0.99, 1.02]).
      Writing such a file again, to the disk, takes 1.07× (intervals within [1.06, 1.09]) in btrfs-snapshot.
      With random-write, IOPS are 0.971× [0.954, 0.987] those of plain-ext4 in overlayfs-ext4 and 0.927× [0.911, 0.943] \
      those of plain-btrfs in btrfs-snapshot.
      """
    #expect(answer(StorageRuns.cowIO).joined(separator: "\n") == expected)
    #expect(answer(StorageRuns.rebuilding).first?.hasPrefix("On this host, in image-overlayfs (rebuild)") == true)
    let depth = """
      On this host, with lookup-cold, a stat of a name takes 2.78× [2.73, 2.83] as long in layers-32 as in layers-1 and \
      8.29× [8.15, 8.43] as long in layers-128 as in layers-1.
      """
    #expect(answer(StorageRuns.depth) == [depth])
  }

  @Test("have slopes by the MiB and by the layer", arguments: Format.allCases)
  func slopes(format: Format) throws {
    #expect(try text(format, StorageRuns.cowIO).contains("3.63 ms per MiB [3.56, 3.70]"))
    #expect(try text(format, StorageRuns.depth).contains("0.140 µs per layer [0.137, 0.143]"))
    guard format != .terminal else { return }
    let text = try text(format, StorageRuns.cowIO)
    #expect(
      text.contains(
        "open for writing in overlayfs-ext4"))
    #expect(
      text.contains(
        "its growth with the size of the file (copy-up-4k = 4 KiB, copy-up-1m = 1 MiB, copy-up-64m = 64 MiB, copy-up-512m = "
          + "512 MiB) lies above 0.050 ms per MiB"))
  }

  @Test("have bytes in units of their size")
  func sizes() {
    func size(_ bytes: Double) -> String { NumberFormat.size(bytes).replacing("\u{A0}", with: " ") }
    let given: [Double] = [0, 512, 4_096, 1_048_576, 67_174_400, 3_221_225_472]
    #expect(given.map(size) == ["0 B", "512 B", "4 KiB", "1 MiB", "64.06 MiB", "3 GiB"])
    #expect(size(.nan) == "–")
    func level(_ value: Double, _ metric: Metric) -> String {
      NumberFormat.level(value, metric).replacing("\u{A0}", with: " ")
    }
    #expect(level(233_140_000, .openForWriting) == "233 ms")
    #expect(level(65_544.2, .writeAmplification) == "65\u{202F}544×")
    #expect(level(0.8794, .reclaimableShare) == "87.9 %")
    #expect(level(168_755_200, .bandwidth) == "161 MiB/s")
    #expect(level(6_100, .cpuPerOperation) == "6.10 µs")
    func counted(_ trials: [Double], _ median: Double) -> String {
      TextTable.counted(
        SeriesResult(environment: "e", workload: "w", metric: .bytesCopied, trials: trials, median: median).counted,
        median)
    }
    #expect(counted([8_192, 12_288], 10_240) == "8\u{A0}KiB–12\u{A0}KiB")
    #expect(counted([8_192, 8_192], 8_192) == "8\u{A0}KiB")
  }

  @Test("tell how each environment was made here", arguments: [Format.markdown, .html])
  func details(format: Format) throws {
    let text = try text(format, StorageRuns.cowIO)
    #expect(text.contains("mkfs.ext4 1.47.2, blocks of 4096 bytes; image on EXT4 (/dev/vda1), direct I/O"))
  }

  // MARK: Form

  @Test("have charts that can be read without seeing them, and without colour")
  func charts() throws {
    let html = try HTMLReport.render(StorageRuns.cowIO)
    #expect(html.contains("<title id=\"lines-0-1-t\">Open for writing against the size of the file, both logarithmic"))
    #expect(html.contains("overlayfs-ext4: 4\u{A0}KiB 834\u{A0}µs, 1\u{A0}MiB 4.45\u{A0}ms, 64\u{A0}MiB 233\u{A0}ms"))
    let chart = try #require(html.firstMatch(of: /<svg class="chart" [^>]*"lines-0-1-t .*?<\/figure>/))
    // A letter and the name at each line's end, a bar at each point, and marks and dashes that differ.
    for letter in ["A", "B", "C", "D", "E", "F", "G"] { #expect(chart.0.contains(">\(letter)<tspan")) }
    #expect(chart.0.ranges(of: "class=\"xy-range").count == 7 * 4)
    #expect(chart.0.ranges(of: "vector-effect").count == 7)
    #expect(chart.0.contains("dash1") && chart.0.contains("dash2") && chart.0.contains("xy-mark hue0 filled"))
    let growth = try HTMLReport.render(StorageRuns.rebuilding)
    // Six stores, two of which leave something behind.
    #expect(growth.ranges(of: "vector-effect").count == 6 + 2)
  }

  @Test("spread labels so that none lies on another", arguments: [2, 7, 20])
  func labels(count: Int) {
    let places = XYChart.spread((0..<count).map { 100 + Double($0 % 3) }, gap: 15, within: 10...320)
    let sorted = places.sorted()
    for (here, next) in zip(sorted, sorted.dropFirst()) { #expect(next - here >= 14.999) }
    #expect((places.max() ?? 0) <= 320)
    #expect(XYChart.apart([0, 0.05, 0.2, 0.25], by: 0.1) == [3, 1])
  }

  @Test("have a caption and heads on every table, headings in order, and unique names")
  func accessibility() throws {
    for result in StorageRuns.all + [StorageRuns.large] {
      let html = try HTMLReport.render(result)
      #expect(html.ranges(of: /<table[^>]*><caption>/).count == html.ranges(of: "<table").count)
      for table in html.matches(of: /<table.*?<\/table>/.dotMatchesNewlines()) {
        #expect(table.0.contains("<th scope=\"col\"") || table.0.contains("<th scope=\"row\""))
        for row in table.0.matches(of: /<tr>.*?<\/tr>/) { #expect(row.0.contains("<th scope="), "\(row.0.prefix(80))") }
      }
      #expect(html.ranges(of: "<svg class=\"chart\" role=\"img\"").count == html.ranges(of: "<desc").count)
      for element in ["table", "details", "figure", "section", "ul", "span", "svg", "tbody", "tr", "td"] {
        let starts = html.ranges(of: "<\(element) ").count + html.ranges(of: "<\(element)>").count
        #expect(starts == html.ranges(of: "</\(element)>").count, "\(element)")
      }
      var level = 0
      for match in html.matches(of: /<h([1-6])/) {
        let next = try #require(Int(match.1))
        #expect(next <= level + 1)
        level = next
      }
      let ids = html.matches(of: /\sid="([^"]*)"/).map { String($0.1) }
      #expect(Set(ids).count == ids.count)
      for match in html.matches(of: /href="#([^"]*)"/) { #expect(ids.contains(String(match.1))) }
      for outside in ["http://", "https://", "<link", "<img", "@import", "url("] {
        #expect(!html.contains(outside), "it has \(outside)")
      }
    }
  }

  @Test("have rectangular tables in Markdown")
  func rectangular() {
    for result in StorageRuns.all + [StorageRuns.large] {
      var columns: Int?
      for line in MarkdownReport.render(result).split(separator: "\n", omittingEmptySubsequences: false) {
        guard line.hasPrefix("|") else {
          columns = nil
          continue
        }
        let cells = line.replacing("\\|", with: "").ranges(of: "|").count - 1
        if let columns { #expect(cells == columns, "\(line)") }
        columns = cells
      }
    }
  }

  @Test("keep to the width", arguments: [40, 60, 80, 99, 120, 160])
  func width(width: Int) {
    for result in StorageRuns.all + [StorageRuns.large] {
      for line in TerminalTable.render(result, width: width, color: false).split(separator: "\n") {
        #expect(String(line).terminalWidth <= width, "\(line)")
      }
    }
  }

  @Test("have words for workloads of which nothing was measured", arguments: Format.allCases)
  func bare(format: Format) throws {
    for result in StorageRuns.all {
      var result = result
      result.series = []
      result.lines = nil
      result.growth = nil
      result.control = []
      #expect(try text(format, result).contains("Nothing was measured."))
    }
  }

  /// Everything that comes from outside ends in `text`, or is that.
  private static func saying(_ text: String, _ result: RunResult) -> RunResult {
    var result = result
    result.run.baseline += text
    for index in result.environments.indices {
      result.environments[index].name += text
      result.environments[index].reference?.append(text)
      result.environments[index].details = ["by " + text, text]
    }
    for index in result.workloads.indices { result.workloads[index].name += text }
    for index in result.series.indices {
      result.series[index].environment += text
      result.series[index].workload += text
      result.series[index].reference?.environment.append(text)
      if result.series[index].median == nil { result.series[index].note = "no " + text }
    }
    for index in result.control.indices {
      result.control[index].workload += text
      result.control[index].reason = "as " + text
    }
    for line in (result.lines ?? []).indices {
      result.lines?[line].environment += text
      for point in (result.lines?[line].points ?? []).indices { result.lines?[line].points[point].workload += text }
    }
    if result.lines != nil {
      result.lines?[0].slope = nil
      result.lines?[0].note = "no " + text
    }
    for index in (result.growth ?? []).indices {
      result.growth?[index].environment += text
      result.growth?[index].workload += text
    }
    for index in result.claims.indices {
      result.claims[index].environment += text
      result.claims[index].workload += text
      result.claims[index].against?.append(text)
      result.claims[index].over = result.claims[index].over.map { sizes in
        Dictionary(uniqueKeysWithValues: sizes.map { ($0.key + text, $0.value) })
      }
      if result.claims[index].overWorkloads != nil { result.claims[index].overWorkloads = [text: 1, "x" + text: 2] }
    }
    return result
  }

  /// Small ones, one of each form.
  private static let plain = [StorageRuns.small, StorageRuns.rebuilding, StorageRuns.depth]
  private static let tags = try? plain.map {
    try HTMLReport.render(saying("tame", $0)).unicodeScalars.count { $0 == "<" }
  }
  private static let lines = plain.map { MarkdownReport.render(saying("tame", $0)).count { $0 == "\n" } }

  @Test("of every hostile text stay inert", arguments: Variants.hostile)
  func hostile(text: String) throws {
    func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
      switch scalar.properties.generalCategory {
      case .control: scalar == "\n"
      case .format: scalar == "\u{2060}"
      case .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: false
      default: true
      }
    }
    let tags = try #require(Self.tags)
    var names: Set<String> = []
    for (index, result) in Self.plain.enumerated() {
      let hostile = Self.saying(text, result)
      let html = try HTMLReport.render(hostile)
      #expect(html.unicodeScalars.allSatisfy(isHarmless))
      // Every "<" of a document belongs to an element of ours.
      #expect(html.unicodeScalars.count { $0 == "<" } == tags[index])
      for part in html.utf8.split(separator: UInt8(ascii: "<")).dropFirst() {
        let start = part.first == UInt8(ascii: "/") ? part.dropFirst() : part
        names.insert(
          String(
            Substring(start.prefix { $0 > UInt8(ascii: " ") && $0 != UInt8(ascii: ">") && $0 != UInt8(ascii: "/") })))
      }
      for width in [50, 110] {
        let terminal = TerminalTable.render(hostile, width: width, color: false)
        #expect(terminal.unicodeScalars.allSatisfy(isHarmless))
        for line in terminal.split(separator: "\n") { #expect(String(line).terminalWidth <= width, "\(line)") }
      }
      let markdown = MarkdownReport.render(hostile)
      #expect(markdown.unicodeScalars.allSatisfy(isHarmless))
      #expect(markdown.count { $0 == "\n" } == Self.lines[index])
    }
    #expect(names.subtracting(Self.elements) == [])
  }

  private static let elements: Set<String> = [
    "!DOCTYPE", "html", "head", "meta", "title", "style", "body", "header", "nav", "ul", "li", "a", "p", "h1", "h2",
    "h3",
    "bdi", "code", "main", "section", "span", "strong", "div", "table", "caption", "thead", "tbody", "tr", "th", "td",
    "figure", "figcaption", "svg", "desc", "line", "text", "tspan", "circle", "path", "rect", "g", "details", "summary",
    "dl", "dt", "dd", "footer", "b", "script",
  ]

  @Test("render 500 series within a second")
  func large() throws {
    let result = StorageRuns.large
    #expect(result.series.count > 1_500)
    var size = 0
    let time = try threadTime { size = try HTMLReport.render(result).utf8.count }
    let others = threadTime {
      size +=
        MarkdownReport.render(result).utf8.count + TerminalTable.render(result, width: 100, color: true).utf8.count
    }
    print("\(result.series.count) series of files: HTML \(time), Markdown and terminal \(others), \(size / 1024) KiB")
    #expect(time < .seconds(1) && others < .seconds(1))
    #expect(size < 3_000_000)
  }
}
