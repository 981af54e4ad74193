internal import ArgumentParser
internal import Environments
internal import Foundation
internal import Harness
internal import Model

struct DescribeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "describe", abstract: "Say what a scenario would do and how long it would take.")

  @Argument(help: ArgumentHelp("A scenario, by name or by path.", valueName: "scenario"))
  var scenario: String

  func run() throws {
    let scenario = try ScenarioSource.load(scenario)
    var text = "\(scenario.name): \(scenario.title)\n\n\(scenario.description)\n\nEnvironments\n"
    text += Columns.lines(
      scenario.environments.compactMap { EnvironmentRegistry.definition(named: $0) }.map {
        [$0.name + ($0.name == scenario.baseline ? " (baseline)" : ""), $0.summary]
      })
    text += "\n\nWorkloads\n" + Columns.lines(scenario.workloads.map { [$0.name, $0.summary] })
    text += "\n\nProfiles\n" + Columns.lines(try ProfileName.allCases.compactMap { try profile($0, of: scenario) })
    text += "\n\nInside the path\n  " + Self.capture(of: scenario)
    text += "\n\nClaims\n"
    text += Columns.lines(
      scenario.claims.map { [$0.id, $0.statement + " " + Self.rule(of: $0)] })
    Console.output(text)
  }

  private func profile(_ name: ProfileName, of scenario: Scenario) throws(UserError) -> [String]? {
    guard let profile = scenario.profiles[name] else { return nil }
    let plan = try RunPlan(scenario: scenario, profile: name, seed: 1)
    let block = plan.estimatedBlockSeconds
    let atLeast = min(Double(profile.budgetSeconds), block * Double(profile.looks[0]))
    let shortest = Int(atLeast.rounded(.up))
    let workloads = plan.workloads.count
    return [
      name.rawValue, (shortest < profile.budgetSeconds ? "\(shortest)–" : "") + "\(profile.budgetSeconds) s",
      "\(workloads) workload\(workloads == 1 ? "" : "s"), windows of \(profile.windowMilliseconds) ms, "
        + "verdicts looked at after \(profile.looks.map(String.init).joined(separator: ", ")) blocks",
    ]
  }

  private static func capture(of scenario: Scenario) -> String {
    guard let capture = scenario.capture else { return "not looked at (no key 'capture')" }
    let share = capture.sampling == 1 ? "every round trip" : "one round trip in \(capture.sampling)"
    return "\(share) is looked at on its way, in trials of their own; --no-capture leaves them out"
  }

  private static func rule(of claim: ClaimSpec) -> String {
    let what =
      switch claim.quantity {
      case .ratio: "ratio of \(claim.metric.title) in \(claim.environment)"
      case .difference: "difference of \(claim.metric.title) in \(claim.environment)"
      case .slope: "slope of \(claim.metric.title) up to \(claim.environment)"
      }
    let bounds = [claim.region.above.map { "above \($0)" }, claim.region.below.map { "below \($0)" }].compactMap { $0 }
    return "(Supported if the whole interval of the \(what) lies \(bounds.joined(separator: " and ")).)"
  }
}
