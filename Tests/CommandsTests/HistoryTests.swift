internal import Foundation
internal import Model
internal import Store
internal import Testing

/// Nights that nobody measured, in a store of a workplace.
private struct Nights {
  let place: Workplace
  let store: RunStore
  /// This host, as far as it makes runs comparable.
  let host: HostFacts

  init() throws {
    place = try Workplace()
    store = try RunStore(path: place.storePath)
    func line(_ path: String) throws -> String {
      try String(contentsOfFile: path, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
    }
    let processors = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let model = processors.split(separator: "\n").first { $0.hasPrefix("model name") }?.split(separator: ":").last
    host = HostFacts(
      hostname: try line("/proc/sys/kernel/hostname"), kernel: try line("/proc/sys/kernel/osrelease"),
      architecture: "x86_64", cpuModel: model.map { $0.trimmingCharacters(in: .whitespaces) }, cpuCount: 2)
  }

  static let series = ["bridge", "veth"].flatMap { environment in
    [Metric.rttP50, .rttP99].map {
      HistorySeries(
        scenario: "network-hop", workload: "udp-rr-spin", environment: environment, metric: $0, quantity: .overhead)
    }
  }

  static let worker = String(repeating: "ab", count: 32)

  /// Stores a run of two trials.
  func run(_ id: String, day: Int, host: HostFacts? = nil, worker: String = worker, injection: String? = nil) throws {
    let profile = Profile(windowMilliseconds: 100, warmupMilliseconds: 10, budgetSeconds: 10)
    let scenario = Scenario(
      name: "known", title: "Known", description: "d", baseline: "native", environments: ["native"],
      workloads: [WorkloadSpec(name: "udp", kind: .udpRR, wait: .spin)], profiles: [.quick: profile], claims: [])
    try store.begin(
      RunRecord(
        id: id, scenario: scenario, profileName: .quick, profile: profile,
        environments: [EnvironmentRecord(name: "native", summary: "s", layer: "l")], workloads: ["udp"], seed: 1,
        started: Self.start(day), finished: Self.start(day) + 9, host: host ?? self.host, workerSHA256: worker,
        version: "0", command: "bench run known", exit: .completed, stopReason: "r", injection: injection))
    for block in 0..<2 {
      try store.append(
        Trial(
          block: block, position: 0, environment: "native", isControl: false, workload: "udp", started: Self.start(day),
          windowNanoseconds: 1, values: [.rttP50: 1.0 / 3], histogram: LatencyHistogram(samples: [1, 2, 2]),
          messages: MessageCounts(sent: 1, completed: 1), attestation: Attestation(hops: [], failures: []),
          noise: TrialNoise()), run: id)
      try store.append(BlockRecord(index: block, voidReasons: [], noiseClass: .quiet), run: id)
    }
  }

  private static func start(_ day: Int) -> Date { Date(timeIntervalSince1970: 1_795_500_000.25 + Double(day) * 86_400) }

  /// Stores a finished night with one run.
  func night(_ day: Int, host: HostFacts? = nil, worker: String = worker, kernel: String = "6.1") throws {
    let id = "202611\(10 + day)-020000-aaaa"
    let started = Self.start(day)
    try run("202611\(10 + day)-020001-bbbb", day: day, host: host, worker: worker)
    var night = NightRecord(
      id: id, suite: "nightly", suiteDigest: "ab", started: started, host: host ?? self.host, workerSHA256: worker,
      version: "0", seed: 1, parts: [.init(role: .suite, index: 0, run: "202611\(10 + day)-020001-bbbb")])
    try store.begin(night)
    let epoch = try store.epoch(for: [Epoch.Fact("kernel", kernel)], started: started)
    night.epoch = epoch.epoch.number
    night.phase = .finished
    night.finished = started + 60
    night.verdict = .clean
    night.reason = "Nothing\u{1B}[31m is worse."
    let values = Self.series.enumerated().map { index, series in
      SeriesValue(series: series, value: 1.25 + Double(index) + Double(day) / 1000, low: 1.2, high: 9)
    }
    let result = NightResult(
      night: .init(
        id: id, suite: "nightly", title: "t", started: started, finished: started + 60, host: night.host,
        workerSHA256: worker, version: "0", seed: 1, command: "bench nightly"), verdict: .clean,
      reason: "Nothing is worse.",
      epoch: .init(number: epoch.epoch.number, started: started, nights: 0, isNew: epoch.isNew, changes: []),
      objections: [], notes: [],
      selfTest: .init(
        scenario: "s", workload: "w", environment: "e", metric: .rttP50, injected: 1.1, ratio: nil, pValue: nil,
        isFound: true), baseline: nil,
      screening: .init(nights: 0, needed: 20, common: nil, screened: 0, flagged: 0),
      series: values.map { .init(series: $0.series, unit: .one, state: .collecting, value: $0.value) },
      confirmations: [], changePoints: [], runs: [])
    try store.finish(night, result: result, values: values)
  }
}

@Suite("History, as a command")
struct HistoryCommandTests {
  @Test("lists the series with their last values, filtered by what is asked")
  func list() throws {
    let nights = try Nights()
    for day in 0..<5 { try nights.night(day) }
    let all = try nights.place.bench("history")
    #expect(all.code == 0)
    #expect(
      all.output
        == """
        SERIES                                           NIGHTS  LAST VALUE  STATE       NIGHT
        network-hop/udp-rr-spin/bridge/rtt_p50:overhead  5       1.254×      collecting  20261114-020000-aaaa
        network-hop/udp-rr-spin/bridge/rtt_p99:overhead  5       2.254×      collecting  20261114-020000-aaaa
        network-hop/udp-rr-spin/veth/rtt_p50:overhead    5       3.254×      collecting  20261114-020000-aaaa
        network-hop/udp-rr-spin/veth/rtt_p99:overhead    5       4.254×      collecting  20261114-020000-aaaa

        """
    )
    for arguments in [["--env", "veth"], ["veth"], ["spin", "veth/"]] {
      let some = try nights.place.run(program: try Executable.path(), ["history"] + arguments)
      #expect(some.code == 0 && some.output.split(separator: "\n").count == 3, "\(arguments): \(some)")
      #expect(!some.output.contains("bridge"))
    }
    let one = try nights.place.bench("history", "--env", "veth", "--metric", "rtt_p99")
    #expect(one.output.split(separator: "\n").count == 2)
  }

