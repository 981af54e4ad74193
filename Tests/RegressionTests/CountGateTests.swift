import Model
import Regression
import Testing

@Suite("A count that changes")
struct CountGateTests {
  @Test(
    "has changed in either direction, or not at all",
    arguments: [
      (10.0, 10.0, false), (10.04, 10, false), (10.06, 10, true), (9.94, 10, true), (9.96, 10, false), (0, 0, false),
      (1, 0, true), (0, 1, true), (-1, -1, false), (-1, -2, true),
    ])
  func change(value: Double, last: Double, hasChanged: Bool) {
    #expect((CountGate.change(to: value, from: last) != nil) == hasChanged)
  }

  @Test("that is none is a change, as it agrees with nothing")
  func notANumber() {
    #expect(CountGate.change(to: .nan, from: 4) != nil)
  }

  @Test func saysWhatItWas() {
    #expect(
      CountGate.change(to: 6, from: 4)
        == "It was 4 in the last good night and is 6 now; a count does not change by chance.")
  }
}
