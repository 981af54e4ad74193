import Testing

@testable import Capture

@Suite struct TapFilterTests {
  @Test func oneInSixtyFour() {
    #expect(
      TapFilter(transport: .udp, sampling: 64).expression
        == "udp[8:1] & 0x3f = 0 and udp[16:4] & 0xffffffdf = 0x424e4348")
  }

  @Test func all() {
    #expect(TapFilter(transport: .udp, sampling: 1).expression == "udp[16:4] & 0xffffffdf = 0x424e4348")
  }

  @Test func moreThanAByte() {
    #expect(
      TapFilter(transport: .tcp, sampling: 1024).expression
        == "tcp[((tcp[12] & 0xf0) >> 2) + 0:1] & 0xff = 0 and tcp[((tcp[12] & 0xf0) >> 2) + 1:1] & 0x3 = 0"
        + " and tcp[((tcp[12] & 0xf0) >> 2) + 8:4] & 0xffffffdf = 0x424e4348")
  }
}
