public import Foundation
public import Model
internal import PlainText

/// What an index says of one run.
public struct IndexEntry: Sendable {
  /// How one environment lies to what it is held against, by the headline metric of a workload.
  public struct Headline: Sendable, Equatable {
    public var environment: String
    /// The environment that it is held against.
    public var reference: String
    public var workload: String
    /// The metric's name, as reports have it.
    public var metric: String
    /// Environment ÷ reference, with its interval.
    public var estimate: Double
    public var low: Double
    public var high: Double
    /// Whether the run may judge the workload.
    public var isValid: Bool
  }

  public var id: String
  public var scenario: String
  public var title: String
  public var profile: ProfileName
  public var family: AddressFamily
  public var started: Date
  public var host: String
  /// The kernel and the program with which it was measured.
  public var kernel: String
  public var version: String
  public var exit: RunRecord.Exit
  public var validBlocks: Int
  public var voidedBlocks: Int
  /// What a report of the run says first where it bears no verdict, or not on all workloads; nil if it is valid.
  public var validityHeading: String?
  /// Claims by verdict, as reports show them: those that the run cannot bear are withdrawn.
  public var verdicts: [ClaimResult.Verdict: Int]
  /// In the order of the reports.
  public var headlines: [Headline]
  /// The run's reports: what each is called, and its path as seen from the index page.
  public var links: [(format: String, path: String)]

  /// - Parameter links: what each report is called ("HTML"), and its path as seen from the index page. Paths stay
  ///   relative: a leading "/" is dropped, and no part of one can be taken for a scheme.
  public init(_ result: RunResult, links: [(format: String, path: String)]) {
    let page = Presentation(result)
    let run = result.run
    id = run.id
    scenario = run.scenario
    title = run.title
    profile = run.profile
    family = run.family ?? .ipv4
    started = run.started
    host = run.host.hostname
    kernel = run.host.kernel
    version = run.version
    exit = run.exit
    validBlocks = run.validBlocks
    voidedBlocks = run.voidedBlocks
    validityHeading = page.validity.isValid ? nil : page.validity.heading(workloads: page.workloads)
    verdicts = page.claims.reduce(into: [:]) { $0[$1.verdict, default: 0] += 1 }
    self.links = links
    let isReal = page.validity.purpose == nil
    headlines = page.workloads.flatMap { workload in
      let metric = page.headline(workload)
      let isHeld = page.isHeldToReferences(workload)
      return page.environments.compactMap { environment -> Headline? in
        guard let series = page.series(environment, workload, metric) else { return nil }
        let shown = isHeld ? series.heldToReference : series
        guard let ratio = shown.ratio, ratio.estimate.isFinite, ratio.low.isFinite, ratio.high.isFinite else {
          return nil
        }
        return Headline(
          environment: environment, reference: isHeld ? series.reference?.environment ?? page.baseline : page.baseline,
          workload: workload, metric: metric.title(of: page.kind(workload)), estimate: ratio.estimate, low: ratio.low,
          high: ratio.high, isValid: isReal && page.validity.canJudge(workload))
      }
    }
  }
}