  @Test("shows one series, named by a part of its name, in the terminal and as files")
  func oneSeries() throws {
    let nights = try Nights()
    for day in 0..<5 { try nights.night(day, kernel: day < 2 ? "6.1" : "6.2") }
    let shown = try nights.place.bench("history", "veth/rtt_p50")
    #expect(shown.code == 0 && shown.errors == "" && shown.output.contains("veth"), "\(shown)")
    let json = try nights.place.bench(
      "history", "network-hop/udp-rr-spin/veth/rtt_p50", "--json", "-", "--svg", "v.svg", "--last", "4")
    #expect(json.code == 0 && json.errors == "")
    let object = try JSONObject(Data(json.output.utf8))
    #expect(object["schema"] as? String == "bench.history/1")
    #expect(object["name"] as? String == "network-hop/udp-rr-spin/veth/rtt_p50:overhead")
    #expect(object["unit"] as? String == "1")
    let file = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
    let points = try #require(file["points"] as? [[String: Any]])
    #expect(points.map { $0["night"] as? String } == (1...4).map { "202611\(10 + $0)-020000-aaaa" })
    #expect(points[0]["started"] as? String == "2026-11-25T06:00:00.250Z")
    #expect((file["epochs"] as? [[String: Any]])?.map { $0["number"] as? Int } == [1, 2])
    #expect(file["change_points"] is [Any])
    #expect(try nights.place.read("v.svg").contains("<svg"))
    let again = try nights.place.bench("history", "veth/rtt_p50", "--json", "out.json", "--last", "4")
    #expect(again.code == 0)
    #expect(try nights.place.read("out.json") == json.output)
  }

