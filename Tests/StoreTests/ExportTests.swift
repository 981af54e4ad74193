import Foundation
import Model
import Testing

@testable import Store

@Suite("An export")
struct ExportTests {
  private let fixture: TestStore
  private var store: RunStore { fixture.store }

  /// Two runs, one of them unfinished and so not exported, and three nights in two epochs.
  init() throws {
    fixture = try TestStore()
    for id in ["r", "running"] {
      var run = Sample.run(id)
      try store.begin(run)
      for (position, isCaptured) in [false, true].enumerated() {
        try store.append(
          Sample.trial(
            block: 0, position: position, isCaptured: isCaptured,
            growth: [ImageUsage(total: 1e12 / 3, reclaimable: 0, shared: .infinity, unique: 0.1)]), run: id)
      }
      try store.append(BlockRecord(index: 0, voidReasons: ["ü\n"], noiseClass: .noisy), run: id)
      if id == "r" {
        run.exit = .completed
        run.finished = run.started + 1.0 / 3
        try store.update(run)
      }
    }
    for number in 1...3 {
      try store.add(
        Sample.night(number, runs: ["r"]), Sample.values(number), fingerprint: number < 3 ? Sample.fingerprint : [])
    }
  }

  private var file: String { "\(fixture.directory.path)/export.jsonl" }

  private func text(_ selection: ExportSelection? = nil, of store: RunStore? = nil) throws -> String {
    let store = store ?? self.store
    let bytes = Collected()
    try store.export(try selection ?? store.everything(), version: "9") { bytes.data.append($0) }
    return String(decoding: bytes.data, as: UTF8.self)
  }

  private final class Collected {
    var data = Data()
  }

  @discardableResult
  private func take(_ text: String, into store: RunStore) throws(UserError) -> Imported {
    do { try Data(text.utf8).write(to: URL(filePath: file)) } catch { Issue.record(error) }
    return try store.takeOver(export: file, name: "export.jsonl")
  }

  private func other(_ name: String = "other") throws -> RunStore {
    try RunStore(path: "\(fixture.directory.path)/\(name).sqlite")
  }

  @Test("is imported with every bit that it holds, once")
  func roundTrip() throws {
    let text = try text()
    let other = try other()
    let imported = try take(text, into: other)
    #expect(imported.runs == 1 && imported.nights == 3 && imported.knownRuns == 0 && imported.knownNights == 0)
    #expect(try other.run("r") == store.run("r"))
    #expect(try other.nights() == store.nights())
    #expect(try other.epochs() == store.epochs())
    for night in try store.nights() {
      #expect(try other.nightResult(night.id) == store.nightResult(night.id))
      #expect(try other.nightValues(night.id) == store.nightValues(night.id))
    }
    let again = try take(text, into: other)
    #expect(again.runs == 0 && again.nights == 0 && again.knownRuns == 1 && again.knownNights == 3)
    #expect(try take(text, into: store).knownNights == 3)
    // But for the time of the export, the copy's export is the same.
    func body(_ text: String) -> [Substring] { text.split(separator: "\n").dropFirst().dropLast() }
    #expect(body(try self.text(of: other)) == body(text))
    #expect(try other.integrityProblems() == [])
    #expect(try other.historySeries().map(\.nights) == [3, 3, 3])
  }

