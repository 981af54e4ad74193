internal import Foundation
internal import Glibc
internal import LinuxKit
internal import TestSupport
internal import Testing

/// Whole runs. One after another: two on one host would measure each other.
@Suite("A run", .serialized)
struct RunTests {
  @Test("can be analysed, listed and reported again, with the same numbers", .requiresNetworkNamespaces)
  func wholeRun() throws {
    let place = try Workplace()
    try place.write(TinyScenario.text(), to: "tiny.yaml")
    let run = try place.bench("run", "tiny.yaml", "--seed", "7", "--json", "result.json", "--report", "out/reports")
    // How the verdict comes out is the host's affair.
    #expect(run.code == 0 || run.code == 3, "\(run.status): \(run.errors)")
    let result = try place.data("result.json")
    let id = try #require(try JSONObject(result)["run.id"] as? String)
    #expect(run.errors.hasPrefix("tiny, quick profile, run \(id): at most 3 s\nblock 1 of at most 8, "))
    #expect(run.output.contains("A tiny scenario") && run.output.contains("net-namespace"))
    #expect(try JSONObject(result)["run.command"] as? String == "bench run tiny --profile quick --seed 7")
    #expect(try JSONObject(result)["run.exit"] as? String == "completed")
    let reports = ["html", "json", "md"].map { "tiny-\(id).\($0)" }
    // What there is to draw depends on how many blocks the host let it measure.
    #expect(place.names(in: "out/reports").filter { $0 != "tiny-\(id)-figures" } == reports)
    #expect(place.names(in: "journal") == [], "the journal of a run that is over is gone")

    try checkNothingEscapes(run)
    try checkSchema(result)
    try checkAnalysis(place, id: id, result: result, run: run)
    try checkListing(place, id: id)
    try checkReports(place, names: reports, result: result)
  }

  /// A pipe is no terminal.
  private func checkNothingEscapes(_ outcome: Outcome) throws {
    #expect(!outcome.output.contains("\u{1B}") && !outcome.output.contains("\r"))
    #expect(!outcome.errors.contains("\u{1B}") && !outcome.errors.contains("\r"))
  }

  private func checkSchema(_ result: Data) throws {
    #expect(try ResultSchema.problems(of: result) == [])
  }

  private func checkAnalysis(_ place: Workplace, id: String, result: Data, run: Outcome) throws {
    // The exit code, too, is that of the run.
    let code = run.code
    for name in ["latest", id, String(id.prefix(11))] {
      let again = try place.bench("analyze", name, "--json", "again.json")
      #expect(again.code == code)
      #expect(again.errors == "")
      #expect(run.output.hasPrefix(again.output), "the table is the same, without the list of reports")
      #expect(try place.data("again.json") == result)
    }
    let pure = try place.bench("analyze", "latest", "--json", "-")
    #expect(pure.code == code)
    #expect(Data(pure.output.utf8) == result)
    #expect(pure.errors == "")

    let unknown = try place.bench("analyze", id + "0")
    #expect(unknown.code == 64)
    #expect(unknown.errors.contains("no run '\(id)0'") && unknown.errors.contains("did you mean '\(id)'?"))
    let unlike = try place.bench("report", "nonsense")
    #expect(unlike.code == 64)
    #expect(unlike.errors.hasSuffix("Give one of: \(id), or 'latest'.\n"), "\(unlike.errors)")
  }

  private func checkListing(_ place: Workplace, id: String) throws {
    let list = try place.bench("list", "--runs")
    #expect(list.code == 0)
    #expect(list.errors == "")
    #expect(try list.output.wholeMatch(of: Regex("\(id)  tiny  quick  completed  \\d+ trials\n")) != nil)
  }

  private func checkReports(_ place: Workplace, names: [String], result: Data) throws {
    let report = try place.bench("report", "latest", "--report", "again", "--format", "json,html")
    #expect(report.code == 0)
    #expect(report.output == "again/\(names[1])\nagain/\(names[0])\n")
    #expect(place.names(in: "again") == [names[0], names[1]])
    #expect(try place.data("again/\(names[1])") == result)
    #expect(try place.data("again/\(names[0])") == place.data("out/reports/\(names[0])"))

    let others = try place.bench(
      "report", "latest", "latest", "--report", "others", "--format", "csv", "--format", "junit", "--index")
    #expect(others.code == 0, "\(others.errors)")
    let stem = String(names[0].dropLast(5))
    #expect(place.names(in: "others") == ["index.html", "\(stem).csv", "\(stem).xml"])
    #expect(others.output.split(separator: "\n").last == "others/index.html")
    #expect(try place.read("others/\(stem).csv").contains("\r\n"))
    #expect(try place.read("others/\(stem).xml").contains("<testsuite"))
    let index = try place.read("others/index.html")
    #expect(index.contains("href=\"./\(stem).csv\"") && index.contains("A tiny scenario"))
    // What is there is linked, what is not is not.
    #expect(!index.contains("\(stem).html\""))
    #expect(try place.bench("report", "--report", "others", "--index").output == "others/index.html\n")

    #expect(try place.bench("report").code == 64)
    #expect(try place.bench("report", "--index", "--format", "csv").code == 64)
    let file = try place.bench("report", "latest", "--report", "result.json")
    #expect(file.code == 64)
    let typo = try place.bench("report", "latest", "--format", "html,markdwon")
    #expect(typo.code == 64)
    #expect(typo.errors.contains("unknown format 'markdwon' (did you mean 'markdown'?)"))
  }

