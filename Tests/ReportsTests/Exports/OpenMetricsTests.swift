import Foundation
import Model
import PlainText
import Testing

@testable import Reports

/// A family of metrics, as `read.py` found it.
struct ReadFamily: Decodable {
  struct Sample: Decodable, Equatable {
    var name: String
    var labels: [String: String]
    var value: Double
    var stamped: Bool
  }

  var name: String
  var type: String
  var unit: String
  var help: String
  var samples: [Sample]
}

@Suite("OpenMetrics text", .requiresReaders)
struct OpenMetricsTests {
  private static let hostileTexts =
    Hostile.texts + ["\\", "\\n", "\"", "\\\"", "{a=\"b\"} 1 # x", "\u{E9}\u{4E16}\u{1F600}"]

  /// Of each text two series; the second differs in what cannot be seen.
  private static let hostileNight = ExportNights.changed { night in
    night.series = hostileTexts.flatMap { text in
      [text, text + "\u{200B}"].map { ExportNights.series(ExportNights.key("bridge" + $0), .steady, 1.25) }
    }
    night.night.suite = hostileTexts.joined()
  }

  private func families(_ text: String, as format: String = "openmetrics") throws -> [String: ReadFamily] {
    let families: [ReadFamily] = try Readers.read(text, as: format)
    return Dictionary(uniqueKeysWithValues: families.map { ($0.name, $0) })
  }

