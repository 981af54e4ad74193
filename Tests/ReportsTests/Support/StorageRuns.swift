import Foundation
import Model

/// Results of runs on files and images, made up: every number is written down here, so that what the reports make of it
/// can be held against goldens.
enum StorageRuns {
  static let environments = [
    EnvironmentRecord(
      name: "plain-ext4", summary: "ext4 in an image file", layer: "",
      details: ["mkfs.ext4 1.47.2, blocks of 4096 bytes", "image on EXT4 (/dev/vda1), direct I/O"]),
    EnvironmentRecord(
      name: "overlayfs-ext4", summary: "overlayfs, all layers on ext4", layer: "overlayfs over ext4",
      reference: "plain-ext4", details: ["mounted with rw,lowerdir=…,upperdir=…,redirect_dir=off"]),
    EnvironmentRecord(name: "plain-xfs", summary: "XFS in an image file", layer: "another file system"),
    EnvironmentRecord(name: "plain-btrfs", summary: "btrfs in an image file", layer: "another file system"),
    EnvironmentRecord(
      name: "overlayfs-xfs", summary: "overlayfs, all layers on XFS with reflink", layer: "overlayfs over XFS",
      reference: "plain-xfs", details: ["mkfs.xfs 6.13.0, reflink=1"]),
    EnvironmentRecord(
      name: "btrfs-snapshot", summary: "a snapshot of a subvolume", layer: "a snapshot", reference: "plain-btrfs"),
    EnvironmentRecord(
      name: "tmpfs", summary: "a tmpfs", layer: "no disk", reference: "plain-ext4"),
    EnvironmentRecord(
      name: "overlayfs-erofs", summary: "overlayfs over an EROFS image", layer: "EROFS below",
      unavailable: "mkfs.erofs is not installed; bench doctor --fix erofs installs it", reference: "plain-ext4"),
  ]

  static let sizes = [4_096, 1 << 20, 64 << 20, 512 << 20]

  static let copyUps = zip(["copy-up-4k", "copy-up-1m", "copy-up-64m", "copy-up-512m"], sizes).map { name, size in
    WorkloadSpec(
      name: name, kind: .copyUp, wait: .block, files: FileWork(size: size, count: size > 1 << 20 ? 2 : 16))
  }

  static let others = [
    WorkloadSpec(
      name: "random-write", kind: .randomIO, wait: .block,
      files: FileWork(size: 64 << 20, engine: .ioUring, access: .write, isDirect: true, depth: 16, syncEvery: 32)),
    WorkloadSpec(name: "lookup-cold", kind: .lookup, wait: .block, files: FileWork(count: 1_000, cache: .cold)),
    WorkloadSpec(name: "changes", kind: .metadata, wait: .block, files: FileWork(count: 200)),
    WorkloadSpec(name: "faults", kind: .mmapWrite, wait: .block, files: FileWork(size: 16 << 20)),
    WorkloadSpec(name: "commits", kind: .sqliteCommit, wait: .block, files: FileWork(count: 4, blockSize: 512)),
  ]

  typealias Values = [Metric: Double]

  /// Times in ns: of opening, of the second write to the disk.
  private static let open: [String: (a: Double, perMebibyte: Double)] = [
    "plain-ext4": (5_100, 0), "plain-xfs": (5_600, 0), "plain-btrfs": (6_200, 0), "tmpfs": (3_900, 0),
    "overlayfs-ext4": (820_000, 3_630_000), "overlayfs-xfs": (91_000, 0), "btrfs-snapshot": (11_200, 0),
  ]
  private static let durable: [String: Double] = [
    "plain-ext4": 412_000, "overlayfs-ext4": 414_000, "plain-xfs": 388_000, "overlayfs-xfs": 391_000,
    "plain-btrfs": 961_000, "btrfs-snapshot": 1_032_000, "tmpfs": 1_900,
  ]
  /// How a rate or a time of the other workloads lies to that of plain-ext4.
  private static let pace: [String: Double] = [
    "plain-ext4": 1, "overlayfs-ext4": 1.03, "plain-xfs": 0.94, "overlayfs-xfs": 0.95, "plain-btrfs": 1.9,
    "btrfs-snapshot": 2.05, "tmpfs": 0.2,
  ]

