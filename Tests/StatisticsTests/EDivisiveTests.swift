import Foundation
@testable import Statistics
import TestSupport
import Testing

@Suite("E-divisive finds where a level changes")
struct EDivisiveTests {
  private static func series(_ levels: [(count: Int, level: Double)], spread: Double, seed: UInt64) -> [Double] {
    var noise = Noise(seed: seed)
    return levels.flatMap { level in (0..<level.count).map { _ in level.level + spread * noise.normal() } }
  }

  @Test func aStepIsFoundWhereItIs() throws {
    let values = Self.series([(60, 100), (40, 105)], spread: 0.5, seed: 1)
    let found = EDivisive.changePoints(values)
    #expect(found.map(\.index) == [60])
    let change = try #require(found.first)
    #expect(agree(change.meanBefore, Descriptive.mean(Array(values[..<60]))))
    #expect(agree(change.meanAfter, Descriptive.mean(Array(values[60...]))))
    #expect(change.pValue < 1e-40)
  }

  @Test func severalStepsUpAndDown() {
    let values = Self.series([(50, 10), (30, 11), (60, 10.5), (25, 12)], spread: 0.1, seed: 2)
    #expect(EDivisive.changePoints(values).map(\.index) == [50, 80, 140])
  }

  @Test func noiseHasNoChangePoints() {
    var found = 0
    for seed in 0..<40 {
      found +=
        EDivisive.changePoints(
          Self.series([(200, 1)], spread: 0.1, seed: UInt64(seed)),
          settings: EDivisive.Settings(largestPValue: 1e-5)
        ).count
    }
    #expect(found == 0)
  }

  @Test("where nothing varies there is nothing to be found", arguments: [0.0, 0.1, 1e9])
  func constant(level: Double) {
    #expect(EDivisive.changePoints([Double](repeating: level, count: 120)).isEmpty)
  }

  @Test func exactValuesThatChange() {
    let values = [Double](repeating: 0.1, count: 33) + [Double](repeating: 0.3, count: 5)
    let found = EDivisive.changePoints(values)
    #expect(found.map(\.index) == [33])
    #expect(found.map(\.pValue) == [0])
  }

  @Test func tooShortForAnyTest() {
    #expect(EDivisive.changePoints([]).isEmpty)
    #expect(EDivisive.changePoints([1]).isEmpty)
    #expect(EDivisive.changePoints([1, 2]).isEmpty)
    #expect(EDivisive.changePoints([1, 1, 2]).map(\.index) == [2])
  }

  @Test func aBlipIsNoLevel() {
    var values = Self.series([(80, 1)], spread: 0.01, seed: 3)
    values[40] += 1
    values[41] += 1
    #expect(EDivisive.changePoints(values).map(\.index) == [40, 42])
    #expect(EDivisive.changePoints(values, settings: EDivisive.Settings(shortestLevel: 3)).isEmpty)
  }

  @Test func aLevelCountsOnceItHasLasted() {
    let settings = EDivisive.Settings(largestPValue: 1e-5, shortestLevel: 3)
    let values = Self.series([(60, 1), (3, 1.1)], spread: 0.01, seed: 4)
    #expect(EDivisive.changePoints(Array(values.dropLast(2)), settings: settings).isEmpty)
    #expect(EDivisive.changePoints(Array(values.dropLast()), settings: settings).isEmpty)
    #expect(EDivisive.changePoints(values, settings: settings).map(\.index) == [60])
    // As well, one that had just begun when the series did.
    #expect(EDivisive.changePoints(Array(values[58...].reversed()), settings: settings).isEmpty)
  }

  @Test func changesTooSmallToMatter() {
    let values = Self.series([(60, 100), (60, 101), (60, 110)], spread: 0.2, seed: 5)
    #expect(EDivisive.changePoints(values).map(\.index) == [60, 120])
    let settings = EDivisive.Settings(smallestMagnitude: 0.05)
    #expect(EDivisive.changePoints(values, settings: settings).map(\.index) == [120])
  }

