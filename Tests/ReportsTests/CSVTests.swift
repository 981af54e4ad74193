import Foundation
import Model
import Testing

@testable import Reports

/// RFC 4180, and nothing beyond it.
enum StrictCSV {
  struct Malformed: Error { var reason: String }

  /// The rows of a document; by bytes, as no character of several is a sign of the format.
  static func rows(_ text: String) throws -> [[String]] {
    let bytes = Array(text.utf8)
    var rows: [[String]] = []
    var row: [String] = []
    var index = 0
    while index < bytes.count {
      var field: [UInt8] = []
      if bytes[index] == UInt8(ascii: "\"") {
        index += 1
        while true {
          guard index < bytes.count else { throw Malformed(reason: "a quoted field does not end") }
          if bytes[index] == UInt8(ascii: "\"") {
            index += 1
            guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else { break }
          }
          field.append(bytes[index])
          index += 1
        }
      } else {
        while index < bytes.count, bytes[index] != UInt8(ascii: ","), bytes[index] != 13 {
          guard bytes[index] != UInt8(ascii: "\""), bytes[index] != 10 else {
            throw Malformed(reason: "a quotation mark or a line feed in a field without quotes")
          }
          field.append(bytes[index])
          index += 1
        }
      }
      row.append(String(decoding: field, as: UTF8.self))
      guard index < bytes.count else { throw Malformed(reason: "the last row does not end in CR LF") }
      if bytes[index] == UInt8(ascii: ",") {
        index += 1
        if index == bytes.count { throw Malformed(reason: "the document ends in a comma") }
      } else if bytes[index] == 13, index + 1 < bytes.count, bytes[index + 1] == 10 {
        index += 2
        rows.append(row)
        row = []
      } else {
        throw Malformed(reason: "byte \(bytes[index]) behind a field")
      }
    }
    guard row.isEmpty else { throw Malformed(reason: "the last row does not end") }
    return rows
  }

  /// Rows by the names of the header.
  static func records(_ text: String) throws -> [[String: String]] {
    let rows = try rows(text)
    let header = try #require(rows.first)
    #expect(Set(header).count == header.count)
    return try rows.dropFirst().map { row in
      try #require(row.count == header.count)
      return Dictionary(uniqueKeysWithValues: zip(header, row))
    }
  }
}

@Suite("The CSV report")
struct CSVTests {
  @Test("holds every value of every series to its last bit")
  func values() throws {
    let result = Variants.changed { result in
      result.series[1].median = 0.1 + 0.2
      result.series[1].ratio?.low = 1.0 / 3
      result.series[2].difference?.estimate = -Double.leastNonzeroMagnitude
      result.series[2].difference?.high = .greatestFiniteMagnitude
      result.series[3].qValue = 1e-9
      result.series[3].reference = ReferenceComparison(
        environment: "veth", ratio: Fixture.ratio(1.19, 1.17, 1.21), direction: .higher)
      result.series[4].exact = 0
      result.series[5].note = "a \"note\", of two; parts"
    }
    let text = CSVReport.render(result)
    let records = try StrictCSV.records(text)
    #expect(records.count == result.series.count + result.control.count)
    for (record, series) in zip(records, result.series) {
      #expect(record["role"] == "series" && record["run_id"] == result.run.id)
      #expect(record["scenario"] == "network-hop" && record["profile"] == "standard" && record["host"] == "build-07")
      #expect(record["started"].flatMap(ReportJSON.date) == result.run.started)
      #expect(record["environment"] == series.environment && record["workload"] == series.workload)
      #expect(record["metric"] == series.metric.rawValue && record["unit"] == series.unit.rawValue)
      #expect(record["direction"] == series.direction?.rawValue ?? "")
      #expect(record["note"] == series.note ?? "" && record["validity"] == "valid")
      #expect(record["reference_environment"] == series.reference?.environment ?? "")
      #expect(record["ratio_method"] == series.ratio?.method ?? "" && record["control_passed"] == "")
      expectNumbers(
        record,
        [
          "n_trials": Double(series.trials.count), "median": series.median, "exact": series.exact,
          "q_value": series.qValue, "reference_ratio": series.reference?.ratio?.estimate,
          "reference_ratio_low": series.reference?.ratio?.low, "reference_ratio_high": series.reference?.ratio?.high,
          "reference_difference": series.reference?.difference?.estimate,
        ])
      expectComparison(record, series.ratio, series.difference)
    }
    for (record, control) in zip(records.dropFirst(result.series.count), result.control) {
      #expect(record["role"] == "control" && record["environment"] == "native")
      #expect(record["workload"] == control.workload && record["metric"] == control.metric.rawValue)
      #expect(record["control_passed"] == "true" && record["note"] == control.reason)
      expectNumbers(record, ["n_trials": Double(control.trials.count), "median": control.median, "q_value": nil])
      expectComparison(record, control.ratio, control.difference)
    }
  }