  static func values(_ environment: String, _ workload: WorkloadSpec) -> Values {
    let size = Double(workload.files?.size ?? 0)
    let pace = pace[environment] ?? 1
    let durable = durable[environment] ?? 0
    let isOverlay = environment.hasPrefix("overlayfs-")
    switch workload.kind {
    case .copyUp:
      let line = open[environment] ?? (0, 0)
      let opening = line.a + line.perMebibyte * size / 1_048_576
      let written = min(size, 8_192)
      let isShared = environment == "overlayfs-xfs" || environment == "btrfs-snapshot"
      var values: Values = [
        .openForWriting: opening, .firstWrite: 4_200, .firstSync: durable * 1.1,
        .firstDurable: opening + 8_600 + durable * 1.1, .secondWrite: 1_840 * (isOverlay ? 1.02 : 1),
        .secondDurable: durable, .metadataChange: isOverlay ? opening * 0.9 : 3_100,
        .bytesWritten: written, .bytesAllocated: size, .bytesShared: isShared ? size - written : 0,
        .bytesCopied: environment == "overlayfs-ext4" ? size : 0,
        .bytesTaken: environment == "overlayfs-ext4" ? size : isShared || environment == "plain-btrfs" ? written : 0,
        .bytesToDevice: (environment == "overlayfs-ext4" ? size : written) + 61_440,
        .writeAmplification: ((environment == "overlayfs-ext4" ? size : written) + 61_440) / written,
      ]
      values[.spaceAmplification] = values[.bytesTaken].map { $0 / written }
      if size > 4_096 { values[.lastWrite] = 4_400 }
      if environment == "tmpfs" {
        values[.bytesToDevice] = nil
        values[.writeAmplification] = nil
        for metric in [Metric.bytesShared, .bytesCopied, .bytesTaken, .spaceAmplification] { values[metric] = nil }
      }
      return values
    case .randomIO:
      return [
        .iops: 41_200 / pace, .bandwidth: 41_200 / pace * 4_096, .ioP50: 311_000 * pace, .ioP90: 402_000 * pace,
        .ioP99: 731_000 * pace, .ioP999: 1_900_000 * pace, .syncP50: durable, .syncP99: durable * 3,
        .cpuPerOperation: 6_100 * pace, .bytesToDevice: 5_120,
      ]
    case .lookup:
      return [
        .lookupTime: 2_310 * pace, .missingLookupTime: 1_120 * pace, .openTime: 4_870 * pace, .listTime: 412 * pace,
      ]
    case .metadata:
      var values: Values = [
        .createTime: 18_400 * pace, .chmodTime: 6_100 * pace, .renameTime: 9_400 * pace, .unlinkTime: 12_000 * pace,
      ]
      if !isOverlay { values[.renameDirectoryTime] = 11_000 * pace }
      return values
    case .mmapWrite: return [.sharedFault: 812 * pace, .privateFault: 1_310 * pace]
    case .sqliteCommit:
      return [
        .commitP50: durable * 1.4, .commitP99: durable * 4, .commitRate: 1e9 / (durable * 1.6),
        .cpuPerOperation: 31_000, .bytesToDevice: 16_384,
      ]
    default: return [:]
    }
  }

  private static func note(_ environment: String, _ metric: Metric) -> String {
    switch metric {
    case .renameDirectoryTime:
      "EXDEV: overlayfs does not rename a directory of a lower layer; programs copy it instead"
    case .bytesShared, .bytesCopied, .bytesTaken, .spaceAmplification:
      "the file system does not tell where on the disk a file lies"
    case .bytesToDevice, .writeAmplification: "there is no block device under it"
    case .lastWrite: "one block holds the file"
    default: "it was not measured"
    }
  }

