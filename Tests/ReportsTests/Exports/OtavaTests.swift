import Foundation
import Model
import Testing

@testable import Reports

@Suite("The history for Apache Otava")
struct OtavaTests {
  private struct Reading: Decodable {
    var tests: [String]
    var time: [Int]
    var data: [String: [Double]]
    var attributes: [String: [String]]
    var directions: [String: Int]
    var changes: [String: [Int]]
  }

  private static let bridge = "network-hop.udp-rr-spin.bridge.rtt_p50.overhead"
  private static let rate = "network-hop.udp-rr-spin.native.rate.level"

  /// A night without series of its own, so that history is all.
  private static let still = ExportNights.changed { $0.series = [] }

  private func read(_ history: [HistoryView], _ night: NightResult, test: String = "bench.nightly") throws -> Reading {
    let csv = try NightExport.render(.otava, night: night, runs: [], history: history)
    return try Readers.withFile(csv) { path in
      let configuration = NightExport.otavaConfiguration(night: night, history: history, file: path)
      return try Readers.withFile(configuration) { try Readers.decode(Readers.read(["otava", $0, test])) }
    }
  }

  @Test(
    "is read by Otava to its last bit, with the direction of each metric, and its change is found", .requiresReaders)
  func imported() throws {
    let history = ExportNights.history(40)
    let reading = try read(history, Self.still)
    #expect(reading.tests == ["bench.nightly"] && reading.data.count == 3)
    #expect(reading.time == history[0].points.map { Int($0.started.timeIntervalSince1970) })
    #expect(reading.data[Self.bridge] == history[1].points.map(\.value))
    #expect(reading.attributes["night"] == history[0].points.map(\.night))
    #expect(
      reading.directions == [Self.bridge: -1, "network-hop.udp-rr-spin.netns.rtt_p50.overhead": -1, Self.rate: 1])
    #expect(reading.changes[Self.bridge] == [20])
  }

  @Test("carries a value over a gap, as Otava does itself, and counts what it carried", .requiresReaders)
  func gaps() throws {
    let history = ExportNights.history(10)
    let reading = try read(history, Self.still)
    let rates = try #require(reading.data[Self.rate])
    #expect(rates.count == 10)
    #expect(rates[0] == rates[2] && rates[1] == rates[2] && rates[5] == rates[4] && rates[6] != rates[5])
    #expect(reading.attributes["filled"] == ["1", "1", "0", "0", "0", "1", "0", "0", "0", "0"])
  }

  @Test("adds tonight where history does not have it yet, once")
  func tonight() throws {
    let rows = try NightExport.render(.otava, night: ExportNights.clean, runs: [], history: ExportNights.history(5))
      .split(separator: "\n")
    #expect(rows.count == 7)
    #expect(rows.last?.hasPrefix("2026-11-30T02:00:00Z,20261130-020000-7f3a,2,0,") == true)
    var history = ExportNights.history(5)
    for index in history.indices {
      history[index].points.append(
        HistoryPoint(night: ExportNights.clean.night.id, started: ExportNights.start, epoch: 2, value: 9))
    }
    let again = try NightExport.render(.otava, night: ExportNights.clean, runs: [], history: history)
    #expect(again.split(separator: "\n").count == 7)
  }

  @Test("has one row of a run alone")
  func run() throws {
    let rows = try RunExport.render(.otava, run: Fixture.result).split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false)
    }
    #expect(rows.count == 2 && rows[0].count == rows[1].count)
    let cells = Dictionary(uniqueKeysWithValues: zip(rows[0].map(String.init), rows[1].map(String.init)))
    #expect(cells[Self.bridge] == "1.302" && cells["network-hop.udp-rr-spin.native.rtt_p50.level"] == "8124")
    #expect(cells["night"] == Fixture.result.run.id && cells["filled"] == "0")
  }

  @Test("keeps hostile names plain and apart", .requiresReaders)
  func hostile() throws {
    let history = Hostile.texts.enumerated().map { index, text in
      var view = ExportNights.history(4)[1]
      view.series.environment += text
      view.series.scenario = text
      for point in view.points.indices { view.points[point].value = Double(index + point) }
      return view
    }
    let csv = try NightExport.render(.otava, night: Self.still, runs: [], history: history)
    let header = try #require(csv.split(separator: "\n").first).split(separator: ",")
    #expect(
      header.allSatisfy {
        $0.unicodeScalars.allSatisfy {
          $0.isASCII && ($0.properties.isAlphabetic || "0123456789._-".unicodeScalars.contains($0))
        }
      })
    let reading = try read(history, Self.still)
    #expect(reading.data.count == Hostile.texts.count)
    #expect(Set(reading.data.values.map { $0[0] }) == Set(Hostile.texts.indices.map(Double.init)))
    let named = ExportNights.saying("'\"\n: {x}")
    #expect(try read([], named, test: "bench." + ExportText.plain("'\"\n: {x}")).time.count == 1)
  }
}
