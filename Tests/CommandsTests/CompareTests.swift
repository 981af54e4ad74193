internal import Foundation
internal import Model
internal import Store
internal import Testing

/// Stored runs whose truth is known: nothing is measured.
private enum Known {
  /// - Parameters:
  ///   - id: also decides the noise.
  ///   - factor: of all times, against 10 µs.
  ///   - bridge: what the second environment costs, as a ratio to the first.
  static func run(
    _ id: String, started: TimeInterval, factor: Double = 1, bridge: Double = 1.2, blocks: Int = 12,
    workload: String = "udp", size: Int = 64, title: String = "Known runs"
  ) -> StoredRun {
    let environments = ["native", "bridge"]
    let profile = Profile(windowMilliseconds: 100, warmupMilliseconds: 10, budgetSeconds: 10, looks: [8, 12])
    let scenario = Scenario(
      name: "known", title: title, description: "d", baseline: "native", environments: environments,
      workloads: [WorkloadSpec(name: workload, kind: .udpRR, wait: .spin, size: size)], profiles: [.quick: profile],
      claims: [])
    let start = Date(timeIntervalSince1970: 1_795_500_000 + started)
    var run = StoredRun(
      record: RunRecord(
        id: id, scenario: scenario, profileName: .quick, profile: profile,
        environments: environments.map { EnvironmentRecord(name: $0, summary: "s", layer: "l") },
        workloads: [workload], seed: 1, started: start, finished: start + 10,
        host: HostFacts(hostname: "h", kernel: "k", architecture: "x86_64", cpuCount: 2), workerSHA256: "ab",
        version: "0", command: "bench run known", exit: .completed, stopReason: "r"),
      blocks: [], trials: [])
    var state = UInt64(started)
    for block in 0..<blocks {
      for (position, slot) in [("native", 1.0, false), ("bridge", bridge, false), ("native", 1.0, true)].enumerated() {
        // SplitMix64: ± 1 %, the same each time.
        state &+= 0x9e37_79b9_7f4a_7c15
        var noise = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
        noise = (noise ^ (noise >> 27)) &* 0x94d0_49bb_1331_11eb
        noise ^= noise >> 31
        let own = Double(noise % 2001) / 100_000 - 0.01
        let value = (10_000 * factor * slot.1 * (1 + own)).rounded()
        let others = Metric.allCases.filter { $0 != .rttP50 }
        run.trials.append(
          Trial(
            block: block, position: position, environment: slot.0, isControl: slot.2, workload: workload,
            started: start + Double(block), windowNanoseconds: 100_000_000, values: [.rttP50: value],
            unavailable: Dictionary(uniqueKeysWithValues: others.map { ($0, "not simulated") }),
            histogram: LatencyHistogram(samples: [UInt32(value)]), messages: MessageCounts(sent: 1, completed: 1),
            attestation: Attestation(hops: [], failures: []),
            noise: TrialNoise(
              stealShare: 0, foreignCPUShare: 0.001, runDelayShare: 0.0001, canaryNanoseconds: 1000,
              clockStepNanoseconds: 0)))
      }
      run.blocks.append(BlockRecord(index: block, voidReasons: [], noiseClass: .quiet))
    }
    return run
  }

  static func place(_ runs: [StoredRun]) throws -> Workplace {
    let place = try Workplace()
    try place.write("", to: "state/.keep")
    let store = try RunStore(path: place.storePath)
    for run in runs {
      try store.begin(run.record)
      for block in run.blocks {
        for trial in run.trials where trial.block == block.index { try store.append(trial, run: run.record.id) }
        try store.append(block, run: run.record.id)
      }
    }
    return place
  }

  /// One run, and another of a host twice as fast whose bridge costs more.
  static func pair() throws -> Workplace {
    try place([
      run("20261124-100000-aaaa", started: 0), run("20261125-100000-bbbb", started: 86_400, factor: 0.5, bridge: 1.5),
    ])
  }
}