  static func series(
    _ environment: EnvironmentRecord, _ workload: WorkloadSpec, baseline: EnvironmentRecord, blocks: Int,
    values: (String, WorkloadSpec) -> Values
  ) -> [SeriesResult] {
    let own = values(environment.name, workload)
    let base = values(baseline.name, workload)
    let shift = environments.firstIndex { $0.name == environment.name } ?? 0
    return workload.kind.metrics.map { metric in
      guard let median = own[metric] else {
        return SeriesResult(
          environment: environment.name, workload: workload.name, metric: metric, trials: [], median: nil,
          note: note(environment.name, metric))
      }
      func compared(_ other: Double) -> (IntervalEstimate?, IntervalEstimate, SeriesResult.Direction) {
        let half = metric.isCount ? 0 : 0.017
        let ratio = other > 0 ? Synthetic.interval(median / other, half, blocks) : nil
        let direction: SeriesResult.Direction =
          ratio.map { $0.low > 1 ? .higher : $0.high < 1 ? .lower : .undecided } ?? .undecided
        return (ratio, Synthetic.difference(median - other, half * max(median, other), blocks), direction)
      }
      var series = SeriesResult(
        environment: environment.name, workload: workload.name, metric: metric,
        trials: metric.isCount
          ? [Double](repeating: median, count: blocks)
          : Fixture.trials(median: median * 1_000, shift: shift, count: blocks).map { $0 / 1_000 }, median: median
      ).counted
      guard environment.name != baseline.name else { return series }
      if let other = base[metric] {
        (series.ratio, series.difference, series.direction) = compared(other)
        series.qValue = 0.0012
        if series.ratio == nil { series.note = "a value of 0 has no ratio" }
      }
      if let reference = environment.reference, reference != baseline.name {
        guard let other = values(reference, workload)[metric] else {
          series.reference = ReferenceComparison(environment: reference, note: "\(reference) has no such value")
          return series
        }
        let (ratio, difference, direction) = compared(other)
        series.reference = ReferenceComparison(
          environment: reference, ratio: ratio, difference: difference, direction: direction,
          note: ratio == nil ? "a value of 0 has no ratio" : nil)
      }
      return series
    }
  }

  static func made(
    _ scenario: String, _ title: String, environments: [EnvironmentRecord], workloads: [WorkloadSpec], blocks: Int = 12,
    values: (String, WorkloadSpec) -> Values
  ) -> RunResult {
    var result = Synthetic.made(
      scenario, title, environments: environments, workloads: workloads, blocks: blocks
    ) { environment, workload in values(environment.name, workload) }
    let ran = environments.filter { $0.unavailable == nil }
    result.series = workloads.flatMap { workload in
      ran.flatMap { series($0, workload, baseline: environments[0], blocks: blocks, values: values) }
    }
    result.ladders = []
    return result
  }

  private static func line(_ environment: String, _ metric: Metric, _ workloads: [WorkloadSpec]) -> LineResult {
    let reference = environments.first { $0.name == environment }?.reference
    let points = workloads.map { workload in
      let own = values(environment, workload)
      let median = own[metric] ?? 0
      let plain = reference.map { values($0, workload) }
      let excess = plain.map { (median - ($0[metric] ?? 0)) / ($0[.secondDurable] ?? 1) }
      return LineResult.Point(
        workload: workload.name, size: workload.files?.size ?? 0, median: median, low: median * 0.93,
        high: median * 1.14,
        breakEvenWrites: metric == .openForWriting ? excess.flatMap { $0 > 0 ? $0 : nil } : nil)
    }
    let isOpening = metric == .openForWriting
    let opening = open[environment] ?? (0, 0)
    let isOverlay = environment.hasPrefix("overlayfs-")
    let (a, b): (Double, Double) =
      isOpening
      ? opening
      : metric == .firstDurable
        ? (opening.a + 8_600 + (durable[environment] ?? 0) * 1.1, opening.perMebibyte)
        : isOverlay ? (opening.a * 0.9, opening.perMebibyte * 0.9) : (3_100, 0)
    let slope = Synthetic.difference(b / 1_048_576, (b == 0 ? 11.4 : b * 0.02) / 1_048_576)
    return LineResult(
      environment: environment, metric: metric, points: points, intercept: Synthetic.difference(a, a * 0.04),
      slope: slope)
  }

