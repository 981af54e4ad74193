import LinuxKit
import Testing

import struct Foundation.Data

/// The file itself: what it must be to run in every environment, also where there is no file system but its own.
@Suite("The worker's file")
struct WorkerImageTests {
  private let image: [UInt8]

  init() throws { image = try SmallFile.bytes(try WorkerProcess.path(), limit: 1 << 30) }

  private func number(_ offset: Int, _ size: Int) -> Int {
    image[offset..<offset + size].reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  @Test("is static: it names no interpreter and needs no library")
  func isStatic() throws {
    // elf(5): a 64-bit, little-endian ELF.
    try #require(image.prefix(6) == [0x7f, 0x45, 0x4c, 0x46, 2, 1])
    let (offset, size, count) = (number(32, 8), number(54, 2), number(56, 2))
    let types = (0..<count).map { number(offset + $0 * size, 4) }
    // PT_LOAD: what was read are program headers.
    #expect(types.contains(1))
    // PT_INTERP.
    #expect(!types.contains(3))
    // PT_DYNAMIC may be there, for a file that may be loaded anywhere; DT_NEEDED (1) in it may not.
    for index in 0..<count where types[index] == 2 {
      let start = number(offset + index * size + 8, 8)
      let entries = stride(from: start, to: start + number(offset + index * size + 32, 8), by: 16)
      #expect(!entries.contains { number($0, 8) == 1 })
    }
  }

  @Test("has nothing of Foundation in it", arguments: ["$s10Foundation", "$s20FoundationEssentials", "_CFRuntime"])
  func foundation(symbol: String) {
    let data = Data(image)
    #expect(data.range(of: Data(symbol.utf8)) == nil)
    // Whereas what Swift's own library calls itself is found that way.
    #expect(data.range(of: Data("$ss".utf8)) != nil)
  }
}
