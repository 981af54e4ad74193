internal import Analysis
internal import Benchmark
internal import Capture
internal import Foundation
internal import Model
internal import Regression
internal import Reports
internal import Statistics
internal import Store

/// What the program computes around the measuring: nothing of it runs while a window is open, but a run waits for most
/// of it between two windows, and a reader for the rest.
let benchmarks: @Sendable () -> Void = {
  Benchmark.defaultConfiguration = .init(
    metrics: [.wallClock, .peakMemoryResident], warmupIterations: 1, maxDuration: .seconds(2),
    maxIterations: 10_000)

  statistics()
  nightly()
  histograms()
  capture()
  analysis()
  reports()
  store()
}

// What the benchmarks work on. Each has a process of its own, and globals are made when they are first used: in the
// warm-up, and only those that the benchmark needs, so that its peak memory is its own.
private let pairs = Fixture.pairs(count: 40, series: 500)
private let evidence = Fixture.evidence(result, nights: 90)
private let year = Fixture.overheads(series: 500, nights: 365)
private let nights = Fixture.overheads(series: 500, nights: 1001)
private let history = nights.map { $0.dropLast().map(Optional.some) }
private let tonight = nights.map(\.last)
private let samples = Fixture.roundTrips(count: 1_000_000, seed: 1)
private let histogram = LatencyHistogram(samples: samples)
private let otherHistogram = LatencyHistogram(samples: Fixture.roundTrips(count: 1_000_000, seed: 2))
private let encoded = histogram.encoded
private let run = Fixture.run(blocks: 40, workloads: 4)
private let frames = FramesFixture(count: 1_000_000)
private let traces = TracesFixture(roundTrips: 1_250_000)
private let result: RunResult = {
  var result = RunAnalysis.analyze(Fixture.run(blocks: 40, workloads: 12))
  result.series.removeLast(result.series.count - 500)
  return result
}()
private let otherResult: RunResult = {
  var result = result
  result.run.id += "-again"
  return result
}()

// MARK: - Statistics

private func statistics() {
  Benchmark("Statistics: a paired comparison, n = 40", configuration: .init(scalingFactor: .kilo)) { benchmark in
    for iteration in benchmark.scaledIterations {
      let pair = pairs[iteration % pairs.count]
      blackHole(
        try PairedComparison.compare(
          environment: pair.environment, baseline: pair.baseline, scale: .ratio, confidence: 0.99))
    }
  }

  Benchmark("Statistics: 500 series, n = 40, adjusted") { _ in
    var p: [Double] = []
    p.reserveCapacity(pairs.count)
    for pair in pairs {
      p.append(
        try PairedComparison.compare(
          environment: pair.environment, baseline: pair.baseline, scale: .ratio, confidence: 0.99
        ).pValue)
    }
    blackHole(MultipleTesting.benjaminiHochberg(p))
  }
}

// MARK: - Nightly

private func nightly() {
  Benchmark("NightJudge: a run of 500 series against 90 nights") { _ in blackHole(NightJudge.judge(evidence)) }

  Benchmark("EDivisive: 500 series × 365 nights") { _ in
    let settings = EDivisive.Settings(largestPValue: 1e-5, shortestLevel: 3)
    for series in year { blackHole(EDivisive.changePoints(series, settings: settings)) }
  }

  Benchmark("Screening: 500 series × 1000 nights") { _ in
    blackHole(
      Screening.screen(
        history: history, tonight: tonight, isCost: [Bool](repeating: true, count: tonight.count)))
  }
}

// MARK: - Histograms

private func histograms() {
  Benchmark("LatencyHistogram: from 1 M samples") { _ in blackHole(LatencyHistogram(samples: samples)) }

  Benchmark("LatencyHistogram: merge two of 1 M samples") { _ in
    var merged = histogram
    merged.merge(otherHistogram)
    blackHole(merged)
  }

  Benchmark("LatencyHistogram: encode 1 M samples") { _ in blackHole(histogram.encoded) }

  Benchmark("LatencyHistogram: decode 1 M samples") { _ in blackHole(try LatencyHistogram(encoded: encoded)) }

  Benchmark("LatencyHistogram: four quantiles of 1 M samples") { _ in
    for quantile in [0.5, 0.9, 0.99, 0.999] { blackHole(histogram.quantile(quantile)) }
  }
}

// MARK: - Capture

private func capture() {
  Benchmark("Capture: decode 1 M frames") { _ in
    var sum: UInt64 = 0
    for index in 0..<frames.count {
      frames.withFrame(index) { frame in
        let packet = try? PacketDecoder.decode(frame, linkType: .ethernet, originalLength: frame.byteCount)
        sum &+= packet?.message?.sequence ?? 0
      }
    }
    blackHole(sum)
  }

  // Four taps see each request and each reply.
  Benchmark("Capture: match 10 M sights of 1.25 M round trips") { _ in
    blackHole(
      RoundTripMatcher.match(
        points: traces.points, client: traces.client, at: traces.clientPoints, server: traces.server,
        at: traces.serverPoints, taps: traces.taps))
  }
}

// MARK: - Analysis

private func analysis() {
  Benchmark("RunAnalysis: 40 blocks × 4 environments × 4 workloads") { _ in blackHole(RunAnalysis.analyze(run)) }

  Benchmark("RunAnalysis: is a run of 40 blocks decided?") { _ in blackHole(RunAnalysis.isDecided(run)) }
}

// MARK: - Reports

private func reports() {
  Benchmark("Reports: HTML of 500 series × 40 blocks") { _ in blackHole(try HTMLReport.render(result)) }

  Benchmark("Reports: Markdown of 500 series × 40 blocks") { _ in blackHole(MarkdownReport.render(result)) }

  Benchmark("Reports: JSON of 500 series × 40 blocks") { _ in blackHole(try JSONResult.encode(result)) }

  Benchmark("Reports: CSV of 500 series × 40 blocks") { _ in blackHole(CSVReport.render(result)) }

  Benchmark("RunComparing: 500 series × 40 blocks with as many") { _ in
    blackHole(try RunComparing.compare(result, otherResult))
  }
}

// MARK: - Store

private func store() {
  let directory = FileManager.default.temporaryDirectory.appending(path: "bench-hot-paths-\(UUID().uuidString)")
  let record = Fixture.run(blocks: 0, workloads: 1).record
  var store: RunStore?
  var trial = Fixture.trial(
    block: 0, environment: "native", isControl: false, workload: record.workloads[0], histogram: LatencyHistogram(),
    rtt: 8000)

  // Durable: on a disk this waits for the disk, on a file system in memory it does not. TMPDIR says where.
  Benchmark("Store: append a trial of 100 000 samples") { benchmark in
    benchmark.startMeasurement()
    try store?.append(trial, run: record.id)
    benchmark.stopMeasurement()
    trial.block += 1
  } setup: {
    trial.histogram = LatencyHistogram(samples: Fixture.roundTrips(count: 100_000, seed: 3))
    store = try RunStore(path: directory.appending(path: "store.sqlite").path)
    try store?.begin(record)
  } teardown: {
    store = nil
    try FileManager.default.removeItem(at: directory)
  }
}
