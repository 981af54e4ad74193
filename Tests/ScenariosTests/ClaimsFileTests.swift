import Foundation
import Model
import Scenarios
import Testing

@Suite("A file of claims")
struct ClaimsFileTests {
  static let text = """
    schema: bench.claims/1
    claims:
      - id: net-hop
        section: Networks
        statement: A container's network is slower.
        metric: rtt_p50
        quantity: ratio
        region: { above: 1.10 }
        margin: 0.10
        published:
          - source: Somebody, 2020
            finding: 30 % longer
      - id: pid1
        section: Processes
        statement: Process 1 leaves zombies.
        open: needs a scenario with orphans
      - id: neighbour-net
        section: Clouds
        statement: A neighbour takes time.
        metric: rtt_p99
        quantity: ratio
        region: { above: 1.20 }
        margin: 0.20
        open: needs a neighbour

    """

  static let rule = ArticleClaim.Rule(
    metric: .rttP50, quantity: .ratio, region: ClaimRegion(above: 1.10), margin: 0.10)

  private func problem(_ text: String) -> String? {
    userError { () throws(UserError) in try ClaimsFile.parse(text, file: "claims.yaml") }?.message
  }

  @Test("is read whole, in its order")
  func valid() throws {
    let file = try ClaimsFile.parse(Self.text, file: "claims.yaml")
    #expect(file.claims.map(\.id) == ["net-hop", "pid1", "neighbour-net"])
    #expect(
      file.claim("net-hop")
        == ArticleClaim(
          id: "net-hop", section: "Networks", statement: "A container's network is slower.", rule: Self.rule,
          published: [ClaimSpec.Published(source: "Somebody, 2020", finding: "30 % longer")]))
    #expect(
      file.claim("pid1")
        == ArticleClaim(
          id: "pid1", section: "Processes", statement: "Process 1 leaves zombies.", rule: nil,
          open: "needs a scenario with orphans"))
    #expect(file.claim("neighbour-net")?.rule?.metric == .rttP99)
    #expect(file.claim("nothing") == nil)
  }

  @Test(
    "with a mistake is an error with its place",
    arguments: [
      ("metric: rtt_p50", "metric: rtt_p5O", "claims.yaml:6:13: unknown metric 'rtt_p5O' (did you mean 'rtt_p50'?)"),
      ("    margin: 0.10\n", "", "claims.yaml:3:5: a claim has no 'margin'"),
      ("margin: 0.10", "margin: 0", "claims.yaml:9:13: 'margin' must be above 0, not 0.0"),
      ("id: pid1", "id: net-hop", "claims.yaml:13:9: a second claim with the id 'net-hop'"),
      ("    open: needs a scenario with orphans\n", "    margin: 1\n", "claims.yaml:13:5: a claim has no 'metric'"),
      (
        "open: needs a sc", "opne: needs a sc", "claims.yaml:16:5: unknown key 'opne' in a claim (did you mean 'open'?)"
      ),
      ("bench.claims/1", "bench.claims/2", "claims.yaml:1:9: schema 'bench.claims/2' is newer than this program"),
      ("schema: bench.claims/1\n", "", "claims.yaml:1:1: the file does not say 'schema: bench.claims/1'"),
      ("region: { above: 1.20 }", "region: { above: 1.20", "claims.yaml:"),
    ])
  func mistake(_ old: String, _ new: String, _ expected: String) throws {
    try #require(Self.text.contains(old))
    let message = try #require(problem(Self.text.replacing(old, with: new, maxReplacements: 1)))
    #expect(message.hasPrefix(expected), "\(message)")
  }

  @Test("without any claim, or that is not there, is an error")
  func empty() throws {
    #expect(problem("schema: bench.claims/1\nclaims: []\n") == "claims.yaml:2:9: 'claims' needs at least one claim")
    let scratch = try ScratchDirectory()
    let error = userError { () throws(UserError) in try ScenarioCatalogue(directories: [scratch.path]).claims() }
    #expect(error?.exitCode == .badInput)
    #expect(error?.message == "there is no claims.yaml in \(scratch.path)")
    #expect(error?.remedy?.contains("install") == true)
  }

  @Test(
    "is known by its name",
    arguments: [
      ("claims.yaml", true), ("a/claims.yaml", true), ("a/myclaims.yaml", false), ("claims.yml", false),
    ])
  func name(_ path: String, _ isNamed: Bool) {
    #expect(ClaimsFile.isNamed(by: path) == isNamed)
  }
}

@Suite("A claim of a scenario")
struct ClaimReferenceTests {
  private static let keys = ["section", "statement", "metric", "quantity", "region", "margin"]

  /// valid.yaml's first claim, by reference alone.
  private func reference(id: String = "net-hop", with line: String = "") throws -> String {
    let text = try Fixture.text("valid.yaml")
    let start = try #require(text.range(of: "claims:"))
    return text[..<start.lowerBound] + """
      claims:
        - id: \(id)
          workload: udp-rr-spin
          environment: veth
          supported: It holds.
          refuted: It does not.
      \(line.isEmpty ? "" : "    \(line)\n")
      """
  }

