import Foundation
import Model
import Testing

@testable import Reports

@Suite("Blocks in Go's benchmark format", .requiresReaders)
struct GoBenchmarkTests {
  private struct Reading: Decodable {
    struct Line: Decodable {
      var name: String
      var full: String
      var procs: Int?
      var keys: [String: String]
      var iterations: Int
      var values: [String: Double]
      var config: [String: String]
    }

    var results: [Line]
    var units: [String: [String: String]]
  }

  private func read(_ runs: [RunResult]) throws -> Reading {
    try Readers.read(
      NightExport.render(.benchstat, night: ExportNights.clean, runs: runs, history: []), as: "benchmarks")
  }

  @Test("give benchstat one sample a block, of every metric in its unit")
  func samples() throws {
    let reading = try read([Fixture.result])
    let lines = reading.results.filter { $0.keys == ["workload": "udp-rr-spin", "env": "bridge"] }
    #expect(lines.count == 12 && lines.allSatisfy { $0.name == "NetworkHop" && $0.procs == 2 && $0.iterations == 1 })
    func trials(_ metric: Metric) throws -> [Double] {
      try #require(
        Fixture.result.series.first {
          $0.metric == metric && $0.environment == "bridge" && $0.workload == "udp-rr-spin"
        }
      ).trials
    }
    #expect(try lines.map { try #require($0.values["ns/op"]) } == trials(.rttP50))
    #expect(try lines.map { try #require($0.values["rtt-p99-ns/op"]) } == trials(.rttP99))
    #expect(try lines.map { try #require($0.values["rate-op/s"]) } == trials(.rate))
    #expect(reading.results.count == 8 * 12)
    #expect(reading.units["ns/op"] == ["better": "lower"] && reading.units["rate-op/s"] == ["better": "higher"])
  }

  @Test("have no configuration that differs from run to run of one host and scenario")
  func configuration() throws {
    let config = try #require(try read([Fixture.result]).results.first).config
    #expect(
      config == ["goos": "linux", "goarch": "amd64", "pkg": "bench/network-hop", "cpu": "AMD EPYC 7B13"])
  }

  @Test("say which counts are exact, and write bytes for bits")
  func units() throws {
    var result = Fixture.result
    func series(_ metric: Metric, _ trials: [Double]) -> SeriesResult {
      SeriesResult(environment: "native", workload: "tcp-stream", metric: metric, trials: trials, median: trials[0])
    }
    result.series = [
      series(.softirqs, [4, 4, 4]), series(.systemCalls, [4, 5]), series(.throughput, [8e9, 1.6e10, .nan]),
    ]
    let reading = try read([result])
    #expect(reading.units["softirqs/op"]?["assume"] == "exact" && reading.units["system-calls/op"]?["assume"] == nil)
    #expect(reading.results.map { $0.values["throughput-B/s"] } == [1e9, 2e9, nil])
    // A line of each block, also where one metric has fewer.
    #expect(reading.results.map { $0.values["softirqs/op"] } == [4, 4, 4])
  }

  @Test("take every run of a night, and the runs without any value")
  func runs() throws {
    let reading = try read([Fixture.result, StorageRuns.cowIO, Variants.empty])
    #expect(Set(reading.results.map(\.name)).count == 2)
    #expect(
      Set(reading.results.compactMap { $0.config["pkg"] }) == [
        "bench/network-hop", "bench/\(StorageRuns.cowIO.run.scenario)",
      ])
    #expect(try read([]).results.isEmpty)
  }

  @Test("keep hostile names in one word, and apart")
  func hostile() throws {
    let readings: [Reading] = try Readers.read(
      all: Hostile.texts.map { GoBenchmarks.render([Variants.saying($0)]) }, as: "benchmarks")
    for (text, reading) in zip(Hostile.texts, readings) {
      #expect(reading.results.count == 8 * 12, "\(text)")
      #expect(Set(reading.results.map(\.full)).count == 8, "\(text)")
      #expect(reading.results.allSatisfy { Set($0.keys.keys) == ["workload", "env"] }, "\(text)")
      #expect(
        reading.results.allSatisfy { Set($0.config.keys).isSubset(of: ["goos", "goarch", "pkg", "cpu"]) }, "\(text)")
    }
  }

  @Test(
    "are read by a reader that refuses what is malformed",
    arguments: [
      "BenchmarkX-2 1 2\n", "BenchmarkX-2 1 2 ns/op 3\n", "BenchmarkX-2 1 NaN ns/op\n", "Benchmarkx 1 2 ns/op\n",
      "BenchmarkX-2 1 2 ns/op", "BenchmarkX-2 1 2 ns/op 3 ns/op\n", "Goos: linux\n", "goOs: linux\n",
    ])
  func malformed(_ text: String) {
    #expect(throws: Readers.Failure.self) { try Readers.read(text, as: "benchmarks", Reading.self) }
  }
}