@Suite("Two runs compared, as a command")
struct CompareCommandTests {
  private func series(_ output: String, _ environment: String) throws -> [String: Any] {
    let object = try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
    #expect(object["schema"] as? String == "bench.comparison/1")
    let all = try #require(object["series"] as? [[String: Any]])
    return try #require(
      all.first { $0["environment"] as? String == environment && $0["metric"] as? String == "rtt_p50" })
  }

  @Test("tells a faster host from a dearer layer")
  func table() throws {
    let place = try Known.pair()
    let outcome = try place.bench("compare", "20261124", "latest")
    #expect(outcome.code == 0 && outcome.errors == "", "\(outcome)")
    #expect(outcome.output.hasPrefix("Known runs: two runs compared\n") && !outcome.output.contains("\u{1B}"))
    #expect(outcome.output.contains("Of 1\u{A0}headline overhead: 1 higher in B."), "\(outcome.output)")
    #expect(outcome.output.contains("Of 2\u{A0}headline levels: 2 lower in B."))
    #expect(outcome.output.contains("0.50") && outcome.output.contains("1.25×"))
    for width in ["80", "120"] {
      let output = try place.bench("compare", "20261124", "latest", environment: ["COLUMNS": width]).output
      for line in output.split(separator: "\n") { #expect(line.count <= Int(width) ?? 0, "\(line)") }
    }
  }

  @Test("writes bench.comparison/1, and nothing else, to stdout")
  func json() throws {
    let place = try Known.pair()
    let outcome = try place.bench("compare", "20261124", "latest", "--json", "-")
    #expect(outcome.code == 0 && outcome.errors == "", "\(outcome)")
    let overhead = try #require(try series(outcome.output, "bridge")["overhead"] as? [String: Any])
    #expect(overhead["finding"] as? String == "higher" && overhead["confidence"] as? Double == 0.99)
    let low = try #require(overhead["low"] as? Double)
    let high = try #require(overhead["high"] as? Double)
    #expect(low < 1.25 && 1.25 < high && high - low < 0.1)
    let file = try place.bench("compare", "20261124", "latest", "--json", "out.json")
    #expect(file.code == 0 && file.output.contains("two runs compared"))
    #expect(try place.read("out.json") == outcome.output)
    let wide = try place.bench("compare", "20261124", "latest", "--json", "-", "--confidence", "0.999")
    let wider = try #require(try series(wide.output, "bridge")["overhead"] as? [String: Any])
    #expect(try #require(wider["low"] as? Double) < low)
  }

  @Test("names runs by place in time, and reads result files of other hosts")
  func names() throws {
    let place = try Known.pair()
    let expected = try place.bench("compare", "20261124", "20261125", "--json", "-").output
    #expect(try place.bench("compare", "latest~1", "latest~0", "--json", "-").output == expected)
    for (name, run) in [("a", "latest~1"), ("b", "latest")] {
      // The store knows no latest~1 elsewhere.
      let id = run == "latest" ? run : "20261124"
      let code = try place.bench("analyze", id, "--json", "\(name).json").code
      #expect(code == 0 || code == 3)
    }
    // Without any store.
    let files = try place.bench("compare", "a.json", "b.json", "--json", "-", "--store", "nowhere.sqlite")
    #expect(files.code == 0 && files.output == expected, "\(files.errors)")
    let mixed = try place.bench("compare", "a.json", "latest", "--json", "-")
    #expect(mixed.output == expected)
  }

  @Test("writes reports on demand only")
  func reports() throws {
    let place = try Known.pair()
    let names = ["html", "json", "md"].map { "compare-20261124-100000-aaaa-20261125-100000-bbbb.\($0)" }
    let outcome = try place.bench("compare", "20261124", "latest", "--report", "out")
    #expect(outcome.code == 0 && place.names(in: "out") == names, "\(outcome)")
    #expect(outcome.output.contains("Reports\n  out/\(names[0])\n"))
    #expect(try place.read("out/\(names[0])").hasPrefix("<!DOCTYPE html>"))
    let some = try place.bench(
      "compare", "20261124", "latest", "--report", "some", "--format", "markdown", "--json", "-")
    #expect(place.names(in: "some") == [names[2]] && some.errors == "Reports:\n  some/\(names[2])\n")
    #expect(!place.exists("reports"))
  }

  @Test("ends with 3 where nothing can be concluded, and says so first")
  func inconclusive() throws {
    let place = try Known.place([
      Known.run("20261124-100000-aaaa", started: 0), Known.run("20261125-100000-bbbb", started: 86_400, blocks: 5),
    ])
    let outcome = try place.bench("compare", "latest~1", "latest")
    #expect(outcome.code == 3)
    #expect(outcome.output.hasPrefix("┃ No finding can be had from these runs\n"), "\(outcome.output)")
    #expect(outcome.output.contains("Run B: It has 5 valid blocks"))
  }

  @Test("other work under one name is not compared")
  func otherWork() throws {
    let place = try Known.place([
      Known.run("20261124-100000-aaaa", started: 0), Known.run("20261125-100000-bbbb", started: 86_400, size: 1400),
    ])
    let outcome = try place.bench("compare", "latest~1", "latest", environment: ["COLUMNS": "160"])
    #expect(outcome.code == 3)
    #expect(outcome.output.contains("The workload udp is not the same work in both runs"), "\(outcome.output)")
    #expect(outcome.output.contains("size: 1400"))
  }

  @Test("says what is wrong with its arguments")
  func mistakes() throws {
    let place = try Known.place([
      Known.run("20261124-100000-aaaa", started: 0),
      Known.run("20261125-100000-bbbb", started: 86_400, workload: "tcp\u{1B}[31m"),
    ])
    try place.write("text", to: "text.json")
    try place.write("{}", to: "empty.json")
    let mistakes: [([String], Int32, String)] = [
      ([], 64, "Missing expected argument"),
      (["latest"], 64, "Missing expected argument"),
      (["latest", "latest"], 64, "A and B are the same run"),
      (["latest", "latest~1"], 64, "the runs have no series in common"),
      (["latest", "latest~2"], 64, "there is no latest~2: the store holds 2 runs"),
      (["latest", "latest~x"], 64, "no run 'latest~x'"),
      (["latest", "2027"], 64, "no run '2027'"),
      (["latest", "text.json"], 65, "text.json: this is no result of bench: it is not JSON"),
      (["empty.json", "latest"], 65, "empty.json: this is no result of bench: schema is missing"),
      (["latest", "missing.json"], 65, "there is no file missing.json"),
      (["latest", "."], 65, ". is no file"),
      (["latest", "/dev/zero"], 65, "/dev/zero is no file"),
      (["latest", "latest~1", "--confidence", "95"], 64, "--confidence 95.0 is not between 0.5 and 0.9999"),
      (["latest", "latest~1", "--format", "html"], 64, "--format goes with --report"),
      (["latest", "latest~1", "--report", "out", "--format", "htm"], 64, "(did you mean 'html'?)"),
      (["latest", "latest~1", "--json", "missing/out.json"], 64, "there is no directory"),
      (["latest", "latest~1", "--report", "text.json"], 64, "text.json"),
    ]
    for (arguments, code, text) in mistakes {
      let outcome = try place.run(
        program: try Executable.path(), ["compare"] + arguments)
      #expect(outcome.code == code, "\(arguments): \(outcome)")
      #expect(outcome.output == "", "\(arguments)")
      #expect(outcome.errors.contains(text), "\(arguments): \(outcome.errors)")
      #expect(!outcome.errors.contains("\u{1B}"))
    }
    #expect(!place.exists("out"))
  }
}
