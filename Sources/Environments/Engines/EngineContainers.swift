internal import Foundation
internal import LinuxKit
internal import Model

/// Containers of Docker or Podman whose first process is a worker.
struct EngineContainers {
  let address: EngineAddress
  let tool: EngineTool

  /// One that runs.
  struct Running {
    let name: String
    let pid: Int32
    let worker: ContainedWorker
    let place: FurnishedNamespace
  }

  private struct Inspection: Decodable {
    struct State: Decodable {
      var running: Bool
      var pid: Int32
      enum CodingKeys: String, CodingKey {
        case running = "Running"
        case pid = "Pid"
      }
    }
    var state: State
    enum CodingKeys: String, CodingKey { case state = "State" }
  }

  /// What every container is made with, beside its network and its image.
  func commonArguments(_ name: String, with resources: HostResources) -> [String] {
    var arguments = [
      "create", "--name", name, "--interactive", "--label", "\(HostResources.label)=\(resources.runID)",
      // What the worker writes to stdout are its results, which no engine needs to keep.
      "--log-driver", "none",
    ]
    if resources.settings.mountsHostPrograms {
      for place in ContainerImage.hostPrograms() {
        arguments += ["--volume", "\(place.source):\(place.destination):ro"]
      }
      arguments += ["--tmpfs", "/tmp", "--workdir", "/tmp"]
    }
    return arguments
  }

  /// Starts containers that were made, all at once, and finds out where they are.
  /// - Parameters:
  ///   - containers: names, and the roles that they have.
  ///   - place: the namespace of all of them, where they have none of their own.
  func start(
    _ containers: [(name: String, role: String)], in place: FurnishedNamespace? = nil
  ) throws(UserError) -> [Running] {
    let names = containers.map(\.name)
    let text = try engineExplained { () throws(EngineTool.Failure) in
      try tool.run(["start"] + names)
      return try tool.run(["container", "inspect"] + names)
    }
    guard let inspections = try? JSONDecoder().decode([Inspection].self, from: Data(text.utf8)),
      inspections.count == names.count
    else { throw UserError(.unavailable, "\(address) does not say what became of \(names.joined(separator: ", "))") }
    var running: [Running] = []
    for (container, inspection) in zip(containers, inspections) {
      let pid = inspection.state.pid
      guard inspection.state.running, pid > 0, let identity = ProcessIdentity(of: pid) else {
        throw UserError(.unavailable, "the worker in the container '\(container.role)' of \(address) ended at once")
      }
      // The engine's command carries stdin and stdout. With it stdin ends, and so does a worker that waits.
      let channel = try engineExplained { () throws(EngineTool.Failure) in
        try tool.start(["attach", "--sig-proxy=false", container.name])
      }
      let worker = ContainedWorker(
        channel: channel, processes: { [pid] }, stop: { try? identity.terminate() })
      running.append(
        Running(
          name: container.name, pid: pid, worker: worker,
          place: try Self.place(place, of: pid, role: container.role)))
    }
    return running
  }

  private static func place(
    _ shared: FurnishedNamespace?, of pid: Int32, role: String
  ) throws(UserError) -> FurnishedNamespace {
    if let shared { return shared }
    return try FurnishedNamespace.ofProcess(pid, role: role, isOwn: true)
  }
}
