import Model
import Regression
import Testing

@Suite("A count that changes")
struct CountGateTests {
  @Test(
    "is worse, better or the same",
    arguments: [
      (10.0, 10.0, true, CountGate.Finding.Change.same), (10.04, 10, true, .same), (10.06, 10, true, .worse),
      (9.94, 10, true, .better), (9.96, 10, true, .same), (10.06, 10, false, .better), (9.94, 10, false, .worse),
      (0, 0, true, .same), (1, 0, true, .worse), (0, 1, true, .better), (0, 1, false, .worse), (-1, -1, true, .same),
    ])
  func change(value: Double, last: Double, isCost: Bool, expected: CountGate.Finding.Change) {
    let finding = CountGate.judge(value, last: last, isCost: isCost)
    #expect(finding.change == expected)
    #expect((finding.reason == nil) == (expected == .same))
  }

  @Test func saysWhatItWas() {
    #expect(
      CountGate.judge(6, last: 4, isCost: true).reason
        == "It was 4 in the last good night and is 6 now; a count does not change by chance.")
  }
}