  @Test("is shown in colour on a terminal only, and only if nobody forbids it", .requiresProgram("script"))
  func colour() throws {
    let place = try Workplace()
    try place.write(TinyScenario.text(budget: "1s"), to: "tiny.yaml")
    let run = try place.bench("run", "tiny.yaml", "--env", "native", "--no-report")
    #expect(run.code == 0, "\(run)")
    try checkNothingEscapes(run)
    for (environment, isColored) in [
      (["TERM": "xterm"], true), (["TERM": "xterm", "NO_COLOR": ""], true), (["TERM": "dumb"], false),
      (["TERM": "xterm", "NO_COLOR": "1"], false),
    ] {
      // script(1) is a terminal to its command.
      let command = "'\(try Executable.path())' analyze latest"
      let outcome = try place.run(
        program: "/usr/bin/env", ["script", "-qec", command, "/dev/null"], environment: environment)
      #expect(outcome.output.contains("A tiny scenario"), "\(outcome)")
      #expect(outcome.output.contains("\u{1B}[") == isColored, "with \(environment)")
    }
  }

  @Test("writes nothing but JSON to stdout when that is asked for", .requiresNetworkNamespaces)
  func pureJSON() throws {
    let place = try Workplace()
    try place.write(TinyScenario.text(), to: "tiny.yaml")
    let run = try place.bench("run", "tiny.yaml", "--json", "-", "--report", "out")
    #expect(run.code == 0 || run.code == 3, "\(run.status): \(run.errors)")
    #expect(try ResultSchema.problems(of: Data(run.output.utf8)) == [])
    #expect(run.errors.contains("block 1 of at most 8") && run.errors.contains("Reports:\n  out/tiny-"))
    try checkNothingEscapes(run)

    let quiet = try place.bench("run", "tiny.yaml", "--json", "-", "--no-report", "--quiet")
    #expect(quiet.code == 0 || quiet.code == 3, "\(quiet.status): \(quiet.errors)")
    #expect(quiet.errors == "")
    #expect(!place.exists("reports"))
  }

  @Test("that is interrupted keeps its trials and cleans up", .requiresNetworkNamespaces, arguments: [SIGINT, SIGTERM])
  func interrupted(_ signal: Int32) throws {
    let place = try Workplace()
    try place.write(TinyScenario.endless, to: "endless.yaml")
    let worker = try copyOfWorker(in: place)
    let child = try place.startBench(
      watchingErrors: "run", "endless.yaml", "--json", "result.json", "--report", "out",
      environment: ["BENCH_WORKER": worker])
    let id = try waitForFirstBlock(child, place)
    child.signal(signal)
    let outcome = try place.finish(child)
    #expect(outcome.code == 130, "\(outcome)")
    #expect(outcome.output.contains("interrupted"))
    let result = try JSONObject(place.data("result.json"))
    #expect(result["run.exit"] as? String == "interrupted")
    #expect(result["run.id"] as? String == id)
    let list = try place.bench("list", "--runs")
    let trials = try #require(list.output.firstMatch(of: /interrupted  (\d+) trials/))
    #expect(Int(trials.1) ?? 0 >= 3, "the first block's trials at the least: \(list.output)")
    #expect(place.names(in: "journal") == [])
    try expectNothingLeft(of: id, worker: worker)
    let again = try place.bench("analyze", "latest", "--json", "again.json")
    #expect(again.code == 3, "an interrupt is the run's, and not the analysis's: \(again)")
    #expect(try place.data("again.json") == place.data("result.json"))
  }

  @Test("that is killed is finished by the next command", .requiresNetworkNamespaces)
  func killed() throws {
    let place = try Workplace()
    try place.write(TinyScenario.endless, to: "endless.yaml")
    let worker = try copyOfWorker(in: place)
    let child = try place.startBench(
      watchingErrors: "run", "endless.yaml", environment: ["BENCH_WORKER": worker])
    let id = try waitForFirstBlock(child, place)
    child.kill()
    #expect(try place.finish(child).status == .killed(signal: SIGKILL))
    #expect(place.names(in: "journal") == ["\(id).journal"])
    let cleanup = try place.bench("cleanup")
    #expect(cleanup.code == 0, "\(cleanup.errors)")
    #expect(cleanup.output.hasPrefix("run \(id): "), "\(cleanup.output)")
    #expect(place.names(in: "journal") == [])
    try expectNothingLeft(of: id, worker: worker)
    #expect(try place.bench("list", "--runs").output.contains("\(id)  tiny  quick  failed  "))
    #expect(try place.bench("cleanup").output == "Nothing to clean up.\n")
  }