  private func expectComparison(
    _ record: [String: String], _ ratio: IntervalEstimate?, _ difference: IntervalEstimate?
  ) {
    expectNumbers(
      record,
      [
        "ratio": ratio?.estimate, "ratio_low": ratio?.low, "ratio_high": ratio?.high,
        "ratio_confidence": ratio?.confidence, "ratio_n": ratio.map { Double($0.n) },
        "ratio_mde": ratio?.minimumDetectableEffect, "difference": difference?.estimate,
        "difference_low": difference?.low, "difference_high": difference?.high,
        "difference_confidence": difference?.confidence,
      ])
  }

  /// What is absent is an empty cell.
  private func expectNumbers(_ record: [String: String], _ values: [String: Double?]) {
    for (column, value) in values {
      let cell = record[column]
      #expect(cell != nil, "no column \(column)")
      if let value {
        #expect(cell.flatMap(Double.init)?.bitPattern == value.bitPattern, "\(column): \(cell ?? "") is not \(value)")
      } else {
        #expect(cell == "", "\(column)")
      }
    }
  }

  @Test("has one header and as many columns in each row, each row ended by CR LF")
  func form() throws {
    let text = CSVReport.render(Fixture.result)
    let rows = try StrictCSV.rows(text)
    #expect(rows.first == CSVReport.columns)
    #expect(rows.allSatisfy { $0.count == CSVReport.columns.count })
    #expect(text.hasSuffix("\r\n"))
    #expect(text.utf8.count { $0 == 10 } == rows.count && text.utf8.count { $0 == 13 } == rows.count)
    #expect(try StrictCSV.rows(CSVReport.render(Variants.empty)).count >= 1)
  }

  @Test("leaves out what is no number")
  func notFinite() throws {
    let result = Variants.changed { result in
      result.series[1].median = .nan
      result.series[1].ratio?.high = .infinity
    }
    let record = try StrictCSV.records(CSVReport.render(result))[1]
    #expect(record["median"] == "" && record["ratio_high"] == "" && record["ratio_low"] == "0.898")
  }

  @Test("says in each row why the run bears no verdict")
  func validity() throws {
    func standings(_ result: RunResult) throws -> [String: Set<String>] {
      try StrictCSV.records(CSVReport.render(result)).reduce(into: [:]) {
        $0[$1["workload"] ?? "", default: []].insert($1["validity"] ?? "")
      }
    }
    let one = try standings(Variants.oneFailedControl)
    #expect(one["udp-rr-spin"] == ["valid"])
    #expect(one["tcp-rr-spin"] == ["The control of tcp-rr-spin failed: the interval [1.01, 1.05] does not contain 1."])
    for (result, why) in [
      (Variants.manyVoided, "5 of 17 blocks were voided"), (Variants.interrupted, "The run was interrupted"),
      (Variants.injected, "This run is a test of the detector"),
    ] {
      let all = try standings(result).values.reduce(into: Set<String>()) { $0.formUnion($1) }
      let only = try #require(all.count == 1 ? all.first : nil)
      #expect(only.hasPrefix(why), "\(only)")
    }
    let failed = try StrictCSV.records(CSVReport.render(Variants.failedControl)).filter { $0["role"] == "control" }
    #expect(failed.count == 2 && failed.allSatisfy { $0["control_passed"] == "false" })
  }

  @Test(
    "lets no text be a formula",
    arguments: [
      "=cmd|'/C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\t=1", "\r=1", " =1", "\"=1", "'=1", "\" '=1", "＝1", "＋1", "－1",
      "＠x", "\u{A0}=1", "\0=1", "a;=1", "a; \"@x", ";＝1", "\u{FEFF}=1", "\u{301}=1",
    ])
  func formulas(text: String) throws {
    let result = Variants.changed { result in
      result.run.host.hostname = text
      result.series[0].note = text
      result.series[0].environment = text
    }
    let record = try StrictCSV.records(CSVReport.render(result))[0]
    for column in ["host", "note", "environment"] {
      let cell = try #require(record[column])
      #expect(!isFormula(cell), "\(cell)")
      #expect(cell.contains("'"))
    }
    // A negative number is none.
    #expect(record["ratio"] == "")
  }

  @Test(
    "leaves other text as it is", arguments: ["native", "a-b", "1 = 1", "x@y", "a; b", "−3", "it's", "", "layers-10"])
  func plain(text: String) {
    #expect(CSVReport.withoutFormulas(text) == text)
  }
}

/// Whether a spreadsheet would reckon with a cell, or with what it takes for one behind a semicolon.
func isFormula(_ cell: String) -> Bool {
  cell.unicodeScalars.split(separator: ";", omittingEmptySubsequences: false).contains { part in
    let head = part.first { !$0.properties.isWhitespace && $0 != "\"" }
    return head.map { "=+-@＝＋－＠".unicodeScalars.contains($0) } ?? false
  }
}
