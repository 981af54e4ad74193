import Environments
import Foundation
import Glibc
import LinuxKit
import Model
import TestSupport
import Testing

@testable import Doctor

@Suite("An examination of this host")
struct ExaminationTests {
  @Test(.requiresNetworkNamespaces) func `finds network namespaces and leaves nothing behind`() throws {
    let workshop = try Workshop()
    defer { workshop.remove() }
    let runID = "doctor-test-\(String(UInt64.random(in: .min ... .max), radix: 36))"
    // Engines have tests of their own: here they may be missing.
    let definitions = EnvironmentRegistry.all.filter { !$0.needs.contains(where: \.isEngine) }
    let trials = EnvironmentTrials.run(definitions, journalDirectory: workshop.journals, runID: runID)
    #expect(trials.trials.compactMap(\.failure) == [])
    #expect(trials.leftBehind == [])
    #expect(trials.findings.count == 15 && trials.findings.allSatisfy { $0.status == .ok })
    #expect(try FileManager.default.contentsOfDirectory(atPath: workshop.journals) == [])
    let namespaces = (try? FileManager.default.contentsOfDirectory(atPath: NetworkNamespace.directory)) ?? []
    #expect(!namespaces.contains { $0.contains(runID) })
  }

  @Test(.requiresNetworkNamespaces) func `lacks only the worker that it was not given`() throws {
    let workshop = try Workshop()
    defer { workshop.remove() }
    let diagnosis = workshop.examine()
    #expect(diagnosis.findings.filter { $0.status == .fatal }.map(\.id) == ["worker"])
    #expect(diagnosis.exitStatus == .unavailable)
    #expect(try FileManager.default.contentsOfDirectory(atPath: workshop.path) == ["journal"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: workshop.journals) == [])
  }

  @Test func `covers every environment, says why each finding matters, and has each once`() throws {
    let workshop = try Workshop()
    defer { workshop.remove() }
    let findings = workshop.examine().findings
    for name in Affected.environments { #expect(findings.contains { $0.affects.contains(name) }) }
    for id in [
      "privilege", "network-namespaces", "veth", "bridge", "capture", "worker", "journal", "store", "remains", "memory",
      "pinning", "smt", "governor", "clock", "tracepoints", "pmu", "steal", "neighbours",
    ] {
      #expect(findings.filter { $0.id == id }.count == 1, "\(id)")
    }
    #expect(findings.allSatisfy { !$0.why.isEmpty && !$0.detail.isEmpty })
  }

  @Test func `says clearly what an ordinary user cannot do`() async {
    await #expect(processExitsWith: .success) {
      // The exit test's process is its own: what it gives up is nobody else's.
      if geteuid() == 0 {
        try #require(setgroups(0, nil) == 0)
        try #require(setgid(65_534) == 0)
        try #require(setuid(65_534) == 0)
      }
      let workshop = try Workshop()
      defer { workshop.remove() }
      let diagnosis = workshop.examine(worker: try workshop.script(#"read line; echo '{"type":"failed"}'; exit 1"#))
      #expect(diagnosis.exitStatus == .notPermitted)
      #expect(diagnosis.findings.filter { $0.status == .fatal }.map(\.id) == ["privilege"])
      #expect(diagnosis.environments.usable == ["native", "plain-host", "deploy-plain"])
      let text = Doctor.render(diagnosis, width: 80, color: false)
      #expect(text.contains("an ordinary user without CAP_SYS_ADMIN"))
      #expect(text.contains("→ run: sudo bench doctor"))
      #expect(
        text.replacing("\n", with: " ").contains(
          "not ready: 3 of \(Affected.environments.count) environments can run here; "))
    }
  }

  @Test func `keeps no descriptor open`() async {
    await #expect(processExitsWith: .success) {
      let workshop = try Workshop()
      defer { workshop.remove() }
      // The first opens what the libraries keep.
      _ = workshop.examine(sampling: .milliseconds(1))
      let before = try descriptorCount()
      _ = workshop.examine(sampling: .milliseconds(1))
      #expect(try descriptorCount() == before)
    }
  }

  @Test func `makes nothing where it may not keep a journal`() throws {
    let workshop = try Workshop()
    defer { workshop.remove() }
    let file = try workshop.script("true")
    let trials = EnvironmentTrials.run(journalDirectory: "\(file)/journal")
    #expect(trials.journalFailure != nil)
    #expect(trials.trials.allSatisfy { $0.failure != nil })
    let diagnosis = Diagnosis(
      findings: trials.findings
        + StateDirectories.findings(
          journalDirectory: file, journalFailure: trials.journalFailure, storePath: "\(file)/bench.sqlite"))
    #expect(diagnosis.findings.filter { $0.status == .fatal }.map(\.id) == ["journal", "store"])
    #expect(diagnosis.environments.usable == [])
  }

  @Test(
    arguments: [
      ("exit 0", "does not behave like a worker"), ("read line; exit 1", "does not behave like a worker"),
      ("kill -9 $$", "killed by signal 9"),
    ])
  func `takes no other program for the worker`(script: String, complaint: String) throws {
    let workshop = try Workshop()
    defer { workshop.remove() }
    let finding = WorkerExamination.finding(
      environment: ["BENCH_WORKER": try workshop.script(script)], program: "/nonexistent/bench")
    #expect(finding.status == .fatal)
    #expect(finding.detail.contains(complaint))
  }

  @Test func `takes a worker that is a script with a warning`() throws {
    let workshop = try Workshop()
    defer { workshop.remove() }
    let worker = try workshop.script(#"read line; echo '{"type":"failed"}'; exit 1"#)
    let finding = WorkerExamination.finding(environment: ["BENCH_WORKER": worker], program: "/nonexistent/bench")
    #expect(finding.status == .warning)
    #expect(finding.detail.contains("no 64-bit ELF"))
  }
}
