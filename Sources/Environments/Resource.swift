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

  public var description: String {
    switch self {
    case .networkNamespace(let name): "network namespace \(name)"
    case .sharedNamespaceDirectory: "mount of \(NetworkNamespace.directory) onto itself"
    case .directory(let path): "directory \(path)"
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
    }
  }
}
