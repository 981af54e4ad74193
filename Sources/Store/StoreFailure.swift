internal import Foundation
internal import GRDB
internal import Model

/// Says what a failure of SQLite means for the user, by the store's path.
enum StoreFailure {
  /// How to use another file, the remedy of most failures.
  static let elsewhere = "choose another file with --store PATH or BENCH_STORE"

  static func userError(_ error: any Error, path: String) -> UserError {
    if let error = error as? UserError { return error }
    if let error = error as? Damage { return damaged(error.problem, path: path) }
    if let error = error as? DatabaseError { return userError(error, path: path) }
    return UserError(.internalError, "the store \(shown(path)) cannot be used: \(error)")
  }

  private static func userError(_ error: DatabaseError, path: String) -> UserError {
    let store = "the store \(shown(path))"
    switch error.resultCode {
    case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
      return UserError(
        .notPermitted, "\(store) may not be written",
        remedy: "Make the file and its directory writable, or \(elsewhere).")
    case .SQLITE_CANTOPEN:
      return cannotOpen(path)
    case .SQLITE_BUSY, .SQLITE_LOCKED:
      return UserError(
        .unavailable, "\(store) is locked by another program",
        remedy: "Wait until the other bench has finished (fuser '\(shown(path))' shows it), or \(elsewhere).")
    case .SQLITE_FULL:
      return UserError(
        .unavailable, "\(store) cannot grow: the disk is full",
        remedy: "Free some space (df -h '\(shown((path as NSString).deletingLastPathComponent))'), or \(elsewhere).")
    case .SQLITE_IOERR, .SQLITE_NOLFS:
      return UserError(
        .unavailable, "\(store) cannot be read or written (\(error.extendedResultCode))",
        remedy:
          "The disk may be full or failing (see dmesg), or the file system may not support locks; or \(elsewhere).")
    case .SQLITE_NOTADB:
      return notAStore("is not a database", path: path)
    case .SQLITE_CORRUPT:
      return damaged(error.message ?? "\(error.extendedResultCode)", path: path)
    case .SQLITE_TOOBIG, .SQLITE_NOMEM:
      return UserError(.unavailable, "\(store): not enough memory (\(error.extendedResultCode))")
    default:
      let reason = error.message ?? "\(error.extendedResultCode)"
      return UserError(.internalError, "\(store) cannot be used: \(reason) (\(error.extendedResultCode))")
    }
  }

  /// SQLite says only that it could not open the file; the file system says why.
  static func cannotOpen(_ path: String) -> UserError {
    let store = "the store \(shown(path))"
    let directory = (path as NSString).deletingLastPathComponent
    var isDirectory: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) {
      if isDirectory.boolValue {
        return UserError(
          .badInput, "\(store) is a directory", remedy: "Give the path of a file, e.g. \(shown(path))/bench.sqlite")
      }
      if access(path, R_OK) != 0 {
        return UserError(.notPermitted, "\(store) may not be read", remedy: "Check it with: ls -l '\(shown(path))'")
      }
      return UserError(
        .notPermitted, "\(store) cannot be opened: its directory may not be written",
        remedy: "Make \(shown(directory)) writable, or \(elsewhere).")
    }
    if FileManager.default.fileExists(atPath: directory, isDirectory: &isDirectory), !isDirectory.boolValue {
      return UserError(.badInput, "\(store) is below \(shown(directory)), which is a file", remedy: "\(capitalised).")
    }
    if access(directory, W_OK) != 0 {
      return UserError(
        .notPermitted, "\(store) cannot be made: its directory may not be written",
        remedy: "Make \(shown(directory)) writable, or \(elsewhere).")
    }
    return UserError(.unavailable, "\(store) cannot be opened", remedy: "\(capitalised).")
  }

  /// A store that should be read, where nothing has been stored.
  static func missing(_ path: String) -> UserError {
    UserError(
      .badInput, "the store \(shown(path)) does not exist",
      remedy: "'bench run network-hop' makes it, with a first run in it.")
  }

  /// - Parameter code: the errno of making the directory.
  static func cannotMake(_ directory: String, _ code: Int32) -> UserError {
    let status: ExitStatus =
      switch code {
      case EACCES, EPERM, EROFS: .notPermitted
      case ENOSPC, EDQUOT: .unavailable
      default: .badInput
      }
    return UserError(
      status, "the directory \(shown(directory)) of the store cannot be made: \(String(cString: strerror(code)))",
      remedy: "Make it yourself, or \(elsewhere).")
  }

  /// - Parameters:
  ///   - code: the errno of keeping the worker.
  ///   - path: where it was to be kept.
  static func worker(_ code: Int32, _ path: String) -> UserError {
    let status: ExitStatus =
      switch code {
      case EACCES, EPERM, EROFS: .notPermitted
      default: .unavailable
      }
    let remedy =
      code == ENOSPC || code == EDQUOT
      ? "Free some space, for instance with 'bench prune', or \(elsewhere)."
      : "Make its directory writable, or \(elsewhere)."
    return UserError(
      status, "the worker cannot be kept at \(shown(path)): \(String(cString: strerror(code)).lowercased())",
      remedy: remedy)
  }

  static func notAStore(_ problem: String, path: String) -> UserError {
    UserError(
      .badInput, "the store \(shown(path)) \(problem)", remedy: "It was left as it is; \(elsewhere).")
  }

  static func damaged(_ problem: String, path: String) -> UserError {
    UserError(
      .badInput, "the store \(shown(path)) is damaged: \(problem)",
      remedy: "Move the file away (sqlite3 '\(shown(path))' .recover may save what is left), or \(elsewhere).")
  }

  static func newer(path: String) -> UserError {
    notAStore("was written by a newer version of bench", path: path)
  }

  private static let capitalised = elsewhere.prefix(1).uppercased() + elsewhere.dropFirst()

  /// A path without characters that a terminal would act on.
  static func shown(_ path: String) -> String {
    var result = ""
    for scalar in path.unicodeScalars {
      if scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format {
        result += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

/// A stored value that cannot be one that this program wrote.
struct Damage: Error {
  var problem: String
}
