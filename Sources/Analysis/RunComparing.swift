internal import Foundation
public import Model
internal import Statistics

/// Two results held against each other. Pure: the same results give the same comparison, to the bit.
///
/// Nothing is paired between the runs: their blocks were at other times, or on other hosts. Within a run the overhead of an
/// environment is paired by block, as everywhere.
public enum RunComparing {
  /// - Parameters:
  ///   - a: what is held against.
  ///   - b: what is held against it.
  ///   - confidence: of every interval, between 0 and 1, both excluded.
  /// - Throws: ``UserError`` where there is nothing to compare: the same run twice, or no series in common.
  public static func compare(_ a: RunResult, _ b: RunResult, confidence: Double = 0.99) throws(UserError)
    -> RunComparison
  {
    if a.run.id == b.run.id, a.run.started == b.run.started {
      throw UserError(
        .usage, "A and B are the same run, \(a.run.id)",
        remedy: "Name two runs: 'bench list --runs' lists those stored.")
    }
    let (inA, inB) = (index(a), index(b))
    let shared = a.series.map(name).filter { inA[$0] != nil && inB[$0] != nil }
    guard !shared.isEmpty else {
      throw UserError(
        .usage,
        "the runs have no series in common: A (\(a.run.id)) is of the scenario \(a.run.scenario), "
          + "B (\(b.run.id)) of \(b.run.scenario)",
        remedy: "Compare runs of one scenario, or of scenarios that share a workload, an environment and a metric.")
    }
    let refused = refusals(a, b)
    let objections = self.objections(a, .a) + self.objections(b, .b)
    let pairs = Pairs(a: a, b: b, inA: inA, inB: inB, objections: objections, confidence: confidence)
    let unlike = Set(refused.map(\.workload))
    var rows = shared.filter { !unlike.contains($0.workload) }.compactMap(pairs.compare)
    adjust(&rows)
    return RunComparison(
      a: ComparedRun(a), b: ComparedRun(b), confidence: confidence, objections: objections,
      differences: FactDifferences(a, b).all, refused: refused,
      onlyInA: a.series.map(name).filter { inA[$0] != nil && inB[$0] == nil },
      onlyInB: b.series.map(name).filter { inB[$0] != nil && inA[$0] == nil }, series: rows)
  }

  private static func name(_ series: SeriesResult) -> SeriesName {
    SeriesName(environment: series.environment, workload: series.workload, metric: series.metric)
  }

  /// The series that have a value.
  private static func index(_ result: RunResult) -> [SeriesName: SeriesResult] {
    Dictionary(
      result.series.filter { $0.median != nil && !$0.trials.isEmpty }.map { (name($0), $0) },
      uniquingKeysWith: { first, _ in first })
  }

  /// q-values over all intervals, of levels and of overheads.
  private static func adjust(_ rows: inout [ComparedSeries]) {
    var places: [(row: Int, isOverhead: Bool)] = []
    var p: [Double] = []
    for (row, series) in rows.enumerated() {
      for (change, isOverhead) in [(series.level, false), (series.overhead, true)] {
        guard let value = change?.pValue else { continue }
        places.append((row, isOverhead))
        p.append(value)
      }
    }
    for (place, q) in zip(places, MultipleTesting.benjaminiHochberg(p)) {
      if place.isOverhead { rows[place.row].overhead?.qValue = q } else { rows[place.row].level?.qValue = q }
    }
  }

  // MARK: - What keeps findings from being had

  private static func objections(_ result: RunResult, _ side: RunSide) -> [Objection] {
    // What concerns the whole run first.
    let obstacles = result.obstacles
    let ordered = obstacles.filter { workload(of: $0) == nil } + obstacles.filter { workload(of: $0) != nil }
    return ordered.map {
      Objection(run: side, workload: workload(of: $0), reason: reason($0), touchesCounts: $0.touchesCounts)
    }
  }