  private func value(_ families: [String: ReadFamily], _ name: String, _ labels: [String: String]) throws -> Double {
    let samples = try #require(families[name], "\(name)").samples.filter { sample in
      labels.allSatisfy { sample.labels[$0.key] == $0.value }
    }
    try #require(samples.count == 1, "\(samples)")
    return samples[0].value
  }

  @Test("gives every value of a night in base units, to its last bit")
  func values() throws {
    let families = try families(NightExport.render(.openmetrics, night: ExportNights.clean, runs: [], history: []))
    let bridge = ["scenario": "network-hop", "workload": "udp-rr-spin", "environment": "bridge", "metric": "rtt_p50"]
    #expect(try value(families, "bench_overhead_ratio", bridge) == 1.38)
    #expect(try value(families, "bench_overhead_low_ratio", bridge) == 1.38 * 0.98)
    #expect(try value(families, "bench_series_shift_ratio", bridge) == 1.38 / 1.3)
    #expect(try value(families, "bench_series_state", bridge.merging(["state": "moved"]) { $1 }) == 1)
    #expect(try value(families, "bench_level_seconds", ["metric": "rtt_p50"]) == 8_124 / 1e9)
    #expect(try value(families, "bench_level_operations_per_second", ["metric": "rate"]) == 118_200)
    #expect(try value(families, "bench_level_bytes_per_second", ["metric": "throughput"]) == 1e9)
    #expect(try value(families, "bench_counted_bytes", ["metric": "bytes_copied"]) == 67_108_864)
    #expect(try value(families, "bench_counted_events_per_operation", ["metric": "softirqs"]) == 4)
    #expect(try value(families, "bench_confirmation_ratio", ["environment": "veth"]) == 1.004)
    #expect(try value(families, "bench_night_verdict", ["verdict": "clean"]) == 1)
    #expect(try value(families, "bench_night_verdict", ["verdict": "regression"]) == 0)
    #expect(try value(families, "bench_night_timestamp_seconds", [:]) == 1_796_005_800.5)
    #expect(try value(families, "bench_night_info", ["night": "20261130-020000-7f3a"]) == 1)
    // What is not known is absent.
    #expect(families["bench_confirmation_ratio"]?.samples.contains { $0.labels["environment"] == "slirp" } == false)
    #expect(families.values.allSatisfy { $0.type == "gauge" && !$0.help.isEmpty })
    #expect(families["bench_level_seconds"]?.unit == "seconds")
    // A unit is the end of its family's name.
    #expect(families.values.allSatisfy { $0.unit.isEmpty || $0.name.hasSuffix("_\($0.unit)") })
  }

  @Test("gives a run's overheads, levels and counts")
  func run() throws {
    var result = Fixture.result
    result.series.append(
      SeriesResult(
        environment: "bridge", workload: "udp-rr-spin", metric: .softirqs, trials: [4, 4], median: 4, exact: 4))
    let families = try families(RunExport.render(.openmetrics, run: result))
    let bridge = ["environment": "bridge", "workload": "udp-rr-spin", "metric": "rtt_p50"]
    #expect(try value(families, "bench_overhead_ratio", bridge) == 1.302)
    #expect(try value(families, "bench_level_seconds", bridge) == 10_604 / 1e9)
    #expect(try value(families, "bench_counted_events_per_operation", ["metric": "softirqs"]) == 4)
    #expect(try value(families, "bench_run_valid", ["workload": "udp-rr-spin"]) == 1)
    let invalid = try self.families(OpenMetricsExport.render(Variants.oneFailedControl))
    #expect(try value(invalid, "bench_run_valid", ["workload": "tcp-rr-spin"]) == 0)
  }

  @Test("is the same to the parser of the Prometheus text format, and nothing that node_exporter refuses")
  func prometheus() throws {
    for (name, night) in ExportNights.all {
      let text = OpenMetricsExport.render(night)
      let open = try families(text)
      let old = try families(text, as: "prometheus")
      #expect(Set(open.keys) == Set(old.keys), "\(name)")
      for (name, family) in open {
        #expect(family.samples == old[name]?.samples && old[name]?.type == "gauge", "\(name)")
        // Its textfile collector takes no timestamps.
        #expect(family.samples.allSatisfy { !$0.stamped })
      }
    }
  }

  @Test("passes promtool's checks, names and units included")
  func promtool() throws {
    var documents = ExportNights.all.values.map { OpenMetricsExport.render($0) }
    documents += [Fixture.result, StorageRuns.cowIO, Variants.empty].map { OpenMetricsExport.render($0) }
    documents += [Self.hostileNight, ExportNights.saying(Hostile.texts.joined())].map { OpenMetricsExport.render($0) }

    for document in documents {
      try Readers.withFile(document) { path in
        let said = try Readers.run(Readers.promtool, ["check", "metrics"], input: path)
        #expect(said.isEmpty, "\(String(decoding: said, as: UTF8.self))")
      }
    }
    // It is not one that takes anything.
    _ = try Readers.withFile("# TYPE a gauge\na{b=\"c\"} 1\na{b=\"c\"} 2\n") { path in
      #expect(throws: Readers.Failure.self) { try Readers.run(Readers.promtool, ["check", "metrics"], input: path) }
    }
  }

  @Test("brings labels through both parsers as they are, and tells two apart that became alike")
  func hostile() throws {
    let texts = Self.hostileTexts
    let text = OpenMetricsExport.render(Self.hostileNight)
    for format in ["openmetrics", "prometheus"] {
      let family = try #require(try families(text, as: format)["bench_overhead_ratio"])
      #expect(family.samples.count == texts.count * 2)
      #expect(Set(family.samples.map(\.labels)).count == texts.count * 2)
      let names = Set(family.samples.compactMap { $0.labels["environment"] })
      #expect(names == Set(texts.map { InertText.name("bridge" + $0, limit: 120) }))
    }
  }

  @Test("writes nothing for what is no number")
  func numbers() throws {
    let night = ExportNights.changed { night in
      night.series = [
        ExportNights.series(ExportNights.key("a"), .steady, .nan),
        ExportNights.series(ExportNights.key("b"), .steady, .infinity),
        ExportNights.series(ExportNights.key("c"), .steady, 1e-300),
      ]
    }
    let text = OpenMetricsExport.render(night)
    #expect(!text.lowercased().contains("nan") && !text.lowercased().contains("inf\n"))
    #expect(try families(text)["bench_overhead_ratio"]?.samples.map(\.value) == [1e-300])
  }
}
