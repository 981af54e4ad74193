import Testing

@testable import Capture

@Suite struct LinkTypeTests {
  @Test(
    arguments: [
      (0, LinkType.null), (1, .ethernet), (12, .raw), (101, .raw), (108, .loop), (113, .linuxCooked),
      (276, .linuxCooked2), (147, .unknown(147)),
    ] as [(UInt32, LinkType)])
  func numbers(number: UInt32, type: LinkType) { #expect(LinkType(number: number) == type) }
}
