internal import PlainText

/// What one examination of the host brought to light.
public struct Finding: Sendable, Equatable, Codable {
  /// How it stands.
  public enum Status: String, Sendable, Equatable, Codable, CaseIterable {
    case ok
    /// Worth knowing; nothing need be done.
    case note
    /// Measuring is possible, but something disturbs it or should be put right.
    case warning
    /// Something optional is not to be had here.
    case missing
    /// Without it there is nothing to compare.
    case fatal
  }

  /// A stable name, e.g. `network-namespaces`.
  public let id: String
  /// The same for people.
  public let title: String
  public let status: Status
  /// What was seen, with numbers.
  public let detail: String
  /// Why it matters: one sentence.
  public let why: String
  /// The command that mends it, or that shows more; nil where there is none.
  public let remedy: String?
  /// Names of the environments and metrics that depend on it.
  public let affects: [String]

  /// All texts are made inert: they may quote what the host says, and a process may call itself anything.
  public init(
    id: String, title: String, status: Status, detail: String, why: String, remedy: String? = nil,
    affects: [String] = []
  ) {
    self.id = id
    self.title = InertText.line(title)
    self.status = status
    self.detail = InertText.line(detail)
    self.why = InertText.line(why)
    self.remedy = remedy.map { InertText.line($0) }
    self.affects = affects
  }
}
