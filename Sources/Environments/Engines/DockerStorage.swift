internal import Foundation
internal import Glibc
internal import LinuxKit
public import Model

/// `docker-layer` and `docker-volume`: the files of a real container of Docker's, in its writable layer or in a volume.
public struct DockerStorage: StorageEnvironment {
  /// Where the worker's files are.
  public enum Place: Sendable {
    /// In the image, so that what is written goes to the container's own layer.
    case layer
    /// In a named volume, which Docker fills with the image's files when it makes the container.
    case volume
  }

  private let place: Place
  private let host: String?

  /// - Parameter host: the daemon's socket; nil finds it as the docker command does.
  public init(_ place: Place, host: String? = nil) {
    self.place = place
    self.host = host
  }

  public var name: String {
    switch place {
    case .layer: "docker-layer"
    case .volume: "docker-volume"
    }
  }

  public var summary: String {
    switch place {
    case .layer: "the writable layer of a Docker container, over the files of its image"
    case .volume: "a named volume of Docker's in a container"
    }
  }

  public var layer: String {
    switch place {
    case .layer: "Docker: a container whose files are in its image"
    case .volume: "Docker: a container whose files are in a volume"
    }
  }

  public var needs: [HostCapability] { [.docker] }
  public var reference: String? { "plain-host" }

  public func objection(to workload: WorkloadSpec) -> String? {
    guard workload.files?.engine == .ioUring else { return nil }
    return "has no io_uring: the system calls that Docker allows its containers are without it, since Docker 25"
  }

  public func build(with resources: HostResources, content: StorageContent) throws(UserError) -> BuiltStorage {
    let docker = try DockerTrial(host: host, with: resources, content: content)
    let engine = try docker.daemon.storage()
    // Its containers have a whole copy of the image each: nothing is layered.
    if place == .layer && engine.driver == "vfs" {
      throw UserError(
        .unavailable, "Docker's storage driver here is vfs, which has no layers but copies whole images",
        remedy: "put Docker's data on a file system that overlayfs can be on (ext4, xfs, btrfs)")
    }
    var arguments = ["--network", "none"]
    if place == .volume {
      let volume = resources.unique("volume")
      try resources.track(.engineVolume(engine: docker.daemon.address, name: volume))
      try engineExplained { () throws(EngineTool.Failure) in
        try docker.daemon.tool.run([
          "volume", "create", "--label", "\(HostResources.label)=\(resources.runID)", volume,
        ])
      }
      arguments += ["--mount", "type=volume,source=\(volume),target=\(ContainerImage.contentPath)"]
    }
    let container = try docker.create(place == .layer ? "layer" : "volume", arguments)
    let running = try docker.containers.start([container])[0]
    // What Docker has just copied would be written back in the middle of a window.
    if place == .volume { sync() }
    let mount = try mount(in: running.pid)
    return BuiltStorage(
      place: .container(running.worker), directory: ContainerImage.contentPath,
      device: .unknown("others write to the host's disk, too"), fileSystem: mount.type,
      details: ["Docker \(docker.daemon.version), storage driver \(engine.driver)"]
        + fileSystem(mount, of: running.pid, engine, besides: docker.image.folder)
        + [Self.filter(of: running.pid)])
  }

  /// What the container's files are on, by the kernel's own table of its mounts.
  private func mount(in process: Int32) throws(UserError) -> MountEntry {
    let point = place == .layer ? "/" : ContainerImage.contentPath
    guard let mount = MountEntry.entries(of: process).last(where: { $0.point == point }) else {
      throw UserError(.unavailable, "nothing is mounted at \(point) of Docker's container")
    }
    // What the name promises: another driver's layers would be measured as something that they are not.
    if place == .volume && mount.type == "overlay" {
      throw UserError(.unavailable, "the volume is on overlayfs: Docker's data are on a layered file system themselves")
    }
    return mount
  }

  /// What the container's writes go to, and whether that is the file system on which `plain-host` has its files.
  private func fileSystem(
    _ mount: MountEntry, of process: Int32, _ engine: DockerDaemon.Storage, besides folder: String
  ) -> [String] {
    let volume = "/proc/\(process)/root\(ContainerImage.contentPath)"
    // The layer is a directory on a file system of the daemon's; where its mounts are others than ours it is out of sight.
    let upper = place == .volume ? volume : mount.option("upperdir") ?? engine.root
    let own = MountEntry.device(of: folder)
    var details: [String] = []
    if place == .volume {
      details.append("the volume on \(mount.type) (\(mount.source))")
    } else if let facts = try? FileSystemFacts(at: upper) {
      details.append("a layer of \(mount.type) on \(facts.type) (\(facts.source))")
    } else {
      details.append("a layer of \(mount.type)")
    }
    guard let own, let theirs = MountEntry.device(of: upper) else {
      return details + ["perhaps another file system than plain-host: it is out of sight"]
    }
    details.append(own == theirs ? "the same file system as plain-host" : "another file system than plain-host")
    return details
  }

  /// Whether each system call of the container passes a filter, which takes its time (seccomp(2)).
  private static func filter(of process: Int32) -> String {
    let status = (try? SmallFile.text("/proc/\(process)/status")) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("Seccomp:") }
    return switch line?.split(whereSeparator: \.isWhitespace).last {
    case "0": "no filter of system calls"
    case "2": "each system call passes Docker's filter"
    default: "whether system calls pass a filter cannot be seen"
    }
  }
}

extension DockerDaemon {
  /// What the daemon says of where its images, layers and volumes are.
  struct Storage: Equatable {
    /// `overlay2`
    let driver: String
    /// `/var/lib/docker`
    let root: String
  }

  func storage() throws(UserError) -> Storage {
    let words = try engineExplained { () throws(EngineTool.Failure) in
      try tool.run(["info", "--format", "{{.Driver}}\n{{.DockerRootDir}}"])
    }.split(separator: "\n").map(String.init)
    guard words.count == 2 else {
      throw UserError(.unavailable, "Docker does not say what its storage driver is, and where its data is")
    }
    return Storage(driver: words[0], root: words[1])
  }
}

/// A line of /proc/PID/mountinfo (proc(5)).
struct MountEntry: Equatable {
  let point: String
  let type: String
  let source: String
  /// Of the file system.
  let options: [String]

  init?(_ line: Substring) {
    // Some optional fields stand before the dash.
    let fields = line.split(separator: " ")
    guard let dash = fields.firstIndex(of: "-"), dash > 5, fields.count > dash + 3 else { return nil }
    point = String(fields[4])
    type = String(fields[dash + 1])
    source = String(fields[dash + 2])
    options = fields[dash + 3].split(separator: ",").map(String.init)
  }

  /// All that a process sees, the last mount last.
  static func entries(of process: Int32) -> [MountEntry] {
    ((try? SmallFile.text("/proc/\(process)/mountinfo")) ?? "").split(separator: "\n").compactMap { MountEntry($0) }
  }

  func option(_ name: String) -> String? {
    options.first { $0.hasPrefix("\(name)=") }.map { String($0.dropFirst(name.utf8.count + 1)) }
  }

  /// The number of the device of the file system that a path is on; nil if it is out of sight.
  static func device(of path: String) -> UInt64? {
    var status = stat()
    return stat(path, &status) == 0 ? UInt64(status.st_dev) : nil
  }
}
