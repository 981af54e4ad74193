/// A message that the other side should not have sent.
public struct ProtocolError: Error, Sendable, Equatable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}