  private let file: ClaimsFile

  init() throws { file = try ClaimsFile.parse(ClaimsFileTests.text, file: "claims.yaml") }

  private func parse(_ text: String, _ claims: ClaimsFile?) -> Result<Scenario, UserError> {
    Result { () throws(UserError) in
      try ScenarioFile.parse(text, file: "a.yaml", knownEnvironments: knownEnvironments, claims: claims)
    }
  }

  private func problem(_ text: String, _ claims: ClaimsFile?) -> String? {
    userError { () throws(UserError) in try parse(text, claims).get() }?.message
  }

  @Test("takes from the file of claims what is common to all scenarios")
  func shared() throws {
    let claim = try #require(try parse(try reference(), file).get().claims.first)
    #expect(claim.section == "Networks" && claim.statement == "A container's network is slower.")
    #expect(claim.metric == .rttP50 && claim.quantity == .ratio && claim.margin == 0.10)
    #expect(claim.region == ClaimRegion(above: 1.10) && claim.published.count == 1)
    #expect(claim.environment == "veth" && claim.supportedReason == "It holds.")
  }

  @Test("does not repeat it")
  func repeated() throws {
    #expect(
      problem(try reference(with: "margin: 0.2"), file)
        == "a.yaml:\(try line(of: "margin: 0.2", in: reference(with: "margin: 0.2"))):13: "
        + "'margin' of claim 'net-hop' is said in claims.yaml already: leave it out here")
  }

  private func line(of text: String, in whole: String) throws -> Int {
    let range = try #require(whole.range(of: text, options: .backwards))
    return whole[..<range.lowerBound].count { $0 == "\n" } + 1
  }

  @Test("of an unknown id is told the nearest one")
  func unknown() throws {
    let message = try #require(problem(try reference(id: "net-hpo"), file))
    #expect(
      message.hasSuffix(
        "claim 'net-hpo' has no 'section', 'statement', 'metric', 'quantity', 'region', 'margin': give them, or use an id "
          + "of claims.yaml (did you mean 'net-hop'?)"), "\(message)")
    let partly = try #require(problem(try reference(id: "mine", with: "margin: 0.2"), file))
    #expect(
      partly.contains("claim 'mine' has no 'section', 'statement', 'metric', 'quantity', 'region': give them, or"))
    let alone = try #require(problem(try reference(), nil))
    #expect(alone.hasSuffix("give them, since no claims.yaml that could say it lies beside the scenario"), "\(alone)")
  }

  @Test("of an id without a rule is an error")
  func ruleless() throws {
    let message = try #require(problem(try reference(id: "pid1"), file))
    #expect(message.contains("claim 'pid1' has no rule in claims.yaml yet"), "\(message)")
  }

  @Test("that says all itself needs no file, and none that lies elsewhere disturbs it")
  func own() throws {
    let text = try Fixture.text("valid.yaml")
    #expect(!(try parse(text, nil).get().claims.isEmpty))
    let scratch = try ScratchDirectory()
    let shipped = try ScratchDirectory()
    let id = try #require(try parse(text, nil).get().claims.first?.id)
    _ = try shipped.write("claims.yaml", ClaimsFileTests.text.replacing("id: net-hop", with: "id: \(id)").utf8)
    let path = try scratch.write("mine.yaml", text.utf8)
    let mine = try ScenarioFile.load(
      path: path, knownEnvironments: knownEnvironments, claimsDirectories: [shipped.path])
    #expect(mine == (try parse(text, nil).get()))
    // Beside it, one of the two is wrong.
    let beside = try shipped.write("mine.yaml", text.utf8)
    let error = userError { () throws(UserError) in
      try ScenarioFile.load(path: beside, knownEnvironments: knownEnvironments)
    }
    #expect(error?.message.contains("is said in claims.yaml already") == true)
  }

  @Test("is looked up beside the scenario first, then in the directories given")
  func order() throws {
    let scratch = try ScratchDirectory()
    let shipped = try ScratchDirectory()
    _ = try shipped.write("claims.yaml", ClaimsFileTests.text.utf8)
    let path = try scratch.write("mine.yaml", try reference().utf8)
    let directories = ["/nonexistent", shipped.path]
    func load() throws(UserError) -> Scenario {
      try ScenarioFile.load(path: path, knownEnvironments: knownEnvironments, claimsDirectories: directories)
    }
    #expect(try load().claims.first?.margin == 0.10)
    _ = try scratch.write("claims.yaml", ClaimsFileTests.text.replacing("margin: 0.10", with: "margin: 0.3").utf8)
    #expect(try load().claims.first?.margin == 0.3)
    // A damaged one is the error, by its own name and place, and only where something is asked of it.
    _ = try scratch.write("claims.yaml", ClaimsFileTests.text.replacing("rtt_p50", with: "nonsense").utf8)
    let error = userError { () throws(UserError) in try load() }
    #expect(error?.message.hasPrefix("\(scratch.path)/claims.yaml:6:13: unknown metric 'nonsense'") == true)
    #expect(error?.remedy?.contains("bench validate \(scratch.path)/claims.yaml") == true)
  }
}
