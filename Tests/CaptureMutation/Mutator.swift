internal import Statistics

/// Makes broken inputs out of valid ones, the same ones for the same seed.
struct Mutator {
  private var random: SeededGenerator
  /// Inputs stay below what a pipe takes without a reader.
  static let maximumLength = 60_000

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  mutating func number(below bound: Int) -> Int { Int(random.number(below: UInt64(bound))) }

  mutating func element<Element>(of elements: [Element]) -> Element { elements[number(below: elements.count)] }

  /// One to eight changes of bytes; one time in sixteen none, so that what is valid is tried, too.
  mutating func mutate(_ input: [UInt8], spliced other: [UInt8]) -> [UInt8] {
    var bytes = input
    if number(below: 16) == 0 { return bytes }
    for _ in 0...number(below: 1 + number(below: 8)) { change(&bytes, other) }
    return Array(bytes.prefix(Self.maximumLength))
  }

  /// Repeats, leaves out, swaps or borrows whole pieces, blocks or records, and edits the fields that they begin with.
  mutating func shuffle(_ pieces: [[UInt8]], borrowed others: [[UInt8]]) -> [UInt8] {
    var pieces = pieces
    for _ in 0..<number(below: 5) {
      if pieces.isEmpty { break }
      let place = number(below: pieces.count)
      switch number(below: 9) {
      case 0: pieces.remove(at: place)
      case 1: pieces.insert(pieces[place], at: number(below: pieces.count))
      case 2: pieces.swapAt(place, number(below: pieces.count))
      case 3: pieces.insert(element(of: others), at: place)
      case 4: pieces.removeSubrange(place...)
      // The fields of a block or record stand in its first 32 bytes.
      case 5, 6, 7: editLength(&pieces[place], at: number(below: max(1, min(32, pieces[place].count))))
      default:
        let copies = min(number(below: 200), Self.maximumLength / max(1, pieces[place].count) / 4)
        pieces.insert(contentsOf: [[UInt8]](repeating: pieces[place], count: copies), at: place)
      }
    }
    return Array(pieces.reduce(into: []) { $0 += $1 }.prefix(Self.maximumLength))
  }

  private mutating func change(_ bytes: inout [UInt8], _ other: [UInt8]) {
    guard !bytes.isEmpty else {
      bytes = Array(other.prefix(number(below: other.count + 1)))
      return
    }
    let place = number(below: bytes.count)
    switch number(below: 10) {
    case 0: bytes[place] ^= 1 << UInt8(number(below: 8))
    case 1: bytes[place] = UInt8(number(below: 256))
    case 2: bytes.removeSubrange(place...)
    case 3: bytes.removeSubrange(place..<min(bytes.count, place + 1 + number(below: 32)))
    case 4: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 1 + number(below: 64))], at: place)
    case 5:
      let start = number(below: other.count)
      let piece = other[start..<min(other.count, start + 1 + number(below: 64))]
      bytes.replaceSubrange(place..<min(bytes.count, place + piece.count), with: piece)
    case 6:
      // The rest of another input.
      bytes.replaceSubrange(place..., with: other[number(below: other.count)...])
    case 7:
      bytes.insert(contentsOf: (0...number(below: 8)).map { _ in UInt8(truncatingIfNeeded: random.next()) }, at: place)
    default: editLength(&bytes, at: place)
    }
  }

  /// Overwrites two, four or eight bytes with a number that lengths and offsets go wrong at.
  private mutating func editLength(_ bytes: inout [UInt8], at place: Int) {
    let width = element(of: [1, 2, 2, 4, 4, 4, 8])
    let aligned = place - place % width
    guard aligned + width <= bytes.count else { return }
    let isBigEndian = number(below: 2) == 0
    let places = isBigEndian ? Array((0..<width).reversed()) : Array(0..<width)
    let old = places.enumerated().reduce(0 as UInt64) {
      $0 | UInt64(bytes[aligned + $1.element]) << UInt64(8 * $1.offset)
    }
    let new: UInt64 =
      switch number(below: 4) {
      case 0: old &+ UInt64(number(below: 9)) &- 4
      case 1: UInt64(bytes.count - aligned) &+ UInt64(number(below: 9)) &- 4
      case 2: element(of: [0x7fff, 0x8000, 0xffff, 0x40000, 0x40001, 1 << 24, 0x7fff_ffff, 0x8000_0000, .max, 1 << 63])
      default: UInt64(number(below: 64))
      }
    for (index, offset) in places.enumerated() {
      bytes[aligned + offset] = UInt8(truncatingIfNeeded: new >> UInt64(8 * index))
    }
  }
}
