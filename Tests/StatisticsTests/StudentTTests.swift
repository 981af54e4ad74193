import Foundation
import Statistics
import Testing

/// The values in student-t.json are of `python3 generate-student-t.py`, run in Goldens (SciPy 1.17.1).
@Suite("Student's t agrees with SciPy")
struct StudentTTests {
  struct Value: Decodable {
    let t: Double
    let freedom: Double
    let upper: Double
    let lower: Double
  }

  @Test func tailsKeepTheirDigitsHoweverSmallTheyAre() throws {
    let values = try Golden.load("student-t", as: [Value].self)
    #expect(values.count > 100)
    for value in values {
      let upper = StudentT.upperTail(value.t, degreesOfFreedom: value.freedom)
      #expect(
        abs(upper - value.upper) <= 1e-10 * value.upper,
        "t = \(value.t), \(value.freedom) degrees: \(upper), SciPy \(value.upper)")
      let lower = StudentT.upperTail(-value.t, degreesOfFreedom: value.freedom)
      #expect(abs(lower - value.lower) <= 1e-10)
      #expect(StudentT.twoSided(value.t, degreesOfFreedom: value.freedom) == 2 * upper)
    }
  }

  @Test func theEndsOfTheLine() {
    #expect(StudentT.upperTail(.infinity, degreesOfFreedom: 3) == 0)
    #expect(StudentT.upperTail(-.infinity, degreesOfFreedom: 3) == 1)
    #expect(StudentT.upperTail(0, degreesOfFreedom: 3) == 0.5)
    #expect(StudentT.twoSided(1e200, degreesOfFreedom: 3) == 0)
    // Cauchy's distribution, which has a closed form; SciPy's is off in the ninth digit there.
    #expect(agree(StudentT.upperTail(1e-8, degreesOfFreedom: 1), 0.5 - atan(1e-8) / .pi))
  }
}
