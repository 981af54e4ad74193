internal import Environments
internal import Foundation
internal import Harness
internal import LinuxKit
public import Model

/// What has to stay the same for two nights to be comparable: the facts of an epoch.
public enum EpochFingerprint {
  /// Burdens of the host's own path that come and go by themselves: a connection is tracked, a DHCP client listens. They
  /// are told in the run's report, but open no epoch.
  private static let passing: Set<NativeBurden.Kind> = [.connectionTracking, .packetSockets]

  /// The facts, in a fixed order. What cannot be read is "unknown", which is a fact like any other.
  /// - Parameters:
  ///   - host: as a run of tonight has it.
  ///   - engines: the names of engines and runtimes that the suite uses, each with the command that says its version.
  ///   - suite: what the suite says, as a digest.
  static func facts(_ host: HostFacts, engines: [EngineVersion], suite: String) -> [Epoch.Fact] {
    let mitigations = host.mitigations.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
    let burdens = HostProbe.nativeBurdens().map(\.kind).filter { !passing.contains($0) }.map { "\($0)" }
    let cpus = [host.clientCPU, host.serverCPU].map { $0.map(String.init) ?? "unknown" }.joined(separator: " and ")
    return [
      Epoch.Fact("host", host.hostname),
      Epoch.Fact("kernel", host.kernel),
      Epoch.Fact("architecture", host.architecture),
      Epoch.Fact("distribution", host.distribution ?? "unknown"),
      Epoch.Fact("processor", host.cpuModel ?? "unknown"),
      Epoch.Fact("processors", "\(host.cpuCount)"),
      // Kernels differ by a few pages from boot to boot in what they give away.
      Epoch.Fact("memory", host.memoryBytes.map { "\(($0 + 1 << 29) >> 30) GiB" } ?? "unknown"),
      Epoch.Fact("virtualization", host.virtualization ?? "none"),
      Epoch.Fact("clock source", host.clockSource ?? "unknown"),
      Epoch.Fact("frequency governor", host.governor ?? "unknown"),
      Epoch.Fact("mitigations", mitigations.isEmpty ? "unknown" : mitigations.joined(separator: "; ")),
      Epoch.Fact("loaded on the host's own path", burdens.isEmpty ? "nothing" : burdens.joined(separator: ", ")),
      Epoch.Fact("CPUs of client and server", cpus),
    ] + engines.map { Epoch.Fact("version of \($0.name)", $0.version()) } + [Epoch.Fact("suite", suite)]
  }

  /// In what `facts` differ from those of before.
  public static func changes(from before: [Epoch.Fact], to facts: [Epoch.Fact]) -> [FactDifference] {
    let old = Dictionary(before.map { ($0.subject, $0.value) }, uniquingKeysWith: { first, _ in first })
    let new = Dictionary(facts.map { ($0.subject, $0.value) }, uniquingKeysWith: { first, _ in first })
    let subjects = facts.map(\.subject) + before.map(\.subject).filter { new[$0] == nil }
    return subjects.compactMap { subject in
      guard old[subject] != new[subject] else { return nil }
      return FactDifference(
        subject == "suite" ? .work : .host, subject, a: old[subject] ?? "none", b: new[subject] ?? "none")
    }
  }
}

/// An engine or a runtime whose version decides what is measured.
struct EngineVersion: Equatable {
  var name: String
  /// Looked for in the usual places.
  var command: [String]

  /// Those that `capabilities` need.
  static func needed(by capabilities: [HostCapability]) -> [EngineVersion] {
    let known: [(HostCapability, EngineVersion)] = [
      (.docker, EngineVersion(name: "docker", command: ["dockerd", "--version"])),
      (.podman, EngineVersion(name: "podman", command: ["podman", "--version"])),
      (.runc, EngineVersion(name: "runc", command: ["runc", "--version"])),
      (.gvisor, EngineVersion(name: "gvisor", command: ["runsc", "--version"])),
      (.haproxy, EngineVersion(name: "haproxy", command: ["haproxy", "-v"])),
    ]
    return known.filter { capabilities.contains($0.0) }.map(\.1)
  }

  private static let directories = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]

  /// The first line that the command prints; "none" where it is not there or fails.
  func version() -> String {
    guard let name = command.first,
      let path = Self.directories.map({ "\($0)/\(name)" }).first(where: FileManager.default.isExecutableFile),
      let child = try? ChildProcess(executable: path, arguments: Array(command.dropFirst()))
    else { return "none" }
    let deadline = Clock.monotonic() + 10_000_000_000
    guard let line = try? child.readLine(deadline: deadline) else { return "none" }
    return String(decoding: line, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