  @Test("lists the nights with verdict and reason, the last first")
  func nights() throws {
    let nights = try Nights()
    for day in 0..<3 { try nights.night(day) }
    let outcome = try nights.place.bench("history", "--nights", "--last", "2")
    #expect(outcome.code == 0)
    #expect(
      outcome.output == """
        20261112-020000-aaaa  2026-11-26 06:00:00 UTC  epoch 1  clean  Nothing\u{FFFD}[31m is worse.
        20261111-020000-aaaa  2026-11-25 06:00:00 UTC  epoch 1  clean  Nothing\u{FFFD}[31m is worse.

        """)
  }

  @Test("says what is wrong with its arguments")
  func mistakes() throws {
    let nights = try Nights()
    let none = try nights.place.bench("history")
    #expect(none.code == 0 && none.errors.hasPrefix("No night has been finished yet in "))
    #expect(try nights.place.bench("history", "veth").code == 64)
    try nights.night(1)
    let mistakes: [([String], Int32, String)] = [
      (["brigde"], 64, "no series is named 'brigde' (did you mean 'bridge'?)"),
      (["veth/rtt_p5O"], 64, "no series is named 'veth/rtt_p5O' (did you mean 'veth/rtt_p50'?)"),
      (["--metric", "rtt_p5"], 64, "no series is of the metric 'rtt_p5' (did you mean 'rtt_p50'?)"),
      (["--env", "veht"], 64, "(did you mean 'veth'?)"),
      (["veth", "--svg", "a.svg"], 64, "2 series have that in their names"),
      (["--json", "-"], 64, "Name a series."), (["--nights", "veth"], 64, "--nights lists all nights"),
      (["veth", "--last", "0"], 64, "--last takes a number of 1 or more"),
      (["veth/rtt_p50", "--svg", "missing/a.svg"], 64, "--svg missing/a.svg: there is no directory"),
      (["veth", "--svg", "-"], 64, "--svg takes the name of a file"),
      (["--store", "none.sqlite"], 65, "does not exist"),
    ]
    for (arguments, code, text) in mistakes {
      let outcome = try nights.place.run(program: try Executable.path(), ["history"] + arguments)
      #expect(outcome.code == code && outcome.output == "", "\(arguments): \(outcome)")
      #expect(outcome.errors.contains(text), "\(arguments): \(outcome.errors)")
    }
    #expect(!nights.place.exists("none.sqlite") && !nights.place.exists("a.svg"))
  }
}

@Suite("The pinned baseline, as a command")
struct BaselineCommandTests {
  private func worker() throws -> String {
    let line = try Workplace().run(program: "/usr/bin/sha256sum", ["--", try Executable.workerPath()]).output
    return String(line.prefix(64))
  }

  @Test("is set to the worker of a night or of a run, or to a file, shown and cleared")
  func life() throws {
    let nights = try Nights()
    let place = nights.place
    let worker = try worker()
    try nights.night(1, worker: worker)
    #expect(try place.bench("baseline").output.hasPrefix("No baseline is pinned"))
    #expect(try place.bench("baseline", "clear").output == "No baseline was pinned.\n")
    for (name, origin) in [
      ("latest", "20261111-020000-aaaa"), ("20261111-020001", "20261111-020001-bbbb"),
      (try Executable.workerPath(), nil),
    ] {
      let set = try place.bench("baseline", "set", name)
      #expect(set.code == 0 && set.output.hasPrefix("Pinned \(worker)"), "\(set)")
      let baseline = try #require(try nights.store.baseline())
      #expect(baseline.workerSHA256 == worker && baseline.origin == origin && baseline.isManual)
      #expect(baseline.fingerprint.contains { $0.subject == "kernel" })
      let kept = try #require(nights.store.workerPath(sha256: worker))
      let show = try place.bench("baseline", "show")
      #expect(show.code == 0 && show.output.contains(worker) && show.output.contains(kept))
      #expect(show.output.contains(origin ?? "a file") && show.output.contains(", by hand"))
    }
    let kept = try #require(nights.store.workerPath(sha256: worker))
    try Data("x".utf8).write(to: URL(filePath: kept))
    #expect(try place.bench("baseline").output.contains("is damaged"))
    #expect(try place.bench("baseline", "set", "latest").code == 65)
    #expect(try place.bench("baseline", "clear").output == "The baseline is no longer pinned.\n")
    #expect(try nights.store.baseline() == nil)
  }