  private static func workload(of obstacle: RunObstacle) -> String? {
    if case .failedControl(let workload, _) = obstacle { workload } else { nil }
  }

  private static func reason(_ obstacle: RunObstacle) -> String {
    switch obstacle {
    case .injected(let injection):
      "It is a test of the detector: a slowdown was put into the worker on purpose (\(injection))."
    case .failedControl(let workload, let reason):
      Sentence.ended("The control of \(workload) failed: \(reason)")
    case .voided(let voided, let blocks):
      "\(voided) of \(blocks) blocks were voided, more than a quarter: the rest is no fair sample of that host."
    case .tooFewBlocks(let valid):
      "It has \(valid) valid block\(valid == 1 ? "" : "s"); an interval needs at least \(RunResult.fewestBlocks)."
    case .hostile: "The host was hostile: others took so much of it that its timings cannot be trusted."
    }
  }

  /// Workloads of one name that differ in what they do.
  private static func refusals(_ a: RunResult, _ b: RunResult) -> [RefusedWorkload] {
    a.workloads.compactMap { spec in
      guard let other = b.workloads.first(where: { $0.name == spec.name }), other != spec else { return nil }
      let (inA, inB) = (fields(spec), fields(other))
      let keys = Set(inA.keys).union(inB.keys).filter { inA[$0] != inB[$0] }.sorted()
      func words(_ fields: [String: String]) -> String {
        keys.map { "\($0): \(fields[$0] ?? "none")" }.joined(separator: ", ")
      }
      return RefusedWorkload(workload: spec.name, a: words(inA), b: words(inB))
    }
  }

  /// A specification's fields by their names in result files, those of its parts with a point between.
  private static func fields(_ spec: WorkloadSpec) -> [String: String] {
    guard let bytes = try? JSONEncoder().encode(spec), let object = try? JSONSerialization.jsonObject(with: bytes)
    else {
      return [:]
    }
    var fields: [String: String] = [:]
    func add(_ value: Any, _ path: String) {
      if let object = value as? [String: Any] {
        for (key, value) in object { add(value, path.isEmpty ? key : "\(path).\(key)") }
      } else if let list = value as? [Any] {
        fields[path] = list.map { "\($0)" }.joined(separator: " ")
      } else {
        fields[path] = "\(value)"
      }
    }
    add(object, "")
    return fields
  }
}

/// The series of two runs, and how each pair of them is compared.
private struct Pairs {
  let a: RunResult
  let b: RunResult
  let inA: [SeriesName: SeriesResult]
  let inB: [SeriesName: SeriesResult]
  let objections: [Objection]
  let confidence: Double

  func compare(_ name: SeriesName) -> ComparedSeries? {
    guard let first = inA[name], let second = inB[name], let medianA = first.median, let medianB = second.median else {
      return nil
    }
    var row = ComparedSeries(
      environment: name.environment, workload: name.workload, metric: name.metric, medianA: medianA, medianB: medianB,
      ratioA: first.ratio?.estimate, ratioB: second.ratio?.estimate)
    if name.metric == .rttMax, a.run.windowMilliseconds != b.run.windowMilliseconds {
      row.levelNote = "the windows differ in length, and a maximum grows with the window"
      return row
    }
    if let exactA = first.exact, let exactB = second.exact {
      row.level = counts(name, exactA, exactB, first.trials.count, second.trials.count)
      return row
    }
    (row.level, row.levelNote) = change(name, first.trials, second.trials)
    if a.run.baseline != b.run.baseline {
      row.overheadNote = "the runs have different baselines, \(a.run.baseline) and \(b.run.baseline)"
    } else if name.environment != a.run.baseline {
      do throws(Missing) {
        let overheads = (try overhead(name, first, inA, "A"), try overhead(name, second, inB, "B"))
        (row.overhead, row.overheadNote) = change(name, overheads.0, overheads.1)
      } catch { row.overheadNote = error.reason }
    }
    return row
  }

  private struct Missing: Error {
    let reason: String
  }

