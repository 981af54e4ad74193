import Capture
import Environments
import Harness
import LinuxKit
import Model
import Statistics
import Testing

@testable import Doctor

@Suite("What the doctor makes of what it sees")
struct JudgementTests {
  @Test(
    arguments: [
      (nil, .unknown), (.nan, .unknown), (0, .quiet), (0.000_99, .quiet), (0.001, .noisy), (0.0199, .noisy),
      (0.02, .hostile), (1, .hostile),
    ] as [(Double?, NoiseClass)])
  func `steal is quiet below 0.1 % and noisy below 2 %`(share: Double?, level: NoiseClass) {
    #expect(NoiseClass.Evidence.stealShare.classify(share) == level)
  }

  @Test(
    arguments: [
      (nil, .unknown), (0, .quiet), (0.0099, .quiet), (0.01, .noisy), (0.099, .noisy), (0.1, .hostile),
    ] as [(Double?, NoiseClass)])
  func `neighbours are quiet below 1 % and noisy below 10 %`(share: Double?, level: NoiseClass) {
    #expect(NoiseClass.Evidence.foreignCPUShare.classify(share) == level)
  }

  @Test(arguments: [(25.0, Finding.Status.ok), (100, .ok), (101, .warning), (1200, .warning)])
  func `a clock may cost 100 ns a reading`(cost: Double, status: Finding.Status) {
    #expect(ClockExamination.finding(source: "tsc", available: ["tsc"], cost: cost).status == status)
  }

  @Test(arguments: [nil, true, false])
  func `capture is optional, and root's`(isPermission: Bool?) {
    let failure = isPermission.map { TapError(interface: "lo", problem: "no", isPermission: $0) }
    let finding = CaptureExamination.finding(library: "libpcap 1", failure: failure, nanoseconds: 35_000_000)
    #expect(finding.status == (isPermission == nil ? .ok : .missing))
    #expect(finding.remedy == (isPermission == true ? "sudo bench doctor" : nil))
    #expect(finding.detail.hasPrefix("libpcap 1: "))
  }

  @Test func `a slow clock is mended where there is a better one`() {
    let finding = ClockExamination.finding(source: "hpet", available: ["hpet", "tsc"], cost: 900)
    #expect(finding.remedy?.contains("echo tsc") == true)
    #expect(ClockExamination.finding(source: "hpet", available: ["hpet"], cost: 900).remedy == nil)
  }

  @Test func `a governor should be performance`() {
    #expect(FrequencyControl.governor([(2, "performance"), (3, "performance")], isVirtual: false).status == .ok)
    #expect(FrequencyControl.governor([(2, nil), (3, nil)], isVirtual: true).status == .note)
    let mixed = FrequencyControl.governor([(2, "performance"), (3, "powersave")], isVirtual: false)
    #expect(mixed.status == .warning)
    #expect(mixed.detail == "powersave on CPU 3")
  }

  @Test func `turbo is told of only where the kernel tells`() {
    #expect(FrequencyControl.turbo(noTurbo: nil, boost: nil) == nil)
    #expect(FrequencyControl.turbo(noTurbo: "0", boost: nil)?.status == .note)
    #expect(FrequencyControl.turbo(noTurbo: "1", boost: nil)?.status == .ok)
    #expect(FrequencyControl.turbo(noTurbo: nil, boost: "1")?.status == .note)
  }

  @Test func `counters that are missing, mute or forbidden are told apart`() {
    let none = KernelCounters.pmu(
      .failure(SystemError(call: "perf_event_open", code: 2)), isVirtual: true, isRoot: true)
    #expect(none.status == .missing)
    #expect(none.remedy == nil)
    #expect(none.detail.contains("virtual machine"))
    let refused = KernelCounters.pmu(
      .failure(SystemError(call: "perf_event_open", code: 13)), isVirtual: false, isRoot: false)
    #expect(refused.remedy == "sudo bench doctor")
    #expect(KernelCounters.pmu(.success(0), isVirtual: true, isRoot: true).status == .missing)
    #expect(KernelCounters.pmu(.success(7), isVirtual: true, isRoot: true).status == .ok)
  }

  @Test func `capabilities are read off the effective set`() {
    #expect(Privileges.lacking(status: "CapPrm:\t000001ffffffffff\nCapEff:\t0000000000201000\n").isEmpty)
    #expect(Privileges.lacking(status: "CapEff:\t0000000000001000\n") == ["CAP_SYS_ADMIN"])
    #expect(Privileges.lacking(status: "") == ["CAP_SYS_ADMIN", "CAP_NET_ADMIN"])
  }

