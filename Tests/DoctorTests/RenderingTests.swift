import Model
import PlainText
import Testing

@testable import Doctor

@Suite("A diagnosis on a terminal")
struct RenderingTests {
  private static let findings = [
    Finding(
      id: "privilege", title: "Privilege", status: .ok, detail: "root with CAP_SYS_ADMIN and CAP_NET_ADMIN",
      why: "Never shown."),
    Finding(
      id: "governor", title: "Frequency governor", status: .note,
      detail: "not visible in this virtual machine: the hypervisor sets the frequency",
      why: "A CPU that changes its clock in the middle of a window changes what is measured."),
    Finding(
      id: "neighbours", title: "Busy neighbours", status: .warning,
      detail: "others used 37.5 % of CPU 2 and 3 in 1.0 s; busiest: cc1plus (pid 4711, 60.2 % of a CPU)",
      why: "Other work on the CPUs of the measurement interrupts it.", remedy: "top -b -n 1", affects: ["rtt_p50"]),
    Finding(
      id: "pmu", title: "Performance counters", status: .missing, detail: "none here",
      why: "Instructions will be unavailable.", affects: ["instructions"]),
    Finding(
      id: "clock", title: "Clock", status: .warning, detail: "hpet, 1210 ns a reading",
      why: "Each round trip takes two readings.",
      remedy: "echo tsc | sudo tee /sys/devices/system/clocksource/clocksource0/current_clocksource",
      affects: ["rtt_p50"]),
  ]
  private static let fatal = Finding(
    id: "worker", title: "Worker", status: .fatal, detail: "cannot find bench-worker", why: "It runs everywhere.",
    remedy: "make build", affects: Affected.environments)

  @Test func `80 columns hold a line for what is well, and reason and remedy for what is not`() {
    let expected = """
      ✓ ok       Privilege             root with CAP_SYS_ADMIN and CAP_NET_ADMIN
      · note     Frequency governor    not visible in this virtual machine: the
                                       hypervisor sets the frequency
                                       A CPU that changes its clock in the middle of a
                                       window changes what is measured.
      ! warning  Busy neighbours       others used 37.5 % of CPU 2 and 3 in 1.0 s;
                                       busiest: cc1plus (pid 4711, 60.2 % of a CPU)
                                       Other work on the CPUs of the measurement
                                       interrupts it.
                                       → run: top -b -n 1
      – missing  Performance counters  none here
                                       Instructions will be unavailable.
      ! warning  Clock                 hpet, 1210 ns a reading
                                       Each round trip takes two readings.
          → run: echo tsc | sudo tee /sys/devices/system/clocksource/clocksource0/current_clocksource

      \(Diagnosis(findings: Self.findings).summary.wrapped(to: 80).joined(separator: "\n"))

      """
    #expect(Doctor.render(Diagnosis(findings: Self.findings), width: 80, color: false) == expected)
    #expect(
      Diagnosis(findings: Self.findings).summary
        == "ready: all \(Affected.environments.count) environments can run here; 2 things make numbers noisier or biased"
    )
  }

  @Test func `a narrow terminal has titles on lines of their own`() {
    let expected = """
      ✗ fatal    Worker
          cannot find bench-worker
          It runs everywhere.
          → run: make build

      not ready: no environment can run here

      """
    #expect(Doctor.render(Diagnosis(findings: [Self.fatal]), width: 50, color: false) == expected)
  }

  @Test func `colour adds nothing but escape sequences`() {
    let diagnosis = Diagnosis(findings: Self.findings + [Self.fatal])
    let colored = Doctor.render(diagnosis, width: 80, color: true)
    #expect(colored.contains("\u{1B}[33m! warning"))
    #expect(
      colored.replacing(/\u{1B}\[[0-9;]*m/, with: "") == Doctor.render(diagnosis, width: 80, color: false))
  }

  @Test(arguments: [40, 60, 72, 80, 100, 200])
  func `no line but a remedy is wider than the terminal`(width: Int) {
    let text = Doctor.render(Diagnosis(findings: Self.findings + [Self.fatal]), width: width, color: false)
    for line in text.split(separator: "\n") where !line.contains("→ run:") {
      #expect(String(line).terminalWidth <= width)
      #expect(line.last != " ")
    }
  }

  @Test func `what a process calls itself is inert`() {
    let hostile = "\u{1B}]0;owned\u{07}\u{1B}[31mevil\u{202E}\r\n✓ ok  Fake\u{9B}2J"
    let finding = Finding(id: hostile, title: hostile, status: .warning, detail: hostile, why: hostile, remedy: hostile)
    let text = Doctor.render(Diagnosis(findings: [finding]), width: 80, color: false)
    for scalar in text.unicodeScalars where scalar != "\n" {
      #expect(scalar.properties.generalCategory != .control)
      #expect(scalar.properties.generalCategory != .format)
    }
    #expect(!text.split(separator: "\n").contains { $0.hasPrefix("✓") })
  }

  @Test func `an endless text is cut`() {
    let finding = Finding(
      id: "x", title: "X", status: .ok, detail: String(repeating: "x", count: 100_000), why: "")
    #expect(finding.detail.count == InertText.longestText + 1)
    #expect(finding.detail.last == "…")
  }

  @Test func `the exit status tells what is lacking`() {
    let refused = Finding(id: "privilege", title: "Privilege", status: .fatal, detail: "", why: "")
    #expect(Diagnosis(findings: Self.findings).exitStatus == .success)
    #expect(Diagnosis(findings: Self.findings + [Self.fatal]).exitStatus == .unavailable)
    #expect(Diagnosis(findings: [Self.fatal, refused]).exitStatus == .notPermitted)
  }

  @Test func `the summary names what can run and what cannot`() {
    let all = Affected.environments.count
    let bridge = Finding(
      id: "bridge", title: "Linux bridge", status: .missing, detail: "", why: "", affects: ["bridge"])
    let remains = Finding(id: "remains", title: "Remains of runs", status: .warning, detail: "", why: "")
    #expect(
      Diagnosis(findings: [bridge, remains]).summary
        == "ready: \(all - 1) of \(all) environments can run here; bridge cannot; 1 thing to put right")
    let many = Finding(
      id: "x", title: "X", status: .missing, detail: "", why: "", affects: Array(Affected.environments.dropFirst()))
    #expect(
      Diagnosis(findings: [many]).summary
        == "ready: 1 of \(all) environments can run here; host-network, netns, macvlan, veth, vxlan and \(all - 6) more cannot"
    )
  }
}