  @Test("is refused where it was measured elsewhere, is gone, or is no worker; what was pinned stays")
  func refused() throws {
    let nights = try Nights()
    let place = nights.place
    var other = nights.host
    other.kernel = "2.4.0"
    try nights.night(1)
    try nights.night(2, host: other)
    try nights.run("slow", day: 3, injection: "10us")
    try nights.run("elsewhere", day: 3, host: other)
    let pinned = PinnedBaseline(
      workerSHA256: Nights.worker, origin: nil, pinned: Date(timeIntervalSince1970: 0), isManual: false, fingerprint: []
    )
    try nights.store.pin(pinned)
    try place.write("#!/bin/sh\n", to: "script")
    let mistakes: [(String, Int32, String)] = [
      ("20261112-020000", 65, "the night 20261112-020000-aaaa was measured on another host: kernel 2.4.0, here "),
      ("elsewhere", 65, "the run elsewhere was measured on another host"),
      ("20261111-020000", 65, "the worker of 20261111-020000-aaaa (\(Nights.worker)) is no longer kept"),
      ("slow", 65, "was slowed down on purpose"), ("./script", 65, "./script is not the executable of a worker"),
      ("./missing", 65, "there is no file ./missing"), ("2026", 64, "'2026' is the beginning of 2 nights"),
      ("20271111", 64, "no run '20271111'"),
    ]
    for (name, code, text) in mistakes {
      let outcome = try place.bench("baseline", "set", name)
      #expect(outcome.code == code && outcome.output == "", "\(name): \(outcome)")
      #expect(outcome.errors.contains(text), "\(name): \(outcome.errors)")
    }
    #expect(try nights.store.baseline() == pinned)
    #expect(try place.bench("baseline", "clear", "--store", "none.sqlite").code == 65)
    #expect(!place.exists("none.sqlite"))
  }
}

