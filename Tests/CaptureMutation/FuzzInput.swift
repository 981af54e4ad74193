public import Capture

/// An input for the decoder or for the readers of files.
public enum FuzzInput: Sendable {
  case frame(linkType: LinkType, originalLength: Int, bytes: [UInt8])
  /// Read with a buffer of `bufferSize` bytes.
  case file(bufferSize: Int, bytes: [UInt8])

  /// What was made broken.
  public var bytes: [UInt8] {
    switch self {
    case .frame(_, _, let bytes), .file(_, let bytes): bytes
    }
  }

  /// A few words on what it is.
  public var description: String {
    switch self {
    case .frame(let linkType, let originalLength, let bytes):
      "a frame of \(bytes.count) bytes, \(originalLength) on the wire, link type \(linkType.number)"
    case .file(let bufferSize, let bytes):
      "a file of \(bytes.count) bytes, read \(bufferSize) at once"
    }
  }

  /// An input that hangs on the two numbers alone, so that any can be had again without those before.
  public static func make(seed: UInt64, number: UInt64) -> FuzzInput {
    var mutator = Mutator(seed: seed &+ number &* 0xd134_2543_de82_ef95)
    if mutator.number(below: 2) == 0 {
      let sample = mutator.element(of: SampleFrame.all)
      let bytes = mutator.mutate(sample.bytes, spliced: mutator.element(of: SampleFrame.all).bytes)
      // Now and then under a link type that is not the frame's.
      let linkType = mutator.number(below: 8) == 0 ? mutator.element(of: linkTypes) : sample.linkType
      let originalLength = mutator.element(of: [bytes.count, bytes.count, bytes.count + 1000, 0, -1, .max])
      return .frame(linkType: linkType, originalLength: originalLength, bytes: bytes)
    }
    let sample = mutator.element(of: SampleFile.all)
    let other = mutator.element(of: SampleFile.all)
    let pieces = mutator.shuffle(sample.pieces, borrowed: other.pieces)
    let bytes = mutator.mutate(pieces, spliced: other.bytes)
    return .file(bufferSize: mutator.element(of: [1, 16, 64, 1000, 65_536]), bytes: bytes)
  }

  private static let linkTypes: [LinkType] = [
    .null, .loop, .ethernet, .raw, .linuxCooked, .linuxCooked2, .unknown(147),
  ]
}
