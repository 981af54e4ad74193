import Analysis
import Foundation
import Model
import Testing

/// Runs on files whose truth is known: opening a file for writing takes intercept + slope · size.
struct SyntheticFiles {
  struct Place {
    var name: String
    var reference: String?
    var intercept: Double
    var slope: Double
    /// Bytes copied of a file of some size; exact.
    var copied: (Int) -> Double

    init(
      _ name: String, of reference: String? = nil, _ intercept: Double, _ slope: Double,
      copied: @escaping (Int) -> Double = { _ in 8192 }
    ) {
      self.name = name
      self.reference = reference
      self.intercept = intercept
      self.slope = slope
      self.copied = copied
    }
  }

  static let sizes = [4096, 1 << 20, 64 << 20, 1 << 30]
  /// A durable write takes this long, in ns, in every environment.
  static let durable = 100_000.0

  var seed: UInt64 = 2
  var blocks = 12
  var places = [
    Place("plain-ext4", 20_000, 0), Place("plain-xfs", 25_000, 0),
    Place("overlayfs-ext4", of: "plain-ext4", 800_000, 4, copied: { Double($0) }),
    Place("overlayfs-xfs", of: "plain-xfs", 100_000, 0),
  ]
  /// How many ns a byte the baseline's twin takes longer.
  var controlSlope = 0.0
  var noise = 0.02
  var claims: [ClaimSpec] = []
  var noiseClass = HostNoise.quiet
  var workloads = SyntheticFiles.sizes.map {
    WorkloadSpec(name: "copy-\($0)", kind: .copyUp, wait: .block, files: FileWork(size: $0))
  }

  static func claim(
    _ id: String, _ environment: String, above: Double, margin: Double = 0.1, metric: Metric = .openForWriting,
    over sizes: [Int] = SyntheticFiles.sizes
  ) -> ClaimSpec {
    ClaimSpec(
      id: id, section: "section", statement: "statement", workload: "copy-\(sizes.max() ?? 0)", metric: metric,
      environment: environment, quantity: .slope,
      overWorkloads: Dictionary(uniqueKeysWithValues: sizes.map { ("copy-\($0)", Double($0)) }),
      region: ClaimRegion(above: above), margin: margin, supportedReason: "\(id) holds",
      refutedReason: "\(id) does not hold")
  }

  func run() -> StoredRun {
    let profile = Profile(windowMilliseconds: 100, warmupMilliseconds: 0, budgetSeconds: 10, looks: [8, 12, 18])
    let scenario = Scenario(
      name: "files", title: "t", description: "d", baseline: places[0].name, environments: places.map(\.name),
      workloads: workloads, profiles: [.quick: profile], claims: claims)
    let record = RunRecord(
      id: "20260101-000000-0001", scenario: scenario, profileName: .quick, profile: profile,
      environments: places.map { EnvironmentRecord(name: $0.name, summary: "s", layer: "l", reference: $0.reference) },
      workloads: workloads.map(\.name), seed: seed, started: Date(timeIntervalSince1970: 1_767_225_600),
      host: HostFacts(hostname: "h", kernel: "k", architecture: "x86_64", cpuCount: 2), workerSHA256: "ab",
      version: "0", command: "bench run files", exit: .completed)
    var generator = NormalGenerator(seed: seed)
    var run = StoredRun(record: record, blocks: [], trials: [])
    for block in 0..<blocks {
      let shared = 0.03 * generator.next()
      var position = 0
      for workload in workloads {
        for (place, isControl) in places.map({ ($0, false) }) + [(places[0], true)] {
          let size = workload.files?.size ?? 1
          let slope = isControl ? controlSlope : place.slope
          let truth = place.intercept + slope * Double(size)
          let time = truth * exp(shared + noise * generator.next())
          run.trials.append(
            Trial(
              block: block, position: position, environment: place.name, isControl: isControl,
              workload: workload.name, started: record.started, windowNanoseconds: 1_000_000,
              values: [
                .openForWriting: time, .firstDurable: time + Self.durable, .metadataChange: time / 2,
                .secondDurable: Self.durable, .bytesCopied: place.copied(size),
              ], histogram: LatencyHistogram(samples: []), messages: MessageCounts(sent: 0, completed: 0),
              attestation: Attestation(hops: [], failures: []),
              noise: TrialNoise(
                stealShare: 0, foreignCPUShare: 0.001, runDelayShare: nil,
                canaryNanoseconds: 1000 + generator.next())))
          position += 1
        }
      }
      run.blocks.append(BlockRecord(index: block, voidReasons: [], noiseClass: noiseClass))
    }
    return run
  }
}