  @Test("is alone on its host", .requiresNetworkNamespaces)
  func alone() throws {
    let place = try Workplace()
    try place.write(TinyScenario.endless, to: "endless.yaml")
    let child = try place.startBench(watchingErrors: "run", "endless.yaml")
    _ = try waitForFirstBlock(child, place)
    let second = try place.bench("run", "endless.yaml")
    #expect(second.code == 69)
    #expect(second.errors.contains("another run is measuring on this host"))
    child.signal(SIGINT)
    #expect(try place.finish(child).code == 130)
  }

  @Test("whose store is full ends, and leaves nothing on the host", .requiresNetworkNamespaces)
  func fullDisk() throws {
    let place = try Workplace()
    try place.write(TinyScenario.endless, to: "endless.yaml")
    let worker = try copyOfWorker(in: place)
    // Too small to begin; and large enough for the first blocks.
    for (size, hasBegun) in [("32k", false), ("400k", true)] {
      try withDisk(of: size, in: place) {
        let run = try place.bench(
          "run", "endless.yaml", "--no-report", "--store", "disk/bench.sqlite", environment: ["BENCH_WORKER": worker])
        #expect(run.code == 69, "\(run)")
        #expect(run.errors.contains("bench: the store \(place.path("disk/bench.sqlite")) "), "\(run.errors)")
        #expect(run.errors.contains("df -h") || run.errors.contains("disk may be full"), "\(run.errors)")
        #expect(run.output == "")
        #expect(run.errors.contains("block 1 of at most") == hasBegun, "\(run.errors)")
        #expect(place.names(in: "journal") == [])
        try expectNothingLeft(of: "", worker: worker)
        if hasBegun {
          let list = try place.bench("list", "--runs", "--store", "disk/bench.sqlite")
          #expect(list.output.contains("tiny  quick  "), "what was stored can be read: \(list)")
        }
      }
    }
  }

  private func withDisk(of size: String, in place: Workplace, _ body: () throws -> Void) throws {
    let disk = place.path("disk")
    if !place.exists("disk") {
      try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: false)
    }
    let mount = try place.run(program: "/usr/bin/mount", ["-t", "tmpfs", "-o", "size=\(size)", "none", disk])
    try #require(mount.code == 0, "\(mount)")
    defer { umount2(disk, Int32(MNT_DETACH)) }
    try body()
  }

  // MARK: - What is left

  /// Under a name of its own, by which its processes are known.
  private func copyOfWorker(in place: Workplace) throws -> String {
    try place.copyExecutable(try Executable.workerPath(), to: "worker-of-this-test")
  }

  /// The id of the run, when its first block is done.
  private func waitForFirstBlock(_ child: ChildProcess, _ place: Workplace) throws -> String {
    let deadline = place.deadline
    let head = String(decoding: try child.readLine(deadline: deadline), as: UTF8.self)
    let id = try #require(head.firstMatch(of: /run (\S+): at most/), "\(head)")
    var block = ""
    repeat {
      block = String(decoding: try child.readLine(deadline: deadline), as: UTF8.self)
      #expect(block.hasPrefix("block 1 of at most 10000, "))
      // One in which a trial could not be measured ended before it was whole.
    } while block.contains(" in native") || block.contains(" in netns")
    return String(id.1)
  }

  /// No namespace of the run, and no process of its worker.
  private func expectNothingLeft(of id: String, worker: String) throws {
    if !id.isEmpty {
      let namespaces = (try? FileManager.default.contentsOfDirectory(atPath: NetworkNamespace.directory)) ?? []
      #expect(namespaces.filter { $0.contains(id) } == [])
    }
    let processes = try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { name in
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(name)/exe")) == worker
    }
    #expect(processes == [])
  }
}

@Suite("Without root", .serialized)
struct OrdinaryUserTests {
  private func workplace() throws -> Workplace {
    let place = try Workplace()
    try place.write(TinyScenario.text(), to: "tiny.yaml")
    for directory in ["journal", "state", "out"] {
      try FileManager.default.createDirectory(atPath: place.path(directory), withIntermediateDirectories: false)
      try OrdinaryUser.own(directory, in: place)
    }
    return place
  }

