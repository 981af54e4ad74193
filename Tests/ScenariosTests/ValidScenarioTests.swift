import Foundation
import Model
import Scenarios
import Testing

@Suite("A valid scenario file")
struct ValidScenarioTests {
  @Test("gives every value that it states, and the defaults for the rest")
  func valuesAndDefaults() throws {
    let scenario = try ScenarioFile.load(path: Fixture.path("valid.yaml"), knownEnvironments: knownEnvironments)
    let expected = Scenario(
      name: "fixture", title: "A title", description: "First paragraph.\nSecond paragraph.", baseline: "native",
      environments: ["native", "veth", "bridge"],
      workloads: [
        WorkloadSpec(name: "udp-rr-spin", kind: .udpRR, wait: .spin, placement: .split, size: 64),
        WorkloadSpec(name: "tcp-rr-block", kind: .tcpRR, wait: .block, placement: .same, size: 64),
      ],
      profiles: [
        .quick: Profile(
          windowMilliseconds: 150, warmupMilliseconds: 0, budgetSeconds: 50, looks: [8, 12], confidence: 0.95,
          workloads: ["udp-rr-spin"]),
        .standard: Profile(
          windowMilliseconds: 1500, warmupMilliseconds: 50, budgetSeconds: 300, looks: [8, 12, 18, 27, 40],
          confidence: 0.99, workloads: nil),
      ], capture: CaptureSpec(sampling: 64),
      claims: [
        ClaimSpec(
          id: "hop", section: "Networks", statement: "A hop costs.", workload: "udp-rr-spin", metric: .rttP50,
          environment: "bridge", quantity: .ratio, region: ClaimRegion(above: 1.1, below: 2), margin: 0.1,
          supportedReason: "It does.", refutedReason: "It does not.")
      ])
    #expect(scenario == expected)
  }

  @Test(
    "may be written with carriage returns, a byte order mark, comments or quotes",
    arguments: [
      { $0.replacing("\n", with: "\r\n") },
      { "\u{FEFF}" + $0 },
      { "# a comment\n" + $0 + "# the end\n" },
      { $0.replacing("name: fixture", with: "name: 'fixture'") },
      { $0.replacing("title: A title", with: "title: \"  A title \"") },
      { "---\n" + $0 + "...\n" },
    ] as [@Sendable (String) -> String])
  func spellings(_ respell: @Sendable (String) -> String) throws {
    let text = try Fixture.text("valid.yaml")
    let plain = try ScenarioFile.parse(text, file: "a.yaml", knownEnvironments: knownEnvironments)
    #expect(try ScenarioFile.parse(respell(text), file: "b.yaml", knownEnvironments: knownEnvironments) == plain)
  }

  @Test("may make no claims")
  func withoutClaims() throws {
    let text = try Fixture.text("valid.yaml")
    let cut = try #require(text.range(of: "claims:"))
    let scenario = try ScenarioFile.parse(
      String(text[..<cut.lowerBound]), file: "a.yaml", knownEnvironments: knownEnvironments)
    #expect(scenario.claims.isEmpty)
  }

  @Test("may use words with * and & in its texts")
  func emphasis() throws {
    let stars = String(repeating: " *this* and *that*", count: 20)
    let text = try Fixture.text("valid.yaml").replacing("First paragraph.", with: "Copy & paste\(stars).")
    let scenario = try ScenarioFile.parse(text, file: "a.yaml", knownEnvironments: knownEnvironments)
    #expect(scenario.description.hasPrefix("Copy & paste *this*"))
  }

  @Test("may have open loops, commands, ladders' steps and slopes")
  func everything() throws {
    let scenario = try ScenarioFile.load(path: Fixture.path("everything.yaml"), knownEnvironments: knownEnvironments)
    #expect(
      scenario.workloads == [
        WorkloadSpec(name: "open", kind: .udpOpen, wait: .block, size: 100, replySize: 200, rate: 20_000),
        WorkloadSpec(name: "http", kind: .tcpRR, wait: .block, concurrency: 100, framing: .http),
        WorkloadSpec(name: "stream", kind: .tcpStream, wait: .block, size: 65_000),
        WorkloadSpec(
          name: "redis", kind: .exec, wait: .block,
          commands: .init(
            server: ["redis-server", "--port", "{server_port}", "--save", ""],
            client: ["redis-benchmark", "-p", "{server_port}"],
            reported: "SET: ([0-9.]+)")),
      ])
    #expect(scenario.profiles[.quick]?.environments == ["native", "bridge"])
    #expect(scenario.claims[0].against == "veth")
    #expect(scenario.claims[0].published == [.init(source: "Somebody, 2020", finding: "1.34 times")])
    #expect(scenario.claims[1].quantity == .slope)
    #expect(scenario.claims[1].over == ["native": 0, "veth": 1.5, "bridge": 3])
    #expect(scenario.claims[1].environments == ["native", "veth", "bridge"])
    #expect(scenario.imageSize == nil && scenario.claims[1].overWorkloads == nil)
  }

  @Test("may work with files, whose sizes are exact, and defaults fit the kind")
  func storage() throws {
    let scenario = try ScenarioFile.load(path: Fixture.path("storage.yaml"), knownEnvironments: knownEnvironments)
    func workload(_ name: String, _ kind: WorkloadSpec.Kind, _ files: FileWork) -> WorkloadSpec {
      WorkloadSpec(name: name, kind: kind, wait: .block, files: files)
    }
    #expect(
      scenario.workloads == [
        workload("small", .copyUp, FileWork(size: 4096, count: 8, cache: .cold)),
        workload("medium", .copyUp, FileWork(size: 1_572_864, count: 4)),
        workload("large", .copyUp, FileWork(size: 64 << 20)),
        workload(
          "random", .randomIO,
          FileWork(
            size: 128 << 20, blockSize: 4096, engine: .ioUring, access: .mixed, isDirect: true, depth: 16, syncEvery: 8)
        ),
        workload(
          "in-order", .sequentialIO, FileWork(size: 64 << 20, blockSize: 1 << 20, access: .read, cache: .cold)),
        workload("names", .lookup, FileWork(count: 1000)),
        workload("storm", .metadata, FileWork(size: 1, count: 50)),
        workload("pages", .mmapWrite, FileWork(size: 16 << 20)),
        workload("commits", .sqliteCommit, FileWork(count: 10, blockSize: 256)),
      ])
    #expect(scenario.imageSize == 4 << 30)
    let claim = try #require(scenario.claims.first)
    #expect(claim.over == nil && claim.overWorkloads == ["small": 4096, "medium": 1_572_864, "large": 67_108_864])
    #expect(claim.workloads == ["small", "medium", "large"] && claim.environments == ["overlayfs-ext4"])
  }

  @Test("may rebuild images")
  func images() throws {
    let scenario = try ScenarioFile.load(path: Fixture.path("images.yaml"), knownEnvironments: knownEnvironments)
    #expect(
      scenario.workloads.map(\.files) == [
        FileWork(size: 64 << 10, count: 100), FileWork(size: 1024, count: 3, rebuilds: 20, isPruning: true),
      ])
    #expect(scenario.workloads.allSatisfy { $0.kind == .imageRebuild && $0.wait == .block })
    #expect(scenario.imageSize == nil)
  }
}
