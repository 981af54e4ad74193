internal import Foundation
internal import LinuxKit
public import Model

/// What `bench doctor --fix` may do so that engines and file systems can be measured. Nothing is done unless the user asks for it.
public enum EngineSetup {
  /// Something that is missing, and what would be done about it.
  public struct Action: Sendable, Equatable {
    enum Step: Sendable, Equatable {
      case install(packages: [String])
      case startPrivateDocker(directory: String)
    }

    /// What it is for.
    public let capability: HostCapability
    /// What is missing, as a sentence.
    public let finding: String
    /// What would be done, as a sentence in the imperative.
    public let sentence: String
    let step: Step
  }

  /// The programs that a capability needs, and the packages of Debian and Ubuntu that have them.
  private static func programs(for capability: HostCapability) -> [String] {
    switch capability {
    case .docker: ["docker", "dockerd", "iptables"]
    case .podman: ["podman"]
    case .runc: ["runc"]
    case .gvisor: ["runsc"]
    case .haproxy: ["haproxy"]
    case .ext4: ["mkfs.ext4"]
    case .xfs: ["mkfs.xfs"]
    case .btrfs: ["mkfs.btrfs"]
    case .erofs: ["mkfs.erofs"]
    default: []
    }
  }

  /// Debian's package with that program; nil if it is not known.
  static func package(of program: String) -> String? {
    switch program.split(separator: "/").last {
    case "docker", "dockerd": "docker.io"
    case "podman": "podman"
    case "runc": "runc"
    case "runsc": "runsc"
    case "haproxy": "haproxy"
    case "iptables", "ip6tables": "iptables"
    case "mkfs.ext4": "e2fsprogs"
    case "mkfs.xfs": "xfsprogs"
    case "mkfs.btrfs": "btrfs-progs"
    case "mkfs.erofs": "erofs-utils"
    default: nil
    }
  }

  /// What is to be done for these capabilities, in order; empty where all is there.
  /// - Parameter directory: where the private Docker daemon has its files.
  public static func actions(
    for capabilities: [HostCapability] = HostCapability.allCases, directory: String
  ) -> [Action] {
    capabilities.flatMap { actions(for: $0, directory: directory) { EngineTool.find($0) != nil } }
  }

  static func actions(
    for capability: HostCapability, directory: String, isInstalled: (String) -> Bool
  ) -> [Action] {
    var actions: [Action] = []
    let missing = programs(for: capability).filter { !isInstalled($0) }
    if !missing.isEmpty {
      var packages: [String] = []
      for package in missing.compactMap(package(of:)) where !packages.contains(package) { packages.append(package) }
      actions.append(
        Action(
          capability: capability, finding: "There is no \(missing.joined(separator: ", no ")) on this host.",
          sentence: "Install with apt-get: \(packages.joined(separator: ", ")).", step: .install(packages: packages)))
    }
    if capability == .docker, !missing.isEmpty || (try? DockerDaemon()) == nil {
      actions.append(
        Action(
          capability: capability, finding: "No Docker daemon answers.",
          sentence:
            "Start a private Docker daemon with all its files in \(directory) and a network namespace of its own; it "
            + "runs until it is stopped, or until the next boot.",
          step: .startPrivateDocker(directory: directory)))
    }
    return actions
  }

  /// Does it.
  public static func perform(_ action: Action) throws(UserError) {
    switch action.step {
    case .startPrivateDocker(let directory): _ = try PrivateDocker.start(directory: directory)
    case .install(let packages):
      let tool: EngineTool
      do throws(UserError) { tool = try EngineTool("apt-get") } catch {
        throw UserError(
          .unavailable, "this system has no apt-get",
          remedy: "install \(packages.joined(separator: ", ")) with its own package manager")
      }
      try engineExplained(remedy: "run it by hand to see why") { () throws(EngineTool.Failure) in
        try tool.run(
          ["-qq", "-o", "DPkg::Lock::Timeout=120", "install", "-y", "--no-install-recommends"] + packages, within: 900)
      }
    }
  }
}