  private static func slopeClaim(_ id: String, _ environment: String, _ verdict: ClaimResult.Verdict) -> ClaimResult {
    let slope = line(environment, .openForWriting, copyUps).slope
    return ClaimResult(
      spec: ClaimSpec(
        id: id, section: "Copy-on-write", statement: "The first write to a file of a lower layer copies it.",
        workload: "copy-up-512m", metric: .openForWriting, environment: environment, quantity: .slope,
        overWorkloads: Dictionary(uniqueKeysWithValues: copyUps.map { ($0.name, Double($0.files?.size ?? 0)) }),
        region: ClaimRegion(above: 50_000.0 / 1_048_576), margin: 50_000.0 / 1_048_576, supportedReason: "",
        refutedReason: ""),
      verdict: verdict, reason: "Opening takes longer for a larger file: it is copied, whole, before open(2) returns.",
      interval: slope, adjustedP: 0.0005)
  }

  /// Copy-up of four sizes, and one workload of each other kind that works on files.
  static let cowIO: RunResult = {
    var result = made(
      "cow-io", "What layered storage costs", environments: environments, workloads: copyUps + others, values: values)
    let ran = environments.filter { $0.unavailable == nil }.map(\.name)
    result.lines = [Metric.openForWriting, .firstDurable, .metadataChange].flatMap { metric in
      ran.map { line($0, metric, copyUps) }
    }
    result.claims = [
      slopeClaim("cow-first-write", "overlayfs-ext4", .supported),
      ClaimResult(
        spec: ClaimSpec(
          id: "cow-every-write", section: "Copy-on-write", statement: "Every write triggers a copy-on-write.",
          workload: "copy-up-64m", metric: .secondDurable, environment: "overlayfs-xfs", against: "plain-xfs",
          quantity: .ratio, region: ClaimRegion(above: 1.05), margin: 0.05, supportedReason: "", refutedReason: ""),
        verdict: .refuted, reason: "The second write to a file costs the same as on the plain file system.",
        interval: Synthetic.interval(1.008, 0.017), adjustedP: 0.0005),
    ]
    result.warnings = ["overlayfs-erofs could not run here: mkfs.erofs is not installed."]
    return result
  }()

  /// Two sizes and one other workload of it.
  static let small: RunResult = {
    var result = cowIO
    let kept: Set<String> = ["copy-up-4k", "copy-up-1m", "changes"]
    result.workloads.removeAll { !kept.contains($0.name) }
    result.series.removeAll { !kept.contains($0.workload) }
    result.control.removeAll { !kept.contains($0.workload) }
    result.claims.removeLast()
    for index in (result.lines ?? []).indices {
      result.lines?[index].points.removeAll { !kept.contains($0.workload) }
    }
    return result
  }()

  static let stores = [
    EnvironmentRecord(name: "deploy-plain", summary: "files replaced in a folder", layer: ""),
    EnvironmentRecord(
      name: "image-overlayfs", summary: "layers in folders", layer: "layers of images", reference: "deploy-plain"),
    EnvironmentRecord(
      name: "image-docker", summary: "images of Docker", layer: "an engine", reference: "deploy-plain",
      details: ["Docker 28.5.1, overlay2"]),
  ]

  static let rebuilds = [
    WorkloadSpec(
      name: "rebuild", kind: .imageRebuild, wait: .block, files: FileWork(size: 1 << 20, count: 40, rebuilds: 30)),
    WorkloadSpec(
      name: "rebuild-pruned", kind: .imageRebuild, wait: .block,
      files: FileWork(size: 1 << 20, count: 40, rebuilds: 30, isPruning: true)),
  ]

  private static func growth(_ environment: String, _ workload: WorkloadSpec) -> GrowthResult {
    let application = 10_485_760.0
    let base = 31_457_280.0
    let isPlain = environment == "deploy-plain"
    let overhead = environment == "image-docker" ? 1.08 : 1
    let steps = (1...(workload.files?.rebuilds ?? 1)).map { rebuild in
      let old = isPlain || workload.files?.isPruning == true ? 0 : Double(rebuild - 1) * application * overhead
      return ImageUsage(
        total: (isPlain ? 0 : base) + application * overhead + old, reclaimable: old, shared: isPlain ? 0 : base,
        unique: application * overhead)
    }
    return GrowthResult(environment: environment, workload: workload.name, steps: steps, isMonotonic: true)
  }

