internal import LinuxKit

/// Commands that nftables refused: what was asked first, where, and why.
public struct NftablesError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The first of the commands, shortened where it is long.
  public let command: String
  /// The file of the network namespace; nil is the caller's own.
  public let namespacePath: String?
  /// The words of libnftables, which quote the command that failed and mark the place; or the kernel's, where it did
  /// not come so far.
  public let message: String

  init(command: String, namespacePath: String?, message: String) {
    self.command = command
    self.namespacePath = namespacePath
    self.message = message
  }

  init(commands: String, namespacePath: String?, message: String) {
    let first =
      commands.split(whereSeparator: \.isNewline).lazy.map { $0.drop(while: \.isWhitespace) }
      .first { !$0.isEmpty } ?? ""
    self.init(
      command: first.count > Self.longest ? first.prefix(Self.longest) + " …" : String(first),
      namespacePath: namespacePath, message: message)
  }

  private static let longest = 100

  /// `nft add rule ip bench nat …: Error: Could not process rule: No such file or directory …`
  public var description: String {
    let place = namespacePath.map { " in \($0)" } ?? ""
    return "nft \(command)\(place): \(message)"
  }

  /// The caller lacks CAP_NET_ADMIN in the namespace, or may not enter it. libnftables gives its reasons as text only.
  public var isPermission: Bool {
    message.contains("Operation not permitted") || message.contains("Permission denied")
  }

  /// The kernel lacks what was asked for: nf_tables itself, a kind of chain, an expression. It says ENOENT for a
  /// chain type or an expression whose module is missing, and for an object that is not there: so this can be told only
  /// of commands that name no object but their own.
  public var isUnsupported: Bool {
    ["Operation not supported", "not supported by protocol", "Protocol not supported", "No such file or directory"]
      .contains { message.contains($0) }
  }
}