extension RunResult {
  fileprivate func line(_ environment: String, _ metric: Metric = .openForWriting) -> LineResult? {
    lines?.first { $0.environment == environment && $0.metric == metric }
  }
}

@Suite("How a time grows with the size of a file")
struct LineResultTests {
  @Test("is a line for each environment and metric, with the truth in its intervals")
  func recovered() throws {
    let result = RunAnalysis.analyze(SyntheticFiles().run())
    let lines = try #require(result.lines)
    #expect(lines.count == 12)
    #expect(lines.prefix(3).map(\.metric) == [.openForWriting, .firstDurable, .metadataChange])
    #expect(lines.prefix(3).allSatisfy { $0.environment == "plain-ext4" && $0.unit == .nanoseconds })
    let copied = try #require(result.line("overlayfs-ext4"))
    let (intercept, slope) = (try #require(copied.intercept), try #require(copied.slope))
    #expect(intercept.low < 800_000 && 800_000 < intercept.high && abs(intercept.estimate - 800_000) < 30_000)
    #expect(slope.low < 4 && 4 < slope.high && abs(slope.estimate - 4) < 0.15)
    #expect(intercept.n == 12 && slope.confidence == 0.99 && copied.note == nil, "\(copied.note ?? "")")
    let shared = try #require(result.line("overlayfs-xfs"))
    let flat = try #require(shared.slope)
    #expect(flat.low < 0 && 0 < flat.high && flat.high < 1e-4)
    let change = try #require(result.line("overlayfs-ext4", .metadataChange)?.slope)
    #expect(abs(change.estimate - 2) < 0.1)
  }

  @Test("has a point a size: median and ends of the blocks' values, and how many writes make up for it")
  func points() throws {
    let run = SyntheticFiles().run()
    let result = RunAnalysis.analyze(run)
    let line = try #require(result.line("overlayfs-ext4"))
    #expect(line.points.map(\.size) == SyntheticFiles.sizes)
    #expect(line.points.map(\.workload) == SyntheticFiles.sizes.map { "copy-\($0)" })
    for point in line.points {
      func row(_ environment: String) -> SeriesResult? {
        result.series.first {
          $0.environment == environment && $0.workload == point.workload && $0.metric == .openForWriting
        }
      }
      let (here, there) = (try #require(row("overlayfs-ext4")), try #require(row("plain-ext4")))
      #expect(point.median == here.median && point.low == here.trials.min() && point.high == here.trials.max())
      let expected = (point.median - (try #require(there.median))) / SyntheticFiles.durable
      #expect(abs(try #require(point.breakEvenWrites) - expected) < 1e-9 * expected)
    }
    // A whole GiB: 4.3 s, that is 43 000 durable writes.
    #expect(abs(try #require(line.points.last?.breakEvenWrites) / 42_950 - 1) < 0.1)
    // Held against its own plain file system.
    let shared = try #require(result.line("overlayfs-xfs")?.points.first?.breakEvenWrites)
    #expect(abs(shared - 0.75) < 0.1)
    for plain in ["plain-ext4", "plain-xfs"] {
      #expect(try #require(result.line(plain)).points.allSatisfy { $0.breakEvenWrites == nil })
    }
    #expect(try #require(result.line("overlayfs-ext4", .firstDurable)).points.allSatisfy { $0.breakEvenWrites == nil })
  }

  @Test("has nothing to make up for where opening takes no longer, or where the reference could not run")
  func breakEven() throws {
    var synthetic = SyntheticFiles()
    synthetic.places.append(.init("tmpfs", 1000, 0))
    synthetic.places.append(.init("docker-layer", 500_000, 4))
    var run = synthetic.run()
    run.record.environments[1].unavailable = "no mkfs.xfs"
    run.trials.removeAll { $0.environment == "plain-xfs" }
    let result = RunAnalysis.analyze(run)
    #expect(try #require(result.line("tmpfs")).points.allSatisfy { $0.breakEvenWrites == nil })
    #expect(try #require(result.line("overlayfs-xfs")).points.allSatisfy { $0.breakEvenWrites == nil })
    // Without a reference of its own: against the baseline.
    #expect(abs(try #require(result.line("docker-layer")?.points.first?.breakEvenWrites) - 4.96) < 0.4)
    #expect(result.line("plain-xfs") == nil)
  }

  @Test("takes three sizes of workloads that differ in nothing else")
  func families() throws {
    func workload(_ name: String, _ size: Int, _ cache: FileWork.Cache, count: Int = 1) -> WorkloadSpec {
      WorkloadSpec(name: name, kind: .copyUp, wait: .block, files: FileWork(size: size, count: count, cache: cache))
    }
    var synthetic = SyntheticFiles()
    synthetic.workloads = [
      workload("c3", 3 << 20, .cold), workload("w1", 1 << 20, .warm), workload("c1", 1 << 20, .cold, count: 9),
      workload("w2", 2 << 20, .warm), workload("c2", 2 << 20, .cold, count: 3),
    ]
    let lines = try #require(RunAnalysis.analyze(synthetic.run()).lines)
    #expect(lines.count == 12 && lines.allSatisfy { $0.points.map(\.workload) == ["c1", "c2", "c3"] })
    synthetic.workloads.removeFirst()
    #expect(RunAnalysis.analyze(synthetic.run()).lines == nil)
    #expect(RunAnalysis.analyze(Synthetic().run()).lines == nil)
  }

  @Test("is not drawn through what is missing, nor through too few blocks, and says so")
  func missing() throws {
    var run = SyntheticFiles().run()
    for place in run.trials.indices
    where run.trials[place].environment == "overlayfs-xfs" && run.trials[place].workload == "copy-4096" {
      run.trials[place].values[.openForWriting] = nil
      run.trials[place].unavailable[.openForWriting] = "the file was open"
    }
    let line = try #require(RunAnalysis.analyze(run).line("overlayfs-xfs"))
    #expect(line.points.count == 3 && line.slope == nil && line.intercept == nil)
    #expect(line.note == "copy-4096: the file was open")
    let short = try #require(RunAnalysis.analyze(SyntheticFiles(blocks: 3).run()).line("overlayfs-ext4"))
    #expect(short.points.count == 4 && short.slope == nil && short.points[0].breakEvenWrites != nil)
    #expect(try #require(short.note).contains("3 blocks are too few"))
  }
}

@Suite("A claim may be about a slope over workloads")
struct WorkloadSlopeClaimTests {
  private let claims = [
    SyntheticFiles.claim("copies", "overlayfs-ext4", above: 0.5),
    SyntheticFiles.claim("copies-reflink", "overlayfs-xfs", above: 0.5),
    SyntheticFiles.claim("bytes", "overlayfs-ext4", above: 0.9, metric: .bytesCopied),
    SyntheticFiles.claim("bytes-reflink", "overlayfs-xfs", above: 0.9, metric: .bytesCopied),
  ]

  @Test("supported where the file is copied, refuted where it is shared")
  func verdicts() throws {
    let result = RunAnalysis.analyze(SyntheticFiles(claims: claims).run())
    let copies = try #require(result.claim("copies"))
    #expect(copies.verdict == .supported && copies.n == 12, "\(copies)")
    #expect(abs(try #require(copies.estimate) - 4) < 0.15)
    #expect(result.claim("copies-reflink")?.verdict == .refuted)
    let bytes = try #require(result.claim("bytes"))
    #expect(bytes.verdict == .supported)
    #expect(abs(try #require(bytes.estimate) - 1) < 1e-9)
    #expect(bytes.low == bytes.high)
    let none = try #require(result.claim("bytes-reflink"))
    #expect(none.verdict == .refuted && none.estimate == 0 && none.low == 0 && none.high == 0)
  }

  @Test("the same as the line in the result, over all blocks")
  func agreesWithLine() throws {
    var run = SyntheticFiles(blocks: 8, claims: claims).run()
    let result = RunAnalysis.analyze(run)
    let line = try #require(result.line("overlayfs-ext4")?.slope)
    let claim = try #require(result.claim("copies"))
    #expect(claim.estimate == line.estimate && claim.low == line.low && claim.high == line.high)
    run = SyntheticFiles(blocks: 10, claims: claims).run().voiding([2])
    let all = RunAnalysis.analyze(run).noise.withVoided
    #expect(all.map(\.claim) == ["copies", "copies-reflink", "bytes", "bytes-reflink"] && all[0].interval.n == 10)
  }

  @Test("not given where the control's line is another than the baseline's")
  func control() throws {
    let result = RunAnalysis.analyze(SyntheticFiles(controlSlope: 0.3, claims: claims).run())
    let claim = try #require(result.claim("copies"))
    #expect(claim.verdict == .inconclusive)
    #expect(claim.reason.contains("the baseline differs from itself"), "\(claim.reason)")
    #expect(result.claim("bytes")?.verdict == .supported)
    // A slope that is too uncertain for the question, though it is 0.
    let fine = SyntheticFiles.claim("fine", "overlayfs-ext4", above: 0.5, margin: 1e-12)
    let other = try #require(RunAnalysis.analyze(SyntheticFiles(claims: [fine]).run()).claim("fine"))
    #expect(other.verdict == .inconclusive && other.reason.contains("half the margin"), "\(other.reason)")
  }

  @Test("unavailable where a workload of the line was not part of the run")
  func missing() throws {
    var run = SyntheticFiles(claims: claims).run()
    run.record.workloads.removeAll { $0 == "copy-4096" || $0 == "copy-1048576" }
    let result = RunAnalysis.analyze(run)
    #expect(result.claim("copies")?.verdict == .unavailable)
    #expect(
      result.claim("copies")?.reason
        == "The workload copy-4096 was not part of this run (profile quick). "
        + "The workload copy-1048576 was not part of this run (profile quick).")
    #expect(result.lines == nil)
    var elsewhere = SyntheticFiles(claims: claims).run()
    elsewhere.record.environments[2].unavailable = "no overlay"
    elsewhere.trials.removeAll { $0.environment == "overlayfs-ext4" }
    #expect(
      RunAnalysis.analyze(elsewhere).claim("copies")?.reason
        == "The environment overlayfs-ext4 could not run here: no overlay")
  }

  @Test("of counts that repeat stands on a disturbed host; of times it does not")
  func disturbed() {
    let result = RunAnalysis.analyze(SyntheticFiles(claims: claims, noiseClass: .hostile).run())
    #expect(result.claim("bytes")?.verdict == .supported && result.claim("bytes-reflink")?.verdict == .refuted)
    #expect(result.claim("copies")?.verdict == .inconclusive)
  }

  @Test("of a value that is not positive at one size has no line, and says so")
  func notPositive() throws {
    var synthetic = SyntheticFiles(claims: [claims[3]])
    synthetic.places[3].copied = { $0 == 4096 ? 4096 : 0 }
    let claim = try #require(RunAnalysis.analyze(synthetic.run()).claim("bytes-reflink"))
    #expect(claim.verdict == .inconclusive && claim.reason.contains("not positive"), "\(claim.reason)")
  }
}

@Suite("An environment may have a reference of its own")
struct ReferenceTests {
  private func row(_ result: RunResult, _ environment: String, _ metric: Metric = .openForWriting) -> SeriesResult? {
    result.series.first { $0.environment == environment && $0.workload == "copy-4096" && $0.metric == metric }
  }

  @Test("and is then held against both")
  func both() throws {
    let result = RunAnalysis.analyze(SyntheticFiles().run())
    let layered = try #require(row(result, "overlayfs-xfs"))
    let reference = try #require(layered.reference)
    #expect(reference.environment == "plain-xfs" && reference.direction == .higher && reference.note == nil)
    #expect(abs(try #require(reference.ratio).estimate - 4) < 0.2)
    #expect(abs(try #require(reference.difference).estimate - 75_000) < 4_000)
    #expect(abs(try #require(layered.ratio).estimate - 5) < 0.25)
    // A reference that is the baseline is what every row has; what has none has none.
    for other in ["plain-ext4", "plain-xfs", "overlayfs-ext4"] { #expect(row(result, other)?.reference == nil) }
    // Counts repeat exactly: a ratio that is a point.
    let bytes = try #require(row(result, "overlayfs-xfs", .bytesCopied)?.reference)
    #expect(bytes.ratio?.low == 1 && bytes.ratio?.high == 1 && bytes.direction == .undecided)
  }

  @Test("that could not run, or was not part of the run, is none")
  func missing() throws {
    var run = SyntheticFiles().run()
    run.trials.removeAll { $0.environment == "plain-xfs" }
    run.record.environments[1].unavailable = "no mkfs.xfs"
    #expect(row(RunAnalysis.analyze(run), "overlayfs-xfs")?.reference == nil)
    run.record.environments.remove(at: 1)
    let alone = try #require(row(RunAnalysis.analyze(run), "overlayfs-xfs"))
    #expect(alone.reference == nil && alone.ratio != nil)
  }

  @Test("without the metric, or with too few blocks, there is a note instead of numbers")
  func note() throws {
    var run = SyntheticFiles().run()
    for place in run.trials.indices where run.trials[place].environment == "plain-xfs" {
      run.trials[place].values[.bytesCopied] = nil
      run.trials[place].unavailable[.bytesCopied] = "no FIEMAP"
    }
    let reference = try #require(row(RunAnalysis.analyze(run), "overlayfs-xfs", .bytesCopied)?.reference)
    #expect(reference.ratio == nil && reference.difference == nil && reference.direction == nil)
    #expect(reference.note == "plain-xfs has none: no FIEMAP")
    let few = try #require(row(RunAnalysis.analyze(SyntheticFiles(blocks: 2).run()), "overlayfs-xfs")?.reference)
    #expect(few.ratio == nil && few.note?.contains("too few") == true)
  }
}

@Suite("How a store of images grows")
struct GrowthTests {
  private func run(kind: WorkloadSpec.Kind = .imageRebuild, _ usage: (_ block: Int, _ step: Int) -> ImageUsage)
    -> StoredRun
  {
    var synthetic = SyntheticFiles(blocks: 9)
    synthetic.places = [.init("deploy-plain", 1, 0), .init("image-overlayfs", 1, 0)]
    synthetic.workloads = [WorkloadSpec(name: "kept", kind: kind, wait: .block, files: FileWork(rebuilds: 4))]
    var run = synthetic.run()
    for place in run.trials.indices where run.trials[place].environment == "image-overlayfs" {
      run.trials[place].growth = (0..<4).map { usage(run.trials[place].block, $0) }
    }
    return run
  }

  private func usage(_ total: Double) -> ImageUsage {
    ImageUsage(total: total, reclaimable: total / 2, shared: 10, unique: total / 4)
  }

  @Test("is medians over the blocks, after each rebuild")
  func medians() throws {
    let result = RunAnalysis.analyze(run { block, step in usage(Double(100 * (step + 1) + (block == 3 ? 50 : 0))) })
    #expect(
      result.growth == [
        GrowthResult(
          environment: "image-overlayfs", workload: "kept",
          steps: [100, 200, 300, 400].map(usage), isMonotonic: true)
      ])
    #expect(result.ladders.isEmpty && result.lines == nil)
  }

  @Test("is not called monotonic where it shrank once in one block")
  func monotonic() throws {
    let growth = RunAnalysis.analyze(
      run { block, step in usage(block == 5 && step == 2 ? 150 : Double(100 * (step + 1))) }
    )
    .growth
    #expect(growth?.first?.isMonotonic == false)
    let flat = RunAnalysis.analyze(run { _, _ in usage(100) }).growth
    #expect(flat?.first?.isMonotonic == true)
  }

  @Test("is nothing where no image was rebuilt, and shorter where a trial was cut short")
  func none() throws {
    #expect(RunAnalysis.analyze(SyntheticFiles().run()).growth == nil)
    #expect(RunAnalysis.analyze(run(kind: .lookup) { _, _ in usage(1) }).growth == nil)
    var cut = run { _, step in usage(Double(step)) }
    let place = try #require(cut.trials.firstIndex { $0.growth != nil })
    cut.trials[place].growth?.removeLast()
    #expect(RunAnalysis.analyze(cut).growth?.first?.steps.count == 3)
  }
}

@Suite("A run on files")
struct FileRunTests {
  @Test("has no ladder, and says plainly what could not run")
  func ladder() {
    var run = SyntheticFiles().run()
    run.record.environments[1].unavailable = "mkfs.xfs is not installed."
    run.trials.removeAll { $0.environment == "plain-xfs" }
    let result = RunAnalysis.analyze(run)
    #expect(result.ladders.isEmpty)
    #expect(result.warnings.first == "plain-xfs could not run here: mkfs.xfs is not installed.")
  }

  @Test("is judged by what others used, each trial by its length")
  func noise() {
    var trials = SyntheticFiles(blocks: 1).run().trials
    for place in trials.indices {
      trials[place].windowNanoseconds = place == 0 ? 900_000_000 : 1_000_000
      trials[place].noise.foreignCPUShare = place == 0 ? 0.001 : 0.2
      trials[place].noise.runDelayShare = nil
    }
    // A tick of the clock in a window of a millisecond is no busy host. How long workers waited is not known of any.
    let block = BlockJudge.judge(index: 0, trials: trials)
    #expect(!block.isVoid && block.noiseClass == .unknown)
    trials[0].noise.foreignCPUShare = 0.11
    for place in trials.indices.dropFirst() { trials[place].noise.foreignCPUShare = 0.11 }
    #expect(
      BlockJudge.judge(index: 0, trials: trials).voidReasons == ["11.0 % of the CPU time was used by other processes"])
    trials[0].noise.foreignCPUShare = nil
    #expect(BlockJudge.judge(index: 0, trials: trials).noiseClass == .unknown, "what one does not tell is unknown")
  }

  @Test("summarises its noise by the same rule")
  func summary() throws {
    let noise = RunAnalysis.analyze(SyntheticFiles().run()).noise
    #expect(abs(try #require(noise.foreignCPUShare) - 0.001) < 1e-12)
    #expect(noise.runDelayShare == nil)
  }

  @Test("gives the same result twice, in whatever order its trials come")
  func order() {
    let run = SyntheticFiles(claims: [SyntheticFiles.claim("copies", "overlayfs-ext4", above: 0.5)]).run()
    #expect(RunAnalysis.analyze(run.shuffled(seed: 3)) == RunAnalysis.analyze(run))
  }
}
