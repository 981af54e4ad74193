internal import Glibc
public import LinuxKit

/// Something that a run makes on the host and takes away again. Its name carries the run's id.
public enum Resource: Codable, Sendable, Hashable, CustomStringConvertible {
  /// A named network namespace, with every link in it.
  case networkNamespace(name: String)
  /// The directory of named namespaces, made a mount point of its own.
  case sharedNamespaceDirectory
  /// An empty directory that the run made because it was missing.
  case directory(path: String)
  /// A process that the run started, told from a later one with its number by when it began.
  case process(pid: Int32, startTime: UInt64)
  /// A directory that the run made, with everything in it and mounted on it.
  case folder(path: String)
  /// A group of processes that an engine made, with the groups in it.
  case controlGroup(name: String)
  /// A container with its processes, of an engine or of an OCI runtime.
  case container(engine: EngineAddress, name: String)
  /// A network of an engine, with its bridge and its rules.
  case engineNetwork(engine: EngineAddress, name: String)
  /// An image of an engine.
  case image(engine: EngineAddress, name: String)
  /// All images of an engine that have this value of the label of stores, also those without a name.
  case imageStore(engine: EngineAddress, name: String)
  /// A volume of an engine, with what is in it.
  case engineVolume(engine: EngineAddress, name: String)
  /// A Docker daemon of the program's own, with its network namespace and all that is in its directory.
  case privateDocker(directory: String)
  /// The loop devices whose contents are in a file.
  case loopDevice(file: String)

  public var description: String {
    switch self {
    case .networkNamespace(let name): "network namespace \(name)"
    case .sharedNamespaceDirectory: "mount of \(NetworkNamespace.directory) onto itself"
    case .directory(let path): "directory \(path)"
    case .process(let pid, _): "process \(pid)"
    case .folder(let path): "directory \(path)"
    case .controlGroup(let name): "control group \(name)"
    case .container(let engine, let name): "container \(name) of \(engine)"
    case .engineNetwork(let engine, let name): "network \(name) of \(engine)"
    case .image(let engine, let name): "image \(name) of \(engine)"
    case .imageStore(let engine, let name): "images \(name) of \(engine)"
    case .engineVolume(let engine, let name): "volume \(name) of \(engine)"
    case .privateDocker(let directory): "Docker daemon in \(directory)"
    case .loopDevice(let file): "loop device of \(file)"
    }
  }

  /// Takes it away. What is not there any more is no error: a killed run may have got as far as that.
  public func remove() throws(SystemError) {
    switch self {
    case .networkNamespace(let name): try NetworkNamespace(name: name).remove()
    case .sharedNamespaceDirectory: try NetworkNamespace.unshareDirectory()
    case .directory(let path):
      // Somebody else may have put something into it meanwhile; then it is theirs.
      if rmdir(path) != 0 && ![ENOENT, ENOTEMPTY, EEXIST, EBUSY].contains(errno) {
        throw SystemError(call: "rmdir", subject: path, code: errno)
      }
    case .process(let pid, let startTime): try ProcessIdentity(pid: pid, startTime: startTime).end()
    case .folder(let path): try Folder.removeOwn(path)
    case .controlGroup(let name): try ControlGroup.remove(name)
    case .container(let engine, let name): try engine.remove(.container, name)
    case .engineNetwork(let engine, let name): try engine.remove(.network, name)
    case .image(let engine, let name): try engine.remove(.image, name)
    case .imageStore(let engine, let name): try engine.removeImages(of: name)
    case .engineVolume(let engine, let name): try engine.remove(.volume, name)
    case .privateDocker(let directory): try PrivateDocker(directory: directory).remove()
    case .loopDevice(let file): try Self.removeLoopDevices(of: file)
    }
  }

  /// The devices' own names tell nothing, since their numbers are whatever was free; the file's name tells whose they
  /// are: a journal that was tampered with detaches nothing else.
  private static func removeLoopDevices(of file: String) throws(SystemError) {
    guard file.split(separator: "/").contains(where: { $0.hasPrefix("bench-") }) else {
      throw SystemError(call: "detach", subject: file, code: EPERM)
    }
    for device in LoopDevice.devices(backedBy: file) { try device.detach() }
  }
}