  /// An image rebuilt thirty times in three stores, with and without pruning.
  static let rebuilding: RunResult = {
    var result = made(
      "storage-growth", "What rebuilding images leaves behind", environments: stores, workloads: rebuilds
    ) { environment, workload in
      let steps = growth(environment, workload).steps
      guard let first = steps.first, let last = steps.last else { return [:] }
      return [
        .imagesTotal: last.total, .imagesReclaimable: last.reclaimable, .imagesShared: last.shared,
        .imagesUnique: last.unique, .reclaimableShare: last.reclaimable / last.total,
        .growthPerRebuild: (last.total - first.total) / Double(steps.count - 1),
        .duration: environment == "image-docker" ? 6.1e9 : 4.2e8,
      ]
    }
    result.growth = rebuilds.flatMap { workload in stores.map { growth($0.name, workload) } }
    return result
  }()

  /// Layers instead of file systems: one environment is the baseline of all.
  static let depth: RunResult = {
    let layers = [1, 2, 8, 32, 128]
    let environments = layers.map { count in
      EnvironmentRecord(
        name: "layers-\(count)", summary: "overlayfs of \(count) lower layers", layer: count == 1 ? "" : "more layers",
        reference: count == 1 ? nil : "layers-1")
    }
    var result = made(
      "layer-depth", "What each layer costs a lookup", environments: environments, workloads: [others[1]]
    ) { name, _ in
      let count = Double(name.split(separator: "-").last ?? "") ?? 1
      return [
        .lookupTime: 2_300 + 140 * count, .missingLookupTime: 1_100 + 160 * count, .openTime: 4_800 + 142 * count,
        .listTime: 400 + 61 * count,
      ]
    }
    result.claims = [
      ClaimResult(
        spec: ClaimSpec(
          id: "cow-lookup", section: "Layers", statement: "Layers slow lookups.", workload: "lookup-cold",
          metric: .lookupTime, environment: "layers-128", quantity: .slope,
          over: Dictionary(uniqueKeysWithValues: layers.map { ("layers-\($0)", Double($0)) }),
          region: ClaimRegion(above: 1), margin: 1, supportedReason: "", refutedReason: ""),
        verdict: .supported, reason: "A lookup takes longer with each layer.",
        interval: Synthetic.difference(140.2, 3.1),
        adjustedP: 0.0005)
    ]
    return result
  }()

  /// As large as such a run gets: 15 environments, 8 sizes, 40 blocks.
  static let large: RunResult = {
    let many = (0..<15).map { index in
      EnvironmentRecord(
        name: index.isMultiple(of: 3) ? "plain-\(index)" : "overlayfs-on-\(index / 3 * 3)-number-\(index)",
        summary: "number \(index)", layer: index == 0 ? "" : "a layer",
        reference: index.isMultiple(of: 3) ? nil : "plain-\(index / 3 * 3)")
    }
    let workloads = (0..<8).map { index in
      WorkloadSpec(
        name: "copy-up-\(index)", kind: .copyUp, wait: .block, files: FileWork(size: 4_096 << (index * 18 / 7)))
    }
    func known(_ name: String) -> String {
      let index = many.firstIndex { $0.name == name } ?? 0
      return index.isMultiple(of: 3)
        ? "plain-xfs" : index.isMultiple(of: 2) ? "overlayfs-ext4" : "overlayfs-xfs"
    }
    var result = made("cow-io", "Everything at once", environments: many, workloads: workloads, blocks: 40) {
      values(known($0), $1)
    }
    result.lines = many.map { environment in
      var line = line(known(environment.name), .openForWriting, workloads)
      line.environment = environment.name
      return line
    }
    return result
  }()

  static let all = [cowIO, rebuilding, depth]
}
