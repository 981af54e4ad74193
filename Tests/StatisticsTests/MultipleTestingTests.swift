import Statistics
import Testing

@Suite("Adjustments for several tests agree with SciPy and with their definition")
struct MultipleTestingTests {
  struct Family: Decodable {
    let p: [Double]
    let holm: [Double]
    let bh: [Double]
  }

  @Test func goldenFamilies() throws {
    for golden in try Golden.load("multiple-testing", as: [Family].self) {
      #expect(zip(MultipleTesting.holm(golden.p), golden.holm).allSatisfy { agree($0, $1) })
      #expect(zip(MultipleTesting.benjaminiHochberg(golden.p), golden.bh).allSatisfy { agree($0, $1) })
    }
  }

  @Test func byHand() {
    let p = [0.01, 0.04, 0.03, 0.005]
    #expect(zip(MultipleTesting.holm(p), [0.03, 0.06, 0.06, 0.02]).allSatisfy { agree($0, $1) })
    #expect(zip(MultipleTesting.benjaminiHochberg(p), [0.02, 0.04, 0.04, 0.02]).allSatisfy { agree($0, $1) })
  }

  @Test func noTestsNeedNoAdjustment() {
    #expect(MultipleTesting.holm([]).isEmpty)
    #expect(MultipleTesting.benjaminiHochberg([]).isEmpty)
  }
}