@Suite("Blocks in hyperfine's JSON", .requiresReaders)
struct HyperfineTests {
  private struct Entry: Decodable {
    var command: String
    var mean: Double
    var stddev: Double?
    var median: Double
    var user: Double?
    var system: Double?
    var min: Double
    var max: Double
    var times: [Double]
    var exit_codes: [Int?]
    var parameters: [String: String]
  }

  private func read(_ runs: [RunResult]) throws -> [Entry] {
    try Readers.read(
      NightExport.render(.hyperfine, night: ExportNights.clean, runs: runs, history: []), as: "hyperfine")
  }

  @Test("have one time a block, in seconds, and the numbers that hyperfine makes of them")
  func values() throws {
    let entries = try read([Fixture.result])
    #expect(entries.count == 8)
    let entry = try #require(entries.first { $0.command == "network-hop udp-rr-spin bridge" })
    let trials = try #require(
      Fixture.result.series.first {
        $0.metric == .rttP50 && $0.environment == "bridge" && $0.workload == "udp-rr-spin"
      }
    ).trials
    #expect(entry.times == trials.map { $0 / 1e9 })
    #expect(
      entry.parameters == [
        "scenario": "network-hop", "workload": "udp-rr-spin", "environment": "bridge", "metric": "rtt_p50",
      ])
    var result = Fixture.result
    result.series = [
      SeriesResult(
        environment: "a", workload: "udp-rr-spin", metric: .rttP50, trials: [1e9, 2e9, 3e9, 6e9], median: nil),
      SeriesResult(environment: "b", workload: "udp-rr-spin", metric: .rttP50, trials: [5e8], median: nil),
    ]
    let few = try read([result])
    #expect(few[0].mean == 3 && few[0].median == 2.5 && few[0].min == 1 && few[0].max == 6)
    // sqrt((4 + 1 + 0 + 9) / 3)
    #expect(abs(try #require(few[0].stddev) - 2.160246899469287) < 1e-12)
    #expect(few[1].stddev == nil && few[1].median == 0.5)
  }

  @Test("leave null what was not measured, and leave out what is no time")
  func absent() throws {
    let entries = try read([Fixture.result])
    #expect(entries.allSatisfy { $0.user == nil && $0.system == nil && $0.exit_codes.allSatisfy { $0 == nil } })
    // The keys are there all the same.
    let text = try RunExport.render(.hyperfine, run: Fixture.result)
    #expect(text.contains("\"user\" : null") && text.contains("\"system\" : null"))
    let stream = Variants.changed { result in
      result.workloads[0].kind = .tcpStream
      result.workloads[1].kind = .randomIO
    }
    #expect(try read([stream, Variants.empty]).isEmpty)
  }

  @Test("keep hostile names apart")
  func hostile() throws {
    let readings: [[Entry]] = try Readers.read(
      all: Hostile.texts.map { try HyperfineJSON.render([Variants.saying($0)]) }, as: "hyperfine")
    for (text, entries) in zip(Hostile.texts, readings) {
      #expect(entries.count == 8 && Set(entries.map(\.command)).count == 8, "\(text)")
    }
  }
}

@Suite("A format of a night alone")
struct RunExportTests {
  @Test("is refused for a run, with what to do instead", arguments: ExportFormat.allCases)
  func refused(_ format: ExportFormat) throws {
    if format.isOfRuns {
      #expect(try RunExport.render(format, run: Fixture.result).hasSuffix("\n"))
    } else {
      let error = try #require(throws: UserError.self) { try RunExport.render(format, run: Fixture.result) }
      #expect(error.exitCode == .usage && error.remedy != nil && error.message.contains("'\(format.rawValue)'"))
    }
  }

  @Test("has a file name of its own")
  func names() {
    #expect(Set(ExportFormat.allCases.map(\.fileName)).count == ExportFormat.allCases.count)
  }
}
