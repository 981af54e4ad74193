internal import Foundation
internal import TestSupport
internal import Testing

/// The ledger of claims, over a catalogue of its own: `./scenarios` comes before any other.
@Suite("The claims of the article", .serialized)
struct ClaimsTests {
  private static let claims = """
    schema: bench.claims/1
    claims:
      - id: tiny-namespace
        section: Namespaces
        statement: A network namespace costs.
        metric: rtt_p50
        quantity: ratio
        region: { above: 1.05 }
        margin: 0.05
        published:
          - source: Somebody, 2020
            finding: nothing measurable
      - id: tiny-zombies
        section: Processes
        statement: Process 1 leaves zombies.
        open: needs a scenario with orphans

    """

  /// ``TinyScenario`` by reference to ``claims``.
  private static let scenario: String = {
    let text = TinyScenario.text()
    guard let start = text.range(of: "claims:") else { return text }
    return text[..<start.lowerBound] + """
      claims:
        - id: tiny-namespace
          workload: udp-block
          environment: netns
          supported: It costs more than 5 %.
          refuted: It costs at most 5 %.

      """
  }()

  private func workplace() throws -> Workplace {
    let place = try Workplace()
    try place.write(Self.claims, to: "scenarios/claims.yaml")
    try place.write(Self.scenario, to: "scenarios/tiny.yaml")
    return place
  }

  @Test("are all open where nothing has been measured, and it is said how to begin")
  func empty() throws {
    let place = try workplace()
    let outcome = try place.bench("claims")
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(outcome.errors == "")
    #expect(
      outcome.output.contains("On this host none of 2 claims is decided; 2 open (1 measured by no scenario yet)."))
    #expect(outcome.output.contains("Begin with: sudo bench run tiny"))
    #expect(outcome.output.contains("○ open         tiny-namespace: A network namespace costs."))
    #expect(!outcome.output.contains("\u{1B}"))
    #expect(!place.exists("state/bench.sqlite"), "nothing is made")

    let json = try place.bench("claims", "--json", "-")
    #expect(json.code == 0)
    let object = try JSONObject(Data(json.output.utf8))
    #expect(object["schema"] as? String == "bench.claims-ledger/1")
    #expect(object["counts.total"] as? Int == 2 && object["counts.open"] as? Int == 2)
    #expect(try place.bench("claims", "--format", "json").output == json.output)
  }

  @Test("take their verdict from a run of this host", .requiresNetworkNamespaces)
  func measured() throws {
    let place = try workplace()
    let run = try place.bench("run", "tiny", "--seed", "7", "--no-report", "--json", "result.json")
    // How the verdict comes out is the host's affair.
    #expect(run.code == 0 || run.code == 3, "\(run.status): \(run.errors)")
    let id = try #require(try JSONObject(place.data("result.json"))["run.id"] as? String)
    let outcome = try place.bench("claims", "--json", "claims.json", "--report", "out")
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("run \(id) of tiny, quick profile"))
    #expect(outcome.output.contains("published: nothing measurable (Somebody, 2020)"))
    #expect(place.names(in: "out") == ["claims.html", "claims.json", "claims.md"])
    #expect(try place.data("out/claims.json") == place.data("claims.json"))
    #expect(try JSONObject(place.data("claims.json"))["counts.open"] as? Int == 1)

    let open = try place.bench("claims", "--verdict", "open", "--format", "markdown")
    #expect(open.code == 0)
    #expect(open.output.contains("tiny-zombies") && !open.output.contains("tiny-namespace"))
    let scenario = try place.bench("claims", "--scenario", "tiny")
    #expect(scenario.output.contains("tiny-namespace") && !scenario.output.contains("tiny-zombies"))
  }

  @Test("are not asked for in words that mean nothing")
  func usage() throws {
    let place = try workplace()
    let verdict = try place.bench("claims", "--verdict", "refutd")
    #expect(verdict.code == 64)
    #expect(verdict.errors.contains("unknown verdict 'refutd' (did you mean 'refuted'?)"))
    let scenario = try place.bench("claims", "--scenario", "tinny")
    #expect(scenario.code == 64)
    #expect(scenario.errors.contains("unknown scenario 'tinny' (did you mean 'tiny'?)"))
    #expect(try place.bench("claims", "--json", "-", "--format", "html").code == 64)
    #expect(try place.bench("claims", "--format", "pdf").code == 64)
    #expect(try place.bench("claims", "--json", "nowhere/claims.json").code == 64)
  }

  @Test("come from a file that can be checked, and a mistake in it has its place")
  func file() throws {
    let place = try workplace()
    let valid = try place.bench("validate", "scenarios/claims.yaml", "scenarios/tiny.yaml")
    #expect(valid.code == 0, "\(valid.errors)")
    #expect(
      valid.output == """
        scenarios/claims.yaml: valid (2 claims, 1 of them measured by no scenario yet)
        scenarios/tiny.yaml: valid (tiny: A tiny scenario)

        """)
    try place.write(Self.claims.replacing("rtt_p50", with: "rtt_p5O"), to: "scenarios/claims.yaml")
    for arguments in [["validate", "scenarios/claims.yaml"], ["validate", "scenarios/tiny.yaml"]] {
      let broken = try place.run(program: try Executable.path(), arguments)
      #expect(broken.code == 65)
      #expect(broken.errors.contains("scenarios/claims.yaml:6:13: unknown metric 'rtt_p5O' (did you mean 'rtt_p50'?)"))
    }
    #expect(try place.bench("claims").code == 65)
  }
}