@Suite("Export, import and prune, as commands")
struct ExportCommandTests {
  @Test("carry runs and nights from store to store, and importing twice changes nothing")
  func roundTrip() throws {
    let nights = try Nights()
    let place = nights.place
    for day in 1...3 { try nights.night(day) }
    let export = try place.bench("export", "--all", "--output", "all.jsonl")
    #expect(export.code == 0 && export.output == "Exported 3 runs and 3 nights to all.jsonl.\n", "\(export)")
    let stdout = try place.bench("export", "--all")
    #expect(stdout.errors == "Exported 3 runs and 3 nights.\n")
    #expect(stdout.output.split(separator: "\n").count == 8)

    // Its checksum is that of another program.
    let lines = try place.read("all.jsonl").split(separator: "\n", omittingEmptySubsequences: false)
    try place.write(lines.dropLast(2).joined(separator: "\n") + "\n", to: "body")
    let gzip = try place.run(
      program: "/bin/sh", ["-c", "gzip -c body | tail -c 8 | od -A n -t x4 -N 4 | tr -d ' \\n'"])
    #expect(try JSONObject(Data(lines[lines.count - 2].utf8))["end.crc32"] as? String == gzip.output)

    let first = try place.bench("import", "all.jsonl", "--store", "other.sqlite")
    #expect(first.code == 0 && first.output == "Imported 3 runs and 3 nights.\n", "\(first)")
    let bytes = try place.run(
      program: "/bin/sh", ["-c", #"exec "$0" import - --store other.sqlite <all.jsonl"#, try Executable.path()])
    #expect(bytes.output == "Imported 0 runs and 0 nights; 6 of the file were here already.\n", "\(bytes)")
    let other = try RunStore(path: place.path("other.sqlite"))
    #expect(try other.nights() == nights.store.nights())
    #expect(try other.run("latest") == nights.store.run("latest"))
    #expect(try place.bench("history", "--store", "other.sqlite").output == place.bench("history").output)

    let some = try place.bench("export", "latest", "--night", "20261111", "--output", "some.jsonl")
    #expect(some.output == "Exported 2 runs and 1 night to some.jsonl.\n", "\(some)")
    #expect(place.names(in: "").filter { $0.hasSuffix(".part") } == [])
  }

  @Test("refuse a file that is cut off, changed, foreign or newer whole, and make no store for it")
  func damaged() throws {
    let nights = try Nights()
    let place = nights.place
    try nights.night(1)
    #expect(try place.bench("export", "--all", "--output", "all.jsonl").code == 0)
    let text = try place.read("all.jsonl")
    try place.write(String(text.dropLast(100)), to: "cut.jsonl")
    try place.write(text.replacing("\"value\":1.251", with: "\"value\":1.252"), to: "changed.jsonl")
    try place.write(text.replacing("bench.export/1", with: "bench.export/2"), to: "newer.jsonl")
    try place.write("{\"schema\":\"bench.run/1\"}\n", to: "foreign.jsonl")
    for (file, message) in [
      ("cut.jsonl", "cut.jsonl:3: has no end: the file was cut off"), ("changed.jsonl", "changed.jsonl: is damaged"),
      ("newer.jsonl", "newer.jsonl:1: is of another version of bench"),
      ("foreign.jsonl", "foreign.jsonl:1: is no export of bench"), ("missing.jsonl", "there is no file missing.jsonl"),
      (".", ". is a directory"),
    ] {
      let outcome = try place.bench("import", file, "--store", "new.sqlite")
      #expect(outcome.code == 65 && outcome.output == "", "\(outcome)")
      #expect(outcome.errors.contains(message), "\(outcome.errors)")
    }
    #expect(!place.exists("new.sqlite"))
  }

  @Test("say what is wrong with their arguments")
  func mistakes() throws {
    let nights = try Nights()
    try nights.night(1)
    let mistakes: [([String], Int32, String)] = [
      (["export"], 64, "Name a run"), (["export", "--all", "latest"], 64, "--all leaves nothing to name"),
      (["export", "2027"], 64, "no run '2027'"), (["export", "--night", "2027"], 64, "no night '2027'"),
      (["export", "--all", "--output", "missing/x"], 64, "--output missing/x: there is no directory"),
      (["export", "--all", "--store", "none.sqlite"], 65, "does not exist"),
      (["import"], 64, "Missing expected argument"),
      (["prune"], 64, "Say what to keep"), (["prune", "--keep", "0"], 64, "invalid"),
      (["prune", "--keep", "3days"], 64, "invalid"), (["prune", "--runs", "3y"], 64, "invalid"),
      (["prune", "--keep", "9", "--history", "3"], 64, "--history keeps fewer nights"),
      (["prune", "--keep", "3", "--store", "none.sqlite"], 65, "does not exist"),
    ]
    for (arguments, code, text) in mistakes {
      let outcome = try nights.place.run(program: try Executable.path(), arguments)
      #expect(outcome.code == code && outcome.output == "", "\(arguments): \(outcome)")
      #expect(outcome.errors.contains(text), "\(arguments): \(outcome.errors)")
    }
    #expect(!nights.place.exists("none.sqlite"))
  }

  @Test("prune what is old, say it before, and never the baseline")
  func prune() throws {
    let nights = try Nights()
    let place = nights.place
    for day in 1...4 { try nights.night(day) }
    try nights.run("20260101-000000-cccc", day: -300)
    try nights.store.pin(
      PinnedBaseline(
        workerSHA256: Nights.worker, origin: "20261111-020000-aaaa", pinned: Date(), isManual: true, fingerprint: []))
    let dry = try place.bench("prune", "--keep", "2nights", "--runs", "90d", "--dry-run")
    #expect(dry.code == 0)
    #expect(dry.output == "run 20261112-020001-bbbb\nrun 20260101-000000-cccc\n")
    #expect(dry.errors == "Would remove 2 runs, 0 nights and 0 workers. Nothing was removed.\n")
    #expect(try nights.store.runs().count == 5)
    let pruned = try place.bench("prune", "--keep", "2", "--runs", "90d")
    #expect(pruned.code == 0 && pruned.output.hasPrefix("Removed 2 runs, 0 nights and 0 workers: the store has "))
    #expect(try nights.store.runs().count == 3)
    #expect(try nights.store.nights().count == 4)
    #expect(try place.bench("prune", "--history", "2").output.hasPrefix("Removed 0 runs, 1 night and 0 workers"))
    #expect(try Set(nights.store.nights().map { $0.id.prefix(8) }) == ["20261111", "20261113", "20261114"])
  }
}