  /// The statistic and the choice of the cut, in their slowest form.
  @Test func theCutIsTheOneWithTheLargestStatistic() {
    func sum(_ a: ArraySlice<Double>, _ b: ArraySlice<Double>) -> Double {
      a.reduce(0) { total, x in total + b.reduce(0) { $0 + abs(x - $1) } }
    }
    for seed in 10..<30 {
      var noise = Noise(seed: UInt64(seed))
      let values = noise.normals(12)
      var best = (q: -Double.infinity, index: 0)
      for cut in 1..<values.count {
        for end in (cut + 1)...values.count {
          let (x, y) = (values[..<cut], values[cut..<end])
          let (n, m) = (Double(x.count), Double(y.count))
          var q = sum(x, y)
          if n > 1 { q -= m / (n - 1) * sum(x, x) / 2 }
          if m > 1 { q -= n / (m - 1) * sum(y, y) / 2 }
          q *= 2 / (n + m)
          if q > best.q + 1e-12 { best = (q, cut) }
        }
      }
      // With the bound at 1 every cut is made, the first one among them.
      #expect(EDivisive.mostDifferentCut(values) == best.index)
    }
  }

  @Test func aYearOfManySeriesTakesSeconds() {
    // A generous bound for unoptimised builds; Benchmarks/HotPaths has the real one.
    let values = Self.series([(200, 1), (165, 1.05)], spread: 0.02, seed: 6)
    let taken = threadTime {
      for _ in 0..<25 { #expect(EDivisive.changePoints(values).map(\.index).contains(200)) }
    }
    #expect(taken < .seconds(5), "25 series in \(taken)")
  }
}

/// What otava.json holds is what Apache Otava said: `generate-otava.py`, run in Goldens (apache-otava 0.8.0).
@Suite("E-divisive agrees with Apache Otava")
struct OtavaTests {
  struct Series: Decodable {
    struct ChangePoint: Decodable {
      let index: Int
      let before: Double
      let after: Double
      /// Of Otava's own statistics, and of SciPy's test of the same sides.
      let otavaP: Double
      let p: Double

      enum CodingKeys: String, CodingKey {
        case index, before, after, p
        case otavaP = "otava_p"
      }
    }
    let name: String
    let values: [Double]
    let largestP: Double
    let smallestMagnitude: Double
    let windowLength: Int
    let changePoints: [ChangePoint]

    enum CodingKeys: String, CodingKey {
      case name, values
      case largestP = "max_pvalue"
      case smallestMagnitude = "min_magnitude"
      case windowLength = "window_len"
      case changePoints = "change_points"
    }
  }

  @Test func onASharedSetOfSeries() throws {
    let all = try Golden.load("otava", as: [Series].self)
    #expect(all.count >= 12)
    #expect(all.reduce(0) { $0 + $1.changePoints.count } >= 12)
    for series in all {
      let found = EDivisive.changePoints(
        series.values,
        settings: EDivisive.Settings(
          windowLength: series.windowLength, largestPValue: series.largestP,
          smallestMagnitude: series.smallestMagnitude))
      #expect(found.map(\.index) == series.changePoints.map(\.index), "\(series.name)")
      for (ours, theirs) in zip(found, series.changePoints) {
        #expect(agree(ours.meanBefore, theirs.before, within: 1e-10), "\(series.name), \(ours.index)")
        #expect(agree(ours.meanAfter, theirs.after, within: 1e-10), "\(series.name), \(ours.index)")
        #expect(abs(ours.pValue - theirs.p) <= 1e-9 * theirs.p, "\(series.name), \(ours.index)")
        // Otava divides by n where its test expects n − 1, so that its p-values are smaller, and never larger.
        #expect(ours.pValue >= theirs.otavaP * (1 - 1e-9), "\(series.name), \(ours.index)")
      }
    }
  }
}
