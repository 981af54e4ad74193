internal import CLibnftables
internal import Foundation
internal import LinuxKit
internal import Synchronization

/// The kernel's packet rules (nf_tables) of one network namespace, in the language of nft(8), through libnftables.
///
/// Rules belong to the namespace of the thread whose netlink socket made them, so each call works on a dedicated thread
/// that has entered it, with a context of its own that ends with the call. Rules go with their namespace.
public enum Nftables {
  /// Runs `commands` as one transaction: all take effect, or none does.
  /// - Parameters:
  ///   - commands: one or more lines, as in a file for `nft -f`.
  ///   - namespacePath: the file of the network namespace; nil is the caller's own.
  /// - Returns: what they print, as JSON (libnftables-json(5)); empty where nothing is listed.
  @discardableResult
  public static func run(_ commands: String, in namespacePath: String?) throws(NftablesError) -> String {
    let outcome: Outcome
    do throws(SystemError) {
      outcome = try onDedicatedThread { () throws(SystemError) in
        if let namespacePath { try NetworkNamespace.enter(path: namespacePath) }
        try probe()
        return context.withLock { _ in perform(commands) }
      }
    } catch {
      throw NftablesError(commands: commands, namespacePath: namespacePath, message: "\(error)")
    }
    switch outcome {
    case .done(let output): return output
    case .refused(let message):
      throw NftablesError(commands: commands, namespacePath: namespacePath, message: message)
    }
  }

  /// The packets that a named counter has seen.
  /// - Parameter family: `ip`, `ip6`, `inet` or `bridge`.
  public static func counter(
    named name: String, table: String, family: String, in namespacePath: String?
  ) throws(NftablesError) -> UInt64 {
    let command = "list counter \(family) \(table) \(name)"
    let listing = try run(command, in: namespacePath)
    let packets = (try? JSONDecoder().decode(Listing.self, from: Data(listing.utf8)))?.nftables
      .lazy.compactMap(\.counter).first { $0.name == name }?.packets
    guard let packets else {
      throw NftablesError(
        commands: command, namespacePath: namespacePath, message: "the listing holds no such counter: \(listing)")
    }
    return packets
  }

  private enum Outcome: Sendable {
    case done(String)
    case refused(String)
  }

  /// What libnftables reads once into variables of the whole process (names of marks, realms, interfaces) must not be
  /// read by two threads at the same time.
  private static let context = Mutex(())

  /// libnftables ends the whole process if the kernel gives it no socket, so one is asked for here before.
  private static func probe() throws(SystemError) {
    let number = try systemCall("socket", on: "NETLINK_NETFILTER") {
      socket(AF_NETLINK, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), NETLINK_NETFILTER)
    }
    _ = Descriptor(owning: number)
  }

  private static func perform(_ commands: String) -> Outcome {
    guard let context = nft_ctx_new(UInt32(NFT_CTX_DEFAULT)) else { return .refused("no memory for a context") }
    defer { nft_ctx_free(context) }
    guard nft_ctx_buffer_output(context) == 0, nft_ctx_buffer_error(context) == 0 else {
      return .refused("no memory for its output")
    }
    nft_ctx_output_set_flags(context, UInt32(NFT_CTX_OUTPUT_JSON))
    let code = nft_run_cmd_from_buffer(context, commands)
    guard code == 0 else {
      let words = nft_ctx_get_error_buffer(context).map { String(cString: $0) } ?? ""
      return .refused(words.trimmingCharacters(in: .whitespacesAndNewlines))
    }
    return .done(nft_ctx_get_output_buffer(context).map { String(cString: $0) } ?? "")
  }

  private struct Listing: Decodable {
    struct Entry: Decodable { var counter: Counter? }
    struct Counter: Decodable { var name: String; var packets: UInt64 }
    var nftables: [Entry]
  }
}
