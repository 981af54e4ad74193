import Foundation
import LinuxKit
import Model
import Testing
import WorkerProtocol

@testable import Harness

@Suite("What a worker measured on files becomes a trial")
struct StorageReductionTests {
  private func trial(
    _ kind: WorkloadSpec.Kind, _ samples: [StoragePhase: [UInt64]] = [:], device: UInt64? = nil,
    change: (inout StorageResult) -> Void = { _ in }
  ) -> Trial {
    var result = StorageResult()
    result.windowNanoseconds = 2_000_000_000
    result.operations = 4000
    change(&result)
    let measured = MeasuredFiles(
      started: Date(timeIntervalSince1970: 0), result: result, samples: samples, device: device,
      deviceObjection: device == nil ? "others write to it, too" : nil, noise: TrialNoise())
    let workload = WorkloadSpec(name: "w", kind: kind, wait: .block, files: FileWork())
    return StorageReduction(measured: measured, workload: workload).trial(
      block: 3, position: 4, slot: RunPlan.Slot(environment: "overlayfs-ext4", workload: "w"),
      attestation: Attestation(hops: [], failures: []))
  }

  @Test(
    "every metric of the kind has a value or a reason",
    arguments: WorkloadSpec.Kind.allCases.filter { $0.field == .storage })
  func complete(_ kind: WorkloadSpec.Kind) {
    let trial = trial(kind)
    for metric in kind.metrics {
      #expect((trial.values[metric] == nil) != (trial.unavailable[metric] == nil), "\(metric)")
    }
    #expect(trial.block == 3 && trial.position == 4 && trial.environment == "overlayfs-ext4")
  }

  @Test("copy-up: medians over the files, and the sum of the parts file by file")
  func copyUp() {
    let trial = trial(
      .copyUp,
      [
        .open: [100, 300, 200], .firstWrite: [10, 20, 60], .lastWrite: [1, 2, 3], .firstSync: [1000, 1000, 4000],
        .secondWrite: [5, 6, 7], .secondDurable: [50, 70], .metadataChange: [90],
      ])
    #expect(trial.values[.openForWriting] == 200)
    #expect(trial.values[.firstWrite] == 20)
    // 1111, 1322 and 4263: the sum of the medians, 1222, is none of them.
    #expect(trial.values[.firstDurable] == 1322)
    #expect(trial.values[.secondWrite] == 6)
    #expect(trial.values[.secondDurable] == 60)
    #expect(trial.values[.metadataChange] == 90)
  }

  @Test("copy-up of files of one block has no last write, and still a sum")
  func oneBlock() {
    let trial = trial(.copyUp, [.open: [100], .firstWrite: [10], .firstSync: [1000]]) {
      $0.refusals = [StorageResult.Refusal(.lastWrite, "one block holds the file")]
    }
    #expect(trial.values[.firstDurable] == 1110)
    #expect(trial.unavailable[.lastWrite] == "one block holds the file")
  }

  @Test("the ledger is for each file, and its ratios are of sums")
  func ledger() {
    let trial = trial(.copyUp, [.open: [1, 1], .firstWrite: [1, 1], .firstSync: [1, 1]], device: 3_000_000) {
      $0.bytesWritten = 16_384
      $0.bytesAllocated = 2_097_152
      $0.bytesShared = 0
      $0.bytesCopied = 2_097_152
      $0.bytesTaken = 2_097_152
    }
    #expect(trial.values[.bytesWritten] == 8192)
    #expect(trial.values[.bytesCopied] == 1_048_576)
    #expect(trial.values[.bytesAllocated] == 1_048_576)
    #expect(trial.values[.bytesShared] == 0)
    #expect(trial.values[.bytesToDevice] == 1_500_000)
    #expect(trial.values[.spaceAmplification] == 128)
    #expect(trial.values[.writeAmplification] == 3_000_000.0 / 16_384)
  }

  @Test("what the file system or the device does not tell is unavailable, with the reason")
  func untold() {
    let trial = trial(.copyUp, [.open: [1], .firstWrite: [1], .firstSync: [1]]) { $0.bytesWritten = 4096 }
    #expect(trial.unavailable[.bytesToDevice] == "others write to it, too")
    #expect(trial.unavailable[.writeAmplification] == "others write to it, too")
    #expect(trial.unavailable[.bytesCopied]?.contains("where on the disk") == true)
    #expect(trial.unavailable[.bytesShared]?.contains("shared") == true)
  }

  @Test("I/O: rates over the window, quantiles by nearest rank, where there are enough")
  func io() {
    let trial = trial(.randomIO, [.io: Array(1...2000), .sync: Array(1...30)], device: 4096) {
      $0.bytes = 8_000_000
      $0.cpuNanoseconds = 4_000_000
    }
    #expect(trial.values[.iops] == 2000)
    #expect(trial.values[.bandwidth] == 4_000_000)
    #expect(trial.values[.ioP50] == 1000)
    #expect(trial.values[.ioP90] == 1800)
    #expect(trial.unavailable[.ioP99] == "2000 of them in the window, and 10000 are needed")
    #expect(trial.values[.syncP50] == 15)
    #expect(trial.values[.cpuPerOperation] == 1000)
    #expect(trial.values[.bytesToDevice] == 4096)
    #expect(trial.histogram.total == 2000)
  }

  @Test("a refused phase says why")
  func refused() {
    let trial = trial(.metadata, [.create: [10, 20]]) {
      $0.refusals = [StorageResult.Refusal(.renameDirectory, "EXDEV: not across layers")]
    }
    #expect(trial.values[.createTime] == 15)
    #expect(trial.unavailable[.renameDirectoryTime] == "EXDEV: not across layers")
    #expect(trial.unavailable[.unlinkTime] == "not measured")
  }
}

@Suite("Rebuilt images become a trial")
struct ImageReductionTests {
  private func usage(_ total: Double, _ reclaimable: Double) -> ImageUsage {
    ImageUsage(total: total, reclaimable: reclaimable, shared: 10, unique: 5)
  }

  @Test("the last usage, and the slope through all")
  func values() {
    let values = ImageSession.values([usage(100, 0), usage(110, 10), usage(120, 20), usage(130, 30)])
    #expect(values[.imagesTotal] == 130)
    #expect(values[.imagesReclaimable] == 30)
    #expect(values[.reclaimableShare] == 30.0 / 130)
    #expect(values[.growthPerRebuild] == 10)
    #expect(values[.imagesShared] == 10 && values[.imagesUnique] == 5)
  }

  @Test("what does not grow has a growth of exactly 0; one rebuild has none")
  func flat() {
    #expect(ImageSession.values([usage(7, 0), usage(7, 0), usage(7, 0)])[.growthPerRebuild] == 0)
    #expect(ImageSession.values([usage(7, 0)])[.growthPerRebuild] == nil)
    #expect(ImageSession.values([]).isEmpty)
  }
}
