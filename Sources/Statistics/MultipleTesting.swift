/// Adjustments for asking many questions of the same data. Order of results = order of arguments.
public enum MultipleTesting {
  /// Holm's step-down adjustment: reject where the adjusted value is at most α, and the probability of even one
  /// false rejection is at most α, whatever the dependence among the tests.
  ///
  /// Source: Holm, *Scandinavian Journal of Statistics* 6 (1979) 65–70.
  ///
  /// - Parameter p: p-values from 0 to 1.
  /// - Returns: adjusted p-values from 0 to 1.
  public static func holm(_ p: [Double]) -> [Double] {
    var adjusted = p
    var largest = 0.0
    for (position, index) in ascending(p).enumerated() {
      largest = max(largest, min(1, Double(p.count - position) * p[index]))
      adjusted[index] = largest
    }
    return adjusted
  }

  /// Benjamini & Hochberg's step-up adjustment: reject where the adjusted value is at most q, and the expected share of
  /// false rejections among all rejections is at most q (for independent or positively dependent tests).
  ///
  /// Source: Benjamini & Hochberg, *JRSS B* 57 (1995) 289–300.
  ///
  /// - Parameter p: p-values from 0 to 1.
  /// - Returns: adjusted values from 0 to 1.
  public static func benjaminiHochberg(_ p: [Double]) -> [Double] {
    var adjusted = p
    var smallest = 1.0
    for (position, index) in ascending(p).enumerated().reversed() {
      smallest = min(smallest, p[index] * Double(p.count) / Double(position + 1))
      adjusted[index] = smallest
    }
    return adjusted
  }

  private static func ascending(_ p: [Double]) -> [Int] {
    precondition(p.allSatisfy { $0 >= 0 && $0 <= 1 }, "a p-value lies between 0 and 1")
    return p.indices.sorted { (p[$0], $0) < (p[$1], $1) }
  }
}
