import Foundation
import LinuxKit
import TestSupport
import Testing

/// What iproute2 says of a namespace: an independent reader of the same kernel.
enum Witness {
  struct Link: Decodable {
    var ifindex: Int32
    var ifname: String
    var flags: [String]
    var mtu: Int
    var operstate: String
    var address: String
    var master: String?
    var linkinfo: Info?
    var stats64: Stats?
    struct Info: Decodable { var info_kind: String? }
    struct Stats: Decodable { var rx, tx: Direction }
    struct Direction: Decodable, Equatable { var bytes, packets, errors, dropped: UInt64 }
  }

  struct Addresses: Decodable {
    var ifname: String
    var addr_info: [Address]
    struct Address: Decodable { var local: String; var prefixlen: Int }
  }

  struct Route: Decodable { var dst: String; var gateway: String?; var dev: String? }
  struct Neighbour: Decodable { var dst: String; var lladdr: String?; var state: [String] }

  static func links(in namespace: NetworkNamespace) throws -> [Link] {
    try ip(["-n", namespace.name, "-d", "-s", "-j", "link", "show"])
  }

  static func link(_ name: String, in namespace: NetworkNamespace) throws -> Link {
    try #require(try links(in: namespace).first { $0.ifname == name }, "ip sees no \(name)")
  }

  static func ip<Answer: Decodable>(_ arguments: [String]) throws -> Answer {
    try JSONDecoder().decode(Answer.self, from: Data(programOutput("ip", arguments).utf8))
  }
}