  @Test func `a want of privilege is fatal only where nothing could be made`() {
    var evidence = PrivilegeEvidence(isRoot: false, lacking: ["CAP_SYS_ADMIN"], hasBuilt: false)
    #expect(Privileges.finding(evidence).status == .fatal)
    #expect(Privileges.finding(evidence).remedy == "sudo bench doctor")
    evidence.hasBuilt = true
    #expect(Privileges.finding(evidence).status == .ok)
    evidence = PrivilegeEvidence(isRoot: true, lacking: [], hasBuilt: false, refusal: "mount: Permission denied")
    #expect(Privileges.finding(evidence).status == .fatal)
    evidence.refusal = nil
    #expect(Privileges.finding(evidence).status == .ok)
  }

  @Test func `a kind of burden has a way to look at it`() {
    let findings = NativePath.findings(
      burdens: NativeBurden.Kind.allCases.map { NativeBurden($0, "seen") }, isRoot: true, hasNft: true)
    #expect(
      findings.map(\.id) == [
        "native-iptables", "native-nftables", "br-netfilter", "native-conntrack", "native-taps",
      ])
    #expect(findings.allSatisfy { $0.remedy != nil })
    #expect(NativePath.findings(burdens: [], isRoot: true, hasNft: true).map(\.status) == [.ok])
    #expect(NativePath.findings(burdens: [], isRoot: false, hasNft: true).map(\.status) == [.note])
  }

  @Test func `little memory is a warning`() {
    #expect(MemoryExamination.finding(meminfo: "MemTotal: 9\nMemAvailable:    8000000 kB\n").status == .ok)
    #expect(MemoryExamination.finding(meminfo: "MemAvailable:    80000 kB\n").status == .warning)
    #expect(MemoryExamination.finding(meminfo: "").status == .note)
  }

  @Test func `remains of killed runs are a warning`() {
    #expect(Remains(runs: 0, resources: 0).finding(and: []).status == .ok)
    let finding = Remains(runs: 2, resources: 5).finding(and: [])
    #expect(finding.status == .warning)
    #expect(finding.detail == "2 killed runs have left 5 things on the host")
    #expect(finding.remedy == "sudo bench cleanup")
    #expect(Remains(runs: 0, resources: 0).finding(and: ["cannot remove it"]).status == .warning)
  }

  @Test(arguments: [("0-3,8", [0, 1, 2, 3, 8]), ("7", [7]), ("", []), ("3-1", []), ("x-y", [])])
  func `lists of CPUs are read as the kernel writes them`(text: String, cpus: [Int]) {
    #expect(CPUList.parse(text) == cpus)
  }
}

@Suite("Which capability is to blame")
struct BlameTests {
  private static let refused = UserError(.notPermitted, "not permitted")
  private static let unsupported = UserError(.unavailable, "not supported")

  private static func trials(netns: UserError?, veth: UserError?, bridge: UserError?) -> EnvironmentTrials {
    EnvironmentTrials(trials: [
      EnvironmentTrial(name: "native", needs: []),
      EnvironmentTrial(name: "netns", needs: [.networkNamespaces], failure: netns),
      EnvironmentTrial(name: "veth", needs: [.networkNamespaces, .veth], failure: veth),
      EnvironmentTrial(name: "bridge", needs: [.networkNamespaces, .veth, .bridge], failure: bridge),
    ])
  }

  private static func statuses(_ trials: EnvironmentTrials) -> [String: Finding.Status] {
    Dictionary(trials.findings.map { ($0.id, $0.status) }, uniquingKeysWith: { first, _ in first })
  }

  @Test func `the first that is not there, and those after it cannot be told`() {
    let trials = Self.trials(netns: nil, veth: Self.unsupported, bridge: Self.unsupported)
    #expect(Self.statuses(trials) == ["network-namespaces": .ok, "veth": .missing, "bridge": .missing])
    #expect(trials.findings[1].remedy == "modprobe veth")
    #expect(trials.findings[2].detail == "cannot be told without veth pairs")
  }

  @Test func `without anything to compare native with, it is fatal`() {
    let trials = Self.trials(netns: Self.unsupported, veth: Self.unsupported, bridge: Self.unsupported)
    #expect(Self.statuses(trials)["network-namespaces"] == .fatal)
    #expect(Diagnosis(findings: trials.findings).exitStatus == .unavailable)
  }

  @Test func `a want of privilege is not the capability's fault`() {
    let trials = Self.trials(netns: Self.refused, veth: Self.refused, bridge: Self.refused)
    #expect(Set(trials.findings.map(\.status)) == [.missing])
    #expect(trials.findings.allSatisfy { $0.remedy == nil })
  }

  @Test func `an environment that fails for a reason of its own has a finding`() {
    var trials = Self.trials(netns: Self.unsupported, veth: nil, bridge: nil)
    #expect(Self.statuses(trials)["environment-netns"] == .missing)
    trials.trials[0].failure = Self.unsupported
    #expect(Self.statuses(trials)["environment-native"] == .fatal)
  }
}
