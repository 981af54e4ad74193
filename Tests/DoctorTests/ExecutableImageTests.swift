import Testing

@testable import Doctor

@Suite("Whether an executable is static")
struct ExecutableImageTests {
  /// A header and one program header of `type`, whose name follows it.
  private static func image(type: UInt8, name: [UInt8] = [], offset: UInt8 = 120) -> [UInt8] {
    var bytes: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1] + [UInt8](repeating: 0, count: 114)
    bytes[32] = 64
    bytes[54] = 56
    bytes[56] = 1
    bytes[64] = type
    bytes[64 + 8] = offset
    bytes[64 + 32] = UInt8(name.count)
    return bytes + name
  }

  @Test func `without a loader it is`() {
    #expect(ExecutableImage.of(Self.image(type: 1)) == .staticELF)
  }

  @Test func `with one it is not`() {
    let bytes = Self.image(type: 3, name: [UInt8]("/lib/ld.so\0".utf8))
    #expect(ExecutableImage.of(bytes) == .dynamicELF(interpreter: "/lib/ld.so"))
  }

  @Test func `the system's shell needs one`() {
    #expect(ExecutableImage.read("/bin/sh").needsLoader)
  }

  @Test func `a damaged file traps nobody`() {
    let bytes = Self.image(type: 3, name: [UInt8]("/lib/ld.so\0".utf8))
    for length in 0..<bytes.count { _ = ExecutableImage.of(Array(bytes.prefix(length))) }
    for place in 0..<bytes.count {
      var damaged = bytes
      damaged[place] = 0xFF
      _ = ExecutableImage.of(damaged)
    }
    #expect(ExecutableImage.of([UInt8]("#!/bin/sh\n".utf8)) == .other)
    #expect(ExecutableImage.of([]) == .other)
    #expect(ExecutableImage.of([0x7F, 0x45, 0x4C, 0x46, 2, 1] + [UInt8](repeating: 0xFF, count: 200)) == .other)
  }
}

extension ExecutableImage {
  fileprivate var needsLoader: Bool {
    switch self {
    case .dynamicELF: true
    case .staticELF, .other: false
    }
  }
}
