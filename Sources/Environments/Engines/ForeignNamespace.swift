internal import Glibc
internal import LinuxKit
internal import Model
internal import NetlinkKit

extension FurnishedNamespace {
  /// The network namespace of a process, with a socket that keeps it alive.
  /// - Parameter isOwn: whether nobody but the run sends in it.
  static func ofProcess(_ pid: Int32, role: String, isOwn: Bool) throws(UserError) -> FurnishedNamespace {
    let path = "/proc/\(pid)/ns/net"
    let opened: Opened
    do throws(SystemError) {
      opened = try onDedicatedThread { () throws(SystemError) in
        try NetworkNamespace.enter(path: path)
        do throws(NetlinkError) {
          return Opened(
            result: .success(FurnishedNamespace(role: role, path: path, isOwn: isOwn, socket: try NetlinkSocket())))
        } catch { return Opened(result: .failure(error)) }
      }
    } catch {
      throw UserError(
        error.isPermission ? .notPermitted : .unavailable,
        "cannot look into the network namespace of '\(role)': \(error)",
        remedy: error.isPermission ? "run as root (CAP_SYS_ADMIN)" : nil)
    }
    return try explained { () throws(NetlinkError) in try opened.result.get() }
  }

  /// Made by the thread that enters the namespace, which ends before the value is used by another.
  private struct Opened: @unchecked Sendable {
    let result: Result<FurnishedNamespace, NetlinkError>
  }

  /// A link of this namespace that must be there.
  func link(_ name: String) throws(UserError) -> Link {
    let found = try explained { () throws(NetlinkError) in try socket.link(named: name) }
    guard let found else {
      throw UserError(.unavailable, "there is no interface \(name) in the network namespace of '\(role)'")
    }
    return found
  }

  /// The link of this namespace whose other end is `inner`, a veth in another namespace.
  func outerEnd(of inner: Link, in container: FurnishedNamespace) throws(UserError) -> Link {
    let links = try explained { () throws(NetlinkError) in try socket.links() }
    // Either end tells the index of the other, which means something in the other's namespace only.
    guard inner.kind == "veth",
      let outer = links.first(where: {
        $0.kind == "veth" && $0.index == inner.linkedIndex && $0.linkedIndex == inner.index
      })
    else {
      throw UserError(
        .unavailable,
        "the other end of \(inner.name) in '\(container.role)' is not in the network namespace of '\(role)'")
    }
    return outer
  }

  /// Waits until `address` of this namespace can be used. A new IPv6 address cannot for a second or two, in which the
  /// kernel asks whether somebody else has it.
  func awaitAddress(_ address: String) throws(UserError) {
    guard address.contains(":") else { return }
    let deadline = Clock.monotonic() + 5_000_000_000
    while try !hasUsable(address) {
      guard Clock.monotonic() < deadline else {
        throw UserError(
          .unavailable, "the address \(address) in the network namespace of '\(role)' does not become usable")
      }
      usleep(20_000)
    }
  }

  private func hasUsable(_ address: String) throws(UserError) -> Bool {
    var bytes = in6_addr()
    guard inet_pton(AF_INET6, address, &bytes) == 1 else { return false }
    let wanted = withUnsafeBytes(of: &bytes) { $0.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
    let path = path
    let table: String
    do throws(SystemError) {
      table = try onDedicatedThread { () throws(SystemError) in
        if let path { try NetworkNamespace.enter(path: path) }
        return try SmallFile.text("/proc/thread-self/net/if_inet6")
      }
    } catch { throw UserError(.unavailable, "cannot read the IPv6 addresses of '\(role)': \(error)") }
    // Address, index, prefix length, scope, flags (IFA_F_TENTATIVE is 0x40), name.
    return table.split(separator: "\n").contains { line in
      let words = line.split(separator: " ")
      return words.count > 4 && words[0] == wanted && (UInt32(words[4], radix: 16) ?? 0x40) & 0x40 == 0
    }
  }

  /// An interface of this namespace as it is on a path.
  func passing(_ link: Link, _ passage: Passage) -> PathInterface {
    PathInterface(
      place: self, interface: link.name, passage: passage, mtu: link.mtu,
      // A tap on a bridge itself changes the path of every frame that it forwards.
      tap: link.kind == "bridge" ? .none : .both)
  }
}
