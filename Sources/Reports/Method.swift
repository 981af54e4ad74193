internal import Foundation
internal import Model
internal import PlainText

extension Presentation {
  /// One fact of "how it was measured".
  struct Fact {
    var name: String
    var value: String
    var isCode = false
  }

  /// Everything that it takes to judge the run or to repeat it.
  var method: [Fact] {
    let run = result.run
    let host = run.host
    var facts: [Fact] = []
    func add(_ name: String, _ value: String?, isCode: Bool = false, otherwise: String? = nil) {
      if let value = value ?? otherwise {
        facts.append(Fact(name: name, value: InertText.line(value), isCode: isCode && value != otherwise))
      }
    }
    add("command to repeat", run.command, isCode: true)
    add("seed", String(run.seed), isCode: true)
    add("bench", run.version)
    add("worker SHA-256", run.workerSHA256, isCode: true)
    add("started", NumberFormat.date(run.started))
    add(
      "duration", run.finished.map { NumberFormat.duration(seconds: $0.timeIntervalSince(run.started)) },
      otherwise: "not ended")
    add("exit", run.exit.rawValue)
    add("stopped because", run.stopReason, otherwise: "not recorded")
    add("blocks", blocks + (noiseBlocks.isEmpty ? "" : " (\(noiseBlocks))"))
    if hasNetwork { add("Internet Protocol", run.family == .ipv6 ? "IPv6" : "IPv4") }
    add("window of a trial", "\(run.windowMilliseconds)\(NumberFormat.gap)ms")
    add("baseline", run.baseline)
    add("intervals", [confidence, methods].compactMap(\.self).joined(separator: ", "), otherwise: nil)
    add("host", host.hostname)
    add("kernel", "\(host.kernel) \(host.architecture)")
    add("distribution", host.distribution, otherwise: "unknown")
    add("processor", "\(host.cpuModel ?? "unknown"), \(NumberFormat.count(host.cpuCount, "CPU"))")
    add("memory", host.memoryBytes.map(NumberFormat.bytes), otherwise: "unknown")
    add("virtualization", host.virtualization, otherwise: "none seen")
    add("clock source", host.clockSource, otherwise: "unknown")
    add("frequency governor", host.governor, otherwise: "cannot be read")
    let pinned = [host.clientCPU.map { "client on CPU \($0)" }, host.serverCPU.map { "server on CPU \($0)" }]
      .compactMap(\.self)
    add("pinning", pinned.isEmpty ? "not recorded" : pinned.joined(separator: ", "))
    add(
      "burdens on \(baselineName)",
      host.nativeBurdens.isEmpty ? "none found" : host.nativeBurdens.joined(separator: "; "))
    add(
      "mitigations",
      host.mitigations.isEmpty
        ? "unknown"
        : host.mitigations.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: "; "))
    add("noise", "\(noiseClass): \(noiseReadings)")
    if let injection = run.injection { add("injected on purpose", injection) }
    facts += insideMethod
    return facts.filter { !$0.value.isEmpty }
  }

  /// How an environment was made on this host; nil where its summary says all.
  func details(_ environment: EnvironmentRecord) -> String? {
    let details = (environment.details ?? []).map { InertText.line($0, limit: 300) }.filter { !$0.isEmpty }
    return details.isEmpty ? nil : details.joined(separator: "; ")
  }

  /// The metrics of this result, each as it is defined.
  var definitions: [(title: String, id: String, text: String)] {
    let kinds = workloads.map { (kind: kind($0), metrics: Set(metrics(of: $0))) }
    return Metric.allCases.compactMap { metric in
      let titles = Set(kinds.filter { $0.metrics.contains(metric) }.map { metric.title(of: $0.kind) })
      guard let only = titles.first else { return nil }
      // Workloads of several kinds call it differently.
      return (titles.count == 1 ? only : metric.title, metric.rawValue, metric.definition)
    }
  }

  /// What a reader must know to read a line of a table.
  static let terms: [(title: String, text: String)] = [
    (
      "block",
      "One trial of every environment in random order: a fresh environment, fresh worker processes, a warm-up and one "
        + "measured window each. Blocks are the unit of replication, single requests are not."
    ),
    ("median", "The median over the valid blocks of one trial's value."),
    (
      "ratio",
      "Environment divided by baseline, compared within each block: the Hodges–Lehmann estimate over the blocks, with "
        + "its interval in brackets."
    ),
    ("difference", "Environment minus baseline, compared within each block, estimated the same way."),
    (
      "rung, step",
      "The environments in an order in which each adds one layer. A step compares a rung with the one below it, within "
        + "each block. Each step is estimated by itself, so that their product and their sum need not be the whole: the "
        + "residual is what is left over."
    ),
    (
      "count",
      "Events of the kernel during a fixed number of operations after the window, divided by that number. One number "
        + "stands where all blocks agree to 0.5 %, else the lowest and the highest."
    ),
    (
      "control",
      "The baseline stands in each block twice. The second copy against the first must show no difference; where it "
        + "does, the run bears no verdict."
    ),
    (
      "detectable from",
      "The minimum detectable effect: the smallest difference that an interval of this width would have told from none."
    ),
    ("n", "The number of pairs of trials behind an interval."),
    ("q", "The two-sided p-value of “no difference”, adjusted over the whole table by Benjamini and Hochberg."),
    (
      "voided block",
      "A block that does not count, on evidence that never looks at the outcome: stolen CPU time, foreign load, a clock "
        + "step, a packet path that was not the declared one."
    ),
    (
      "verdict",
      "✓ supported: the whole interval lies in the claim's region. ✗ refuted: none of it does. ? inconclusive: neither. "
        + "– unavailable: it could not be measured here."
    ),
  ]

  /// The same of files and images.
  static let storageTerms: [(title: String, text: String)] = [
    (
      "held against",
      "An environment of layers is compared with the plain file system that lies under it, where that took part in the "
        + "run, else with the baseline: so the ratio is what the layers cost, not what the file system does."
    ),
    (
      "a + b · size",
      "Within each block a line is laid through the sizes, by least squares of the relative errors; a and b are estimated "
        + "over the blocks, as differences are."
    ),
    (
      "break-even",
      "What opening for writing takes more than in the plain file system, divided by the time of a write of 4 KiB to the "
        + "disk there: after so many writes the copying is half of the time."
    ),
    (
      "amplification",
      "Of writes: bytes that reached the block device, with journal and metadata, for each byte that the application wrote. "
        + "Of space: bytes allocated and not shared for each byte that it wrote."
    ),
  ]
}
