import Foundation
import Model
import Regression
import Testing

@Suite("Change points of a series' history")
struct ChangePointsTests {
  private static let overhead = HistorySeries(
    scenario: "network-hop", workload: "udp-rr", environment: "bridge", metric: .rttP50, quantity: .overhead)
  private static let count = HistorySeries(
    scenario: "network-hop", workload: "udp-rr", environment: "bridge", metric: .systemCalls, quantity: .count)

  private static func points(_ values: [Double], epochs: [Int] = []) -> [HistoryPoint] {
    values.enumerated().map { night, value in
      HistoryPoint(
        night: "night-\(night)", started: Date(timeIntervalSince1970: Double(night) * 86_400),
        epoch: epochs.isEmpty ? 1 : epochs[night], value: value)
    }
  }

  private static func noisy(_ levels: [(count: Int, level: Double)], seed: UInt64) -> [Double] {
    var noise = Noise(seed: seed)
    return levels.flatMap { level in (0..<level.count).map { _ in level.level * exp(0.01 * noise.normal()) } }
  }

  @Test func aLevelThatLastsThreeNights() throws {
    let values = Self.noisy([(40, 1.3), (5, 1.4)], seed: 1)
    for nights in 1...5 {
      let found = ChangePoints.find(Self.points(Array(values.prefix(40 + nights))), of: Self.overhead)
      #expect(found.count == (nights >= 3 ? 1 : 0), "after \(nights)")
      guard nights >= 3 else { continue }
      let change = try #require(found.first)
      #expect(change.series == Self.overhead)
      #expect(change.night == "night-40" && change.started == Date(timeIntervalSince1970: 40 * 86_400))
      #expect(change.nights == nights)
      let mean = exp(values[..<40].reduce(0) { $0 + log($1) } / 40)
      #expect(abs(change.before - mean) < 1e-12)
      #expect(abs(change.after - 1.4) < 0.03)
      #expect(change.pValue <= 1e-5)
      #expect(change.isWorse)
    }
  }

  @Test func aBadNightOrTwoAreNone() {
    var values = Self.noisy([(50, 1.3)], seed: 2)
    values[20] *= 1.5
    values[35] *= 1.5
    values[36] *= 1.5
    values[49] *= 1.5
    #expect(ChangePoints.find(Self.points(values), of: Self.overhead).isEmpty)
  }

  @Test func oldestFirst() {
    let values = Self.noisy([(40, 1.3), (20, 1.4), (30, 1.35)], seed: 3)
    let found = ChangePoints.find(Self.points(values), of: Self.overhead)
    #expect(found.map(\.night) == ["night-40", "night-60"])
    #expect(found.map(\.nights) == [50, 30])
    #expect(found.map(\.isWorse) == [true, false])
  }

  @Test func whereAnEpochBeginsIsNoChangePoint() {
    let values = Self.noisy([(30, 1.3), (30, 1.5), (10, 1.7)], seed: 4)
    let epochs = [Int](repeating: 1, count: 30) + [Int](repeating: 2, count: 40)
    let found = ChangePoints.find(Self.points(values, epochs: epochs), of: Self.overhead)
    #expect(found.map(\.night) == ["night-60"])
    #expect(found.map(\.nights) == [10])
  }

  @Test func countsAreTakenAsTheyAre() throws {
    let values = [Double](repeating: 0, count: 20) + [Double](repeating: 2, count: 4)
    let found = ChangePoints.find(Self.points(values), of: Self.count)
    let change = try #require(found.first)
    #expect(found.count == 1 && change.before == 0 && change.after == 2 && change.pValue == 0)
    #expect(ChangePoints.find(Self.points([Double](repeating: 4, count: 50)), of: Self.count).isEmpty)
  }

  @Test func levelsOfZeroAndGapsDoNoHarm() {
    var values = Self.noisy([(30, 5), (10, 6)], seed: 5)
    values[3] = .nan
    let level = HistorySeries(
      scenario: "s", workload: "w", environment: "native", metric: .rttP50, quantity: .level)
    let found = ChangePoints.find(Self.points(values), of: level)
    #expect(found.map(\.night) == ["night-30"])
    #expect(found.map(\.nights) == [10])
    #expect(ChangePoints.find(Self.points([0, 0, 0, 0, 1, 1, 1, 1]), of: level).map(\.night) == ["night-4"])
    #expect(ChangePoints.find([], of: level).isEmpty)
  }
}