  @Test("goes on where the history was exported: the next night is of the same epoch")
  func goesOn() throws {
    let other = try other()
    try take(try text(), into: other)
    #expect(try other.epoch(for: [], started: .now).isNew == false)
    try other.add(Sample.night(4), Sample.values(4), fingerprint: [])
    #expect(
      try other.historyMatrix(epoch: 2, series: [Sample.series(0)], nights: 9).nights == ["night-1003", "night-1004"])
    // And what comes of another store then does not disturb it.
    try store.add(Sample.night(9), Sample.values(9), fingerprint: Sample.fingerprint)
    #expect(try take(try text(), into: other).nights == 1)
    #expect(try other.night("latest").id == "night-1009")
    let epoch = try other.epoch(for: [], started: .now)
    #expect(epoch.isNew == false && epoch.epoch.number == 2)
  }

  @Test("of older nights comes before those that are there, under epochs of its own")
  func older() throws {
    let other = try other()
    try other.add(Sample.night(8), Sample.values(8), fingerprint: Sample.fingerprint)
    try take(try text(), into: other)
    #expect(
      try other.nights().map(\.id) == ["night-1008", "night-1003", "night-1002", "night-1001"])
    #expect(try other.nights().map(\.epoch) == [1, 3, 2, 2])
    #expect(try other.nightResult("night-1003")?.epoch.number == 3)
    #expect(try other.epoch(for: Sample.fingerprint, started: .now).epoch.number == 1)
    #expect(try take(try text(), into: other).knownNights == 3)
  }

  @Test("is refused whole where an id has other content")
  func conflict() throws {
    let text = try text()
    let runs = try other("runs")
    var run = try store.run("r").record
    run.warnings = []
    try runs.begin(run)
    let error = userError { () throws(UserError) in try take(text, into: runs) }
    #expect(error?.exitCode == .badInput)
    #expect(error?.message == "export.jsonl:2: the run r is in the store already, with other content")
    #expect(try runs.nights() == [])

    let nights = try other("nights")
    try nights.add(Sample.night(2), Sample.values(5))
    #expect(
      userError { () throws(UserError) in try take(text, into: nights) }?.message
        == "export.jsonl:4: the night night-1002 is in the store already, with other content")
    #expect(try nights.runs() == [] && nights.nights().count == 1)
  }

  @Test("has a checksum that others compute")
  func checksum() throws {
    var crc = CRC32()
    // The check value of the algorithm (Williams, "A painless guide to CRC error detection algorithms").
    crc.add(Data("1234".utf8))
    crc.add(Data("56789".utf8))
    #expect(crc.hex == "cbf43926")
    #expect(CRC32().hex == "00000000")
  }

  @Test("that is cut off anywhere is refused whole")
  func truncated() throws {
    let text = try text()
    let bytes = Data(text.utf8)
    let other = try other()
    for length in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 30)) + [bytes.count - 1] {
      try bytes.prefix(length).write(to: URL(filePath: file))
      let error = userError { () throws(UserError) in try other.takeOver(export: file, name: "x") }
      #expect(error?.exitCode == .badInput, "\(length) of \(bytes.count) bytes")
    }
    // At the end of a line nothing is missing but the rest.
    let lines = text.split(separator: "\n").map { $0 + "\n" }
    for count in 1..<lines.count {
      let error = userError { () throws(UserError) in try take(lines.prefix(count).joined(), into: other) }
      #expect(error?.message.contains("it was cut off") == true)
    }
    #expect(try other.runs() == [] && other.nights() == [] && other.epochs() == [])
  }

  @Test("with a byte changed anywhere is refused whole")
  func damaged() throws {
    let bytes = Data(try text().utf8)
    let other = try other()
    for place in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 50)) {
      var damaged = bytes
      damaged[place] ^= 0x04
      try damaged.write(to: URL(filePath: file))
      let error = userError { () throws(UserError) in try other.takeOver(export: file, name: "x") }
      #expect(error?.exitCode == .badInput, "byte \(place)")
    }
    #expect(try other.runs() == [] && other.nights() == [])
  }

  @Test(
    "that is none is refused, and says why",
    arguments: [
      ("", "export.jsonl: is empty"), ("hello\n", "export.jsonl:1: is no export of bench"),
      ("{}\n", "export.jsonl:1: is no export of bench"),
      ("{\"schema\":\"bench.run/1\"}\n", "export.jsonl:1: is no export of bench: it has the schema 'bench.run/1'"),
      (
        "{\"schema\":\"bench.export/2\"}\n",
        "export.jsonl:1: is of another version of bench: it has the schema 'bench.export/2', and this one reads "
          + "bench.export/1"
      ),
      ("{\"schema\":\"bench.export/1\"}\n", "export.jsonl:1: is no header of an export: version is missing"),
      (String(repeating: "x", count: 100_000), "export.jsonl:1: is no export of bench"),
    ])
  func foreign(_ text: String, _ message: String) throws {
    let other = try other()
    let error = userError { () throws(UserError) in try take(text, into: other) }
    #expect(error?.exitCode == .badInput)
    #expect(error?.message == message)
  }

  /// Lines with a right checksum that no program of ours wrote.
  @Test(
    "whose lines contradict each other is refused, naming the line",
    arguments: [
      (["run", "run"], "3: has the run r a second time"), (["blocks"], "2: has a block of the run r twice"),
      (["trials"], "2: has a trial of the run r twice"),
      (["unfinished"], "2: has the night night-1001, which is not finished"),
      (["empty"], "2: is neither a run nor a night"),
      (["unknown"], "2: cannot be read: run.record.family holds what this version does not know"),
    ])
  func contradictions(_ kinds: [String], _ message: String) throws {
    let lines = try text().split(separator: "\n").map(String.init)
    let bytes = Collected()
    var writer = ExportWriter { bytes.data.append($0) }
    try writer.add(ExportLine.decode(ExportLine.Header.self, Data(lines[0].utf8)))
    for kind in kinds {
      let line = kind == "unfinished" ? lines[2] : lines[1]
      var content = try ExportLine.decode(ExportLine.Content.self, Data(line.utf8))
      switch kind {
      case "blocks": content.run?.blocks += [BlockRecord(index: 0, voidReasons: [], noiseClass: .quiet)]
      case "trials": content.run?.trials += [Sample.trial(block: 0, position: 7)]
      case "unfinished": content.night?.record.phase = .testing
      case "empty": content.run = nil
      default: break
      }
      try writer.add(content)
    }
    try writer.end()
    var text = String(decoding: bytes.data, as: UTF8.self)
    if kinds == ["unknown"] { text = text.replacing("\"family\":\"ipv4\"", with: "\"family\":\"ipv5\"") }
    let other = try other()
    let error = userError { () throws(UserError) in try take(text, into: other) }
    #expect(error?.message == "export.jsonl:\(message)")
    #expect(try other.runs() == [])
  }

  @Test("has no night that is not finished, and no run that goes on")
  func unfinished() throws {
    try store.begin(Sample.night(5))
    #expect(try store.everything() == ExportSelection(runs: ["r"], nights: (1...3).map { "night-\(1000 + $0)" }))
    let error = userError { () throws(UserError) in
      try store.export(ExportSelection(runs: [], nights: ["night-1005"]), version: "9") { _ in }
    }
    #expect(error?.exitCode == .usage)
  }

  @Test("is read from a file")
  func files() throws {
    for (path, message) in [
      ("\(file)-missing", "there is no file x"), (fixture.directory.path, "x is a directory"),
    ] {
      let error = userError { () throws(UserError) in try store.takeOver(export: path, name: "x") }
      #expect(error?.exitCode == .badInput && error?.message == message)
    }
  }

  @Test("that does not fit on the disk is refused whole")
  func full() throws {
    for block in 1..<40 {
      try store.append(Sample.trial(block: block, position: 0, samples: (0..<2000).map { $0 &* 7919 }), run: "r")
    }
    let text = try text()
    let small = try RunStore(path: "\(fixture.directory.path)/small.sqlite", busyTimeout: 1, maximumPages: 60)
    let error = userError { () throws(UserError) in try take(text, into: small) }
    #expect(error?.exitCode == .unavailable, "\(String(describing: error))")
    #expect(try small.runs() == [] && small.nights() == [])
    #expect(try small.integrityProblems() == [])
  }
}