  /// Environment ÷ baseline, block by block.
  private func overhead(
    _ name: SeriesName, _ series: SeriesResult, _ all: [SeriesName: SeriesResult], _ run: String
  ) throws(Missing) -> [Double] {
    var base = name
    base.environment = a.run.baseline
    guard let baseline = all[base] else { throw Missing(reason: "the baseline of \(run) has no such series") }
    guard baseline.trials.count == series.trials.count else {
      throw Missing(
        reason:
          "\(run) has \(series.trials.count) trials, and \(baseline.trials.count) of its baseline: they cannot be paired"
      )
    }
    guard (series.trials + baseline.trials).allSatisfy({ $0 > 0 }) else {
      throw Missing(reason: "\(run) has a value that is not positive, so that no ratio to the baseline exists")
    }
    return zip(series.trials, baseline.trials).map { $0 / $1 }
  }

  private func change(_ name: SeriesName, _ first: [Double], _ second: [Double]) -> (SeriesChange?, String?) {
    let isPositive = (first + second).allSatisfy { $0 > 0 }
    let estimate: UnpairedEstimate
    do throws(StatisticsError) {
      estimate = try UnpairedComparison.compare(
        first: first, second: second, scale: isPositive ? .ratio : .difference, confidence: confidence)
    } catch { return (nil, error.message) }
    let neutral = estimate.scale.neutral
    let obstacle = objection(to: name, isExact: false) ?? dependence(estimate)
    let finding: SeriesChange.Finding =
      if obstacle != nil {
        .undecided
      } else if estimate.low > neutral {
        .higher
      } else if estimate.high < neutral {
        .lower
      } else {
        estimate.low == estimate.high ? .same : .noDifferenceFound
      }
    return (
      SeriesChange(
        scale: estimate.scale == .ratio ? .ratio : .difference, estimate: estimate.estimate, low: estimate.low,
        high: estimate.high, confidence: confidence, nA: estimate.counts.first, nB: estimate.counts.second,
        minimumDetectableEffect: estimate.minimumDetectableEffect, lag1A: estimate.lag1.first,
        lag1B: estimate.lag1.second,
        mergedBlocks: estimate.mergedBlocks, pValue: estimate.pValue, finding: finding, obstacle: obstacle), nil
    )
  }

  private func counts(_ name: SeriesName, _ first: Double, _ second: Double, _ n: Int, _ m: Int) -> SeriesChange {
    let obstacle = objection(to: name, isExact: true)
    let isRatio = first != 0
    let isSame = abs(second - first) <= SeriesResult.agreement * max(abs(first), abs(second))
    return SeriesChange(
      scale: isRatio ? .exactRatio : .exactDifference, estimate: isRatio ? second / first : second - first, nA: n,
      nB: m,
      finding: obstacle != nil ? .undecided : isSame ? .same : second > first ? .higher : .lower, obstacle: obstacle)
  }

  private func objection(to name: SeriesName, isExact: Bool) -> String? {
    objections.first { objection in
      (objection.workload == nil || objection.workload == name.workload) && (objection.touchesCounts || !isExact)
    }.map { "\($0.run == .a ? "A" : "B"): \($0.reason)" }
  }

  private func dependence(_ estimate: UnpairedEstimate) -> String? {
    if estimate.dependence == .dependent {
      // How much is in the numbers beside it; here it would make a reason of its own for each metric.
      return "neighbouring blocks of a run depend on each other, and merging them did not help"
    }
    if estimate.splitHalvesAgree == false { return "the first and the second half of a run's blocks disagree" }
    return nil
  }
}

/// In which facts two runs differ.
private struct FactDifferences {
  private(set) var all: [FactDifference] = []

