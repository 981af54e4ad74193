internal import Model

/// The user's own command with its placeholders filled in.
enum CommandTemplate {
  static let address = "{server_address}"
  static let port = "{server_port}"

  static func filled(_ words: [String], address: String, port: UInt16) -> [String] {
    words.map { $0.replacing(Self.address, with: address).replacing(Self.port, with: "\(port)") }
  }
}
