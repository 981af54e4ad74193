import Environments
import LinuxKit
import Model
import TestSupport
import Testing

@testable import Harness

extension RealPaths {
  /// Each kind of workload on files, once, with real workers and file systems. Nothing here depends on how quick they are.
  @Suite("Each kind of workload on files", .requiresNetworkNamespaces, .requiresProgram("mkfs.xfs"))
  struct StorageRunTests {
    private static let mebibyte = 1 << 20

    static let workloads: [WorkloadSpec] = [
      spec("copy-up", .copyUp, FileWork(size: mebibyte, count: 3)),
      spec("copy-up-cold", .copyUp, FileWork(size: mebibyte, count: 3, cache: .cold)),
      spec("psync", .randomIO, FileWork(size: 4 * mebibyte, syncEvery: 4)),
      spec(
        "uring", .randomIO, FileWork(size: 4 * mebibyte, engine: .ioUring, access: .mixed, isDirect: true, depth: 8)),
      spec("sequential", .sequentialIO, FileWork(size: 4 * mebibyte, blockSize: 65_536, access: .read)),
      spec("lookup", .lookup, FileWork(count: 30)),
      spec("metadata", .metadata, FileWork(count: 20)),
      spec("mmap", .mmapWrite, FileWork(size: mebibyte)),
      spec("sqlite", .sqliteCommit, FileWork(count: 3, blockSize: 100)),
    ]

    private static func spec(_ name: String, _ kind: WorkloadSpec.Kind, _ files: FileWork) -> WorkloadSpec {
      WorkloadSpec(name: name, kind: kind, wait: .block, files: files)
    }

    /// Trials of one workload, whole, in one run: the file systems are made once.
    private func trials(_ workload: WorkloadSpec, in environments: [String]) throws -> [Trial] {
      let directory = try ScratchDirectory()
      var scenario = Scenario.tiny(environments: environments, window: 100, warmup: 20, workloads: [workload])
      scenario.baseline = environments[0]
      scenario.imageSize = 512 * Self.mebibyte
      let plan = try RunPlan(scenario: scenario, profile: .quick, seed: 1)
      let journal = try Journal(
        runID: "t\(UInt32.random(in: 0 ... .max))", directory: directory.journals)
      let resources = HostResources(journal: journal)
      var trials: [Trial] = []
      do {
        let runner = TrialRunner(
          plan: plan, worker: try WorkerBinary(path: try directory.copy(of: Built.worker())),
          processors: try Processors.choose(), interruption: nil, storage: StorageCache(resources: resources))
        for environment in environments {
          // Another test may drop the page cache of the whole host: a trial that finds it empty, where it was to be full,
          // is repeated like any other that could not be measured.
          trials.append(
            try runner.runUntilMeasured(.init(environment: environment, workload: workload.name), journal: journal))
        }
      }
      try resources.removeAll()
      #expect(try hostRemains(of: journal.runID) == [])
      return trials
    }

    @Test("yields its metrics, and says why others are missing", arguments: workloads)
    func metrics(_ workload: WorkloadSpec) throws {
      for trial in try trials(workload, in: ["plain-ext4", "overlayfs-ext4"]) {
        #expect(trial.attestation.failures == [])
        let known = Set(trial.values.keys).union(trial.unavailable.keys)
        #expect(known == Set(workload.kind.metrics))
        #expect(trial.values.values.allSatisfy { $0.isFinite && $0 >= 0 })
        // A median of commits takes twenty of them, for which a window leaves no time where others write to the disk.
        if workload.kind != .sqliteCommit || trial.messages.completed >= 20 {
          #expect((trial.values[workload.kind.headline] ?? 0) > 0, "\(trial.unavailable)")
        }
        #expect(trial.messages.completed > 0)
      }
    }