  init(_ a: RunResult, _ b: RunResult) {
    let (first, second) = (a.run, b.run)
    add(.program, "version of bench", first.version, second.version)
    add(.program, "SHA-256 of the worker", first.workerSHA256, second.workerSHA256)
    add(.work, "scenario", first.scenario, second.scenario)
    add(.work, "baseline", first.baseline, second.baseline)
    add(.work, "address family", (first.family ?? .ipv4).rawValue, (second.family ?? .ipv4).rawValue)
    environments(a, b)
    hosts(first.host, second.host)
    add(.sampling, "profile", first.profile.rawValue, second.profile.rawValue)
    add(.sampling, "window", "\(first.windowMilliseconds) ms", "\(second.windowMilliseconds) ms")
    add(.sampling, "valid blocks", "\(first.validBlocks)", "\(second.validBlocks)")
    add(.sampling, "noise of the host", a.noise.overall.rawValue, b.noise.overall.rawValue)
    add(.sampling, "seed", "\(first.seed)", "\(second.seed)")
  }

  private mutating func add(_ kind: FactDifference.Kind, _ subject: String, _ a: String?, _ b: String?) {
    if a != b { all.append(FactDifference(kind, subject, a: a ?? "unknown", b: b ?? "unknown")) }
  }

  private mutating func environments(_ a: RunResult, _ b: RunResult) {
    for record in a.environments {
      let subject = "environment \(record.name)"
      guard let other = b.environments.first(where: { $0.name == record.name }) else {
        add(.work, subject, Self.standing(record), "not in the run")
        continue
      }
      if record.unavailable != nil || other.unavailable != nil {
        // Whatever the reasons: what ran in neither is no difference.
        if record.unavailable == nil || other.unavailable == nil {
          add(.work, subject, Self.standing(record), Self.standing(other))
        }
      } else {
        add(.work, subject, Self.making(record), Self.making(other))
      }
    }
    for record in b.environments where !a.environments.contains(where: { $0.name == record.name }) {
      add(.work, "environment \(record.name)", "not in the run", Self.standing(record))
    }
  }

  private static func standing(_ record: EnvironmentRecord) -> String {
    record.unavailable.map { "could not run: \($0)" } ?? "ran"
  }

  private static func making(_ record: EnvironmentRecord) -> String {
    ([record.summary] + (record.details ?? [])).joined(separator: "; ")
  }

  private mutating func hosts(_ a: HostFacts, _ b: HostFacts) {
    add(.host, "host", a.hostname, b.hostname)
    add(.host, "kernel", a.kernel, b.kernel)
    add(.host, "architecture", a.architecture, b.architecture)
    add(.host, "distribution", a.distribution, b.distribution)
    add(.host, "CPU", a.cpuModel, b.cpuModel)
    add(.host, "number of CPUs", "\(a.cpuCount)", "\(b.cpuCount)")
    add(.host, "memory", a.memoryBytes.map(Self.mebibytes), b.memoryBytes.map(Self.mebibytes))
    add(.host, "virtualization", a.virtualization, b.virtualization)
    add(.host, "clock source", a.clockSource, b.clockSource)
    add(.host, "frequency governor", a.governor, b.governor)
    add(.host, "CPU of the client", a.clientCPU.map(String.init), b.clientCPU.map(String.init))
    add(.host, "CPU of the server", a.serverCPU.map(String.init), b.serverCPU.map(String.init))
    for name in Set(a.mitigations.keys).union(b.mitigations.keys).sorted() {
      add(.host, "mitigation of \(name)", a.mitigations[name], b.mitigations[name])
    }
    let burdens = (
      a.nativeBurdens.filter { !b.nativeBurdens.contains($0) },
      b.nativeBurdens.filter { !a.nativeBurdens.contains($0) }
    )
    if !burdens.0.isEmpty || !burdens.1.isEmpty {
      func listed(_ burdens: [String]) -> String { burdens.isEmpty ? "none of these" : burdens.joined(separator: "; ") }
      add(.host, "what taxes the baseline", listed(burdens.0), listed(burdens.1))
    }
  }

  private static func mebibytes(_ bytes: UInt64) -> String { "\(bytes >> 20) MiB" }
}