  @Test("namespaces are not permitted, and the error says what is")
  func refused() throws {
    let place = try workplace()
    let run = try OrdinaryUser.bench(in: place, "run", "tiny.yaml", "--report", "out")
    #expect(run.code == 77, "\(run)")
    #expect(run.errors.hasPrefix("bench: environment 'netns': cannot "), "\(run.errors)")
    #expect(
      run.errors.hasSuffix("\nrun as root (for instance 'sudo bench run …'), or measure with --env native alone\n"))
    #expect(run.output == "")
    #expect(place.names(in: "journal") == [])
    #expect(place.names(in: "out") == [])
    let list = try OrdinaryUser.bench(in: place, "list", "--runs")
    #expect(list.code == 0)
    #expect(list.output == "")
    #expect(list.errors == "No runs are stored in \(place.storePath).\n")
  }

  @Test("the baseline can be measured, against its own second copy")
  func baseline() throws {
    let place = try workplace()
    let run = try OrdinaryUser.bench(in: place, "run", "tiny.yaml", "--env", "native", "--report", "out")
    #expect(run.code == 0, "\(run)")
    #expect(
      run.output.contains("unavailable") && run.output.contains("netns was not part of this run"), "\(run.output)")
    // What there is to draw depends on how many blocks the host let it measure.
    let reports = place.names(in: "out").filter { !$0.hasSuffix("-figures") }
    #expect(reports.map { $0.split(separator: ".").last } == ["html", "json", "md"], "\(reports)")
    #expect(try OrdinaryUser.bench(in: place, "analyze", "latest").output.contains("A tiny scenario"))
    #expect(try OrdinaryUser.bench(in: place, "cleanup").output == "Nothing to clean up.\n")

    // Nobody may write there from now on.
    for file in place.names(in: "state") { try #require(chmod(place.path("state/\(file)"), 0o444) == 0) }
    try #require(chmod(place.path("state"), 0o555) == 0)
    defer { chmod(place.path("state"), 0o755) }
    #expect(try OrdinaryUser.bench(in: place, "analyze", "latest").output.contains("A tiny scenario"))
    let again = try OrdinaryUser.bench(in: place, "run", "tiny.yaml", "--env", "native", "--report", "out")
    #expect(again.code == 77)
    #expect(again.errors.contains("--store PATH or BENCH_STORE"), "\(again.errors)")
    #expect(place.names(in: "journal") == [])
  }

  @Test("a directory that may not be written is named")
  func notWritable() throws {
    let place = try workplace()
    for (directory, arguments, remedy) in [
      ("out", ["--report", "out"], "out"), ("journal", [], "BENCH_JOURNAL"), ("state", [], "--store PATH"),
      ("locked", ["--json", "locked/result.json"], "locked"),
    ] {
      if !place.exists(directory) {
        try FileManager.default.createDirectory(atPath: place.path(directory), withIntermediateDirectories: false)
      }
      if isRoot { try #require(chown(place.path(directory), 0, 0) == 0) }
      try #require(chmod(place.path(directory), 0o555) == 0)
      defer { chmod(place.path(directory), 0o755) }
      let run = try OrdinaryUser.bench(
        in: place, ["run", "tiny.yaml", "--env", "native"] + (arguments.isEmpty ? ["--no-report"] : arguments))
      #expect(run.code == 77, "\(directory): \(run)")
      #expect(run.errors.contains(remedy), "\(run.errors)")
      #expect(run.output == "")
      try OrdinaryUser.own(directory, in: place)
    }
  }
}

@Suite("The doctor")
struct DoctorCommandTests {
  @Test("examines this host, and leaves nothing behind", .requiresNetworkNamespaces)
  func privileged() throws {
    let place = try Workplace()
    let outcome = try place.bench("doctor")
    #expect(outcome.code == 0 || outcome.code == 69, "\(outcome)")
    #expect(outcome.errors == "")
    #expect(outcome.output.contains("Network namespaces") && outcome.output.contains(place.storePath), "\(outcome)")
    #expect(!outcome.output.contains("\u{1B}"))
    #expect(place.names(in: "journal") == [])
    #expect(!place.exists("state"))
  }

  @Test("says what an ordinary user lacks")
  func ordinary() throws {
    let place = try Workplace()
    let outcome = try OrdinaryUser.bench(in: place, "doctor")
    #expect(outcome.code == 77, "\(outcome)")
    #expect(outcome.output.contains("sudo bench doctor"), "\(outcome)")
  }
}

@Suite("Cleaning up")
struct CleanupTests {
  @Test("where nothing was left says so, and makes no store")
  func nothing() throws {
    let place = try Workplace()
    let outcome = try place.bench("cleanup")
    #expect(outcome.code == 0)
    #expect(outcome.output == "Nothing to clean up.\n")
    #expect(outcome.errors == "")
    #expect(place.names(in: ".").filter { $0 != ".stderr" } == [])
  }
}
