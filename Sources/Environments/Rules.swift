internal import LinuxKit
internal import Model
internal import NetlinkKit
internal import NftablesKit

/// Packet rules of a namespace of the run. They are in a table of their own and go with the namespace.
enum Rules {
  static let table = "bench"

  /// Runs `commands` of nft(8) as one transaction in a namespace of the run.
  @discardableResult
  static func run(_ commands: String, in place: FurnishedNamespace) throws(UserError) -> String {
    // nil would be the host's own rules, which are nobody's to change.
    guard let path = place.path, place.isOwn else {
      throw UserError(.internalError, "rules are for namespaces of the run, and '\(place.role)' is none")
    }
    do throws(NftablesError) { return try Nftables.run(commands, in: path) } catch {
      throw explain(error, isUnsupported: error.isUnsupported)
    }
  }

  /// A witness that the counter `name` of the run's table has counted packets since it was made.
  static func witness(
    _ title: String, counter name: String, in place: FurnishedNamespace, family: AddressFamily
  ) -> PathWitness {
    let path = place.path
    return PathWitness(name: title) { () throws(UserError) in
      do throws(NftablesError) {
        return try Nftables.counter(named: name, table: table, family: family.keyword, in: path)
      } catch { throw explain(error, isUnsupported: false) }
    }
  }

  /// Lets connection tracking of `place` forget connections that were reset after 1 s instead of 10.
  ///
  /// A workload that makes many short connections closes them by reset. Their entries would fill the table, whose size
  /// (`nf_conntrack_max`) belongs to the host, within seconds; then packets are dropped.
  static func forgetClosedConnections(in place: FurnishedNamespace) throws(UserError) {
    do throws(SystemError) { try place.namespace?.setConntrackCloseTimeout(seconds: 1) } catch {
      throw UserError(
        error.isPermission ? .notPermitted : .unavailable, "cannot set up connection tracking: \(error)", remedy: remedy
      )
    }
  }

  private static let remedy = "run 'modprobe -a nf_tables nft_ct nft_nat nft_masq nft_fib_ipv4 nft_fib_ipv6'"

  private static func explain(_ error: NftablesError, isUnsupported: Bool) -> UserError {
    if error.isPermission {
      return UserError(.notPermitted, "cannot work with nft's rules: \(error)", remedy: "run as root (CAP_NET_ADMIN)")
    }
    return UserError(
      .unavailable, "\(isUnsupported ? "the kernel lacks what these rules need" : "nft refuses"): \(error)",
      remedy: isUnsupported ? remedy : "see 'bench doctor'")
  }
}

extension AddressFamily {
  /// nft(8)'s word for the family, of tables and in rules.
  var keyword: String {
    switch self {
    case .ipv4: "ip"
    case .ipv6: "ip6"
    }
  }

  /// As URLs and nft(8) write it.
  func endpoint(_ address: String, _ port: UInt16) -> String {
    switch self {
    case .ipv4: "\(address):\(port)"
    case .ipv6: "[\(address)]:\(port)"
    }
  }
}