    @Test("the ledger of a first change is exact: all of the file on ext4, nothing where blocks can be shared")
    func ledger() throws {
      let workload = Self.spec("copy-up", .copyUp, FileWork(size: Self.mebibyte, count: 3))
      let copied: [(environment: String, copied: Int, taken: Int)] = [
        ("plain-ext4", 0, 0), ("overlayfs-ext4", Self.mebibyte, Self.mebibyte), ("plain-xfs", 0, 0),
        ("overlayfs-xfs", 0, 8192), ("overlayfs-xfs-noreflink", Self.mebibyte, Self.mebibyte),
        ("reflink-copy", 0, 8192), ("btrfs-snapshot", 0, 8192), ("overlayfs-btrfs", 0, 8192),
      ]
      for (trial, expected) in zip(try trials(workload, in: copied.map(\.environment)), copied) {
        let name = Comment(rawValue: expected.environment)
        #expect(trial.values[.bytesWritten] == 8192, name)
        #expect(trial.values[.bytesCopied] == Double(expected.copied), name)
        #expect(trial.values[.bytesTaken] == Double(expected.taken), name)
        // The copy cannot have missed the disk.
        #expect((trial.values[.bytesToDevice] ?? 0) >= Double(max(expected.copied, 8192)), name)
      }
    }

    @Test("what a worker has made in a plain directory is gone in the next trial")
    func fresh() throws {
      let environments = ["plain-ext4", "plain-host", "plain-ext4", "plain-host"]
      for trial in try trials(Self.spec("sqlite", .sqliteCommit, FileWork(count: 3, blockSize: 100)), in: environments)
      {
        #expect(trial.messages.completed > 0)
      }
    }

    @Test("a directory of a lower layer cannot be renamed, and the trial says so")
    func exdev() throws {
      let trials = try trials(
        Self.spec("metadata", .metadata, FileWork(count: 10)),
        in: ["plain-ext4", "overlayfs-ext4", "overlayfs-metacopy"])
      #expect(trials[0].values[.renameDirectoryTime] != nil)
      #expect(trials[1].unavailable[.renameDirectoryTime]?.contains("EXDEV") == true)
      #expect(trials[2].values[.renameDirectoryTime] != nil, "redirect_dir=on")
    }

    @Test("workloads and environments of other fields are refused")
    func fields() throws {
      let files = Scenario.tiny(environments: ["native", "plain-ext4"])
      let error = userError { () throws(UserError) in try RunPlan(scenario: files, profile: .quick, seed: 1) }
      #expect(error?.message.contains("'plain-ext4' holds files: workload 'udp' cannot run in it") == true)
    }
  }

  @Suite("Images rebuilt again and again", .requiresNetworkNamespaces)
  struct ImageRunTests {
    @Test("a store grows without pruning, and does not with it; a directory never does", arguments: [false, true])
    func growth(_ isPruning: Bool) throws {
      let workload = WorkloadSpec(
        name: "rebuilds", kind: .imageRebuild, wait: .block,
        files: FileWork(size: 16_384, count: 8, rebuilds: 6, isPruning: isPruning))
      var scenario = Scenario.tiny(
        environments: ["deploy-plain", "image-overlayfs"], budget: 600, workloads: [workload])
      scenario.baseline = "deploy-plain"
      let bench = try Bench(scenario)
      let run = try bench.run()
      // A block that the host has disturbed is repeated, which takes time only where it happens.
      #expect(run.blocks.count { !$0.isVoid } == 8 && run.trials.count == 3 * run.blocks.count)
      for trial in run.trials {
        let growth = try #require(trial.growth)
        #expect(growth.count == 6)
        let isGrowing = trial.environment == "image-overlayfs" && !isPruning
        // Two files of 16 KiB in the application's layer.
        #expect(trial.values[.growthPerRebuild] == (isGrowing ? 32_768 : 0), "\(trial.environment)")
        #expect((trial.values[.imagesReclaimable] == 0) == !isGrowing)
      }
      #expect(try bench.remains() == [])
    }
  }
}
