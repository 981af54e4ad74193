internal import Foundation
public import Model
internal import Statistics

/// Today's worker against the pinned one, in fresh blocks in which both take turns in the same environment: is it worse?
///
/// Per candidate the exact one-sided Wilcoxon signed-rank test over ln(today ÷ pinned), one value a block; Holm over all
/// candidates of the night. A candidate is worse where its adjusted p-value is at most ``level`` **and** the estimate is at
/// least ``smallestEffect`` worse. The probability that a night on which nothing changed has even one false alarm is then at
/// most ``level``, whatever the number of candidates and the dependence among them.
///
/// **How many candidates can be told apart.** The smallest p-value that n blocks can have is 2⁻ⁿ (all of them worse). Holm
/// multiplies the smallest of k by k, so that with 16 blocks up to 327 candidates can be decided (327 × 2⁻¹⁶ ≤ .005 < 328 ×
/// 2⁻¹⁶), with 12 up to 20 and with 8 one. Where there are more, no outcome of the night could have confirmed anything, and
/// each says so.
public enum Confirming {
  /// The blocks of a night.
  public static let blocks = 16
  /// The probability of even one false alarm in a night on which nothing changed.
  public static let level = 0.005
  /// The smallest change that is a regression, as a ratio less 1.
  public static let smallestEffect = 0.02
  /// The nominal confidence of the ratios.
  public static let confidence = 0.99

  /// How many candidates Holm's adjustment can tell apart with so many valid blocks: with more of them, not even one that is
  /// worse in every block can be confirmed.
  public static func mostCandidates(blocks: Int) -> Int { Int((level * exp2(Double(blocks))).rounded(.down)) }

  /// Judges all candidates of one night together.
  ///
  /// - Returns: in the order given. What has too few blocks is not judged, and costs the others nothing.
  public static func judge(_ candidates: [Candidate]) -> [Confirmed] {
    let readings = candidates.map(Reading.init)
    let p = readings.compactMap(\.pValue)
    let adjusted = MultipleTesting.holm(p)
    // If it is out of reach for the one with the most blocks, it is for all: Holm takes the smallest first.
    let mostBlocks = readings.filter { $0.pValue != nil }.map(\.count).max() ?? 0
    let isHopeless = p.count > mostCandidates(blocks: mostBlocks)
    var next = 0
    return readings.map { reading in
      guard let estimate = reading.estimate, let pValue = reading.pValue else {
        return Confirmed(reason: reading.obstacle ?? "There is nothing to judge by.")
      }
      let adjustedP = adjusted[next]
      next += 1
      let isWorse = adjustedP <= level && reading.worse >= 1 + smallestEffect
      let verdict =
        isHopeless
        ? "\(p.count) series were held at once, and \(mostBlocks) blocks can tell at most "
          + "\(mostCandidates(blocks: mostBlocks)) apart: nothing could have been confirmed tonight."
        : reason(reading, adjustedP: adjustedP, of: p.count)
      return Confirmed(
        ratio: estimate, pValue: pValue, adjustedP: adjustedP, isWorse: isWorse, reason: verdict + reading.caveat)
    }
  }

  // MARK: - Words

  private static func reason(_ reading: Reading, adjustedP: Double, of count: Int) -> String {
    let series = count == 1 ? "1 series" : "\(count) series"
    let p = "p = \(number(adjustedP)) after Holm over \(series)"
    let isClear = adjustedP <= level
    if isClear && reading.worse >= 1 + smallestEffect {
      return "It is \(percent(reading.worse - 1)) worse than with \(reading.good) (\(p))."
    }
    if isClear {
      return
        "It is worse by \(percent(reading.worse - 1)), which is less than the \(percent(smallestEffect)) that count (\(p))."
    }
    if reading.worse < 1 {
      return "It is not worse than with \(reading.good): the estimate is \(percent(1 / reading.worse - 1)) better."
    }
    if reading.isWorseInEveryBlock {
      return "It is worse in each of its \(reading.count) blocks, by \(percent(reading.worse - 1)), but so few cannot "
        + "decide among \(series) (\(p), and it takes \(number(level)) or less)."
    }
    return
      "Chance explains the \(percent(reading.worse - 1)) that it is worse (\(p), and it takes \(number(level)) or less)."
  }

  private static func percent(_ share: Double) -> String { String(format: "%.1f %%", 100 * share) }

  /// Two digits that count.
  private static func number(_ p: Double) -> String { String(format: "%.2g", p) }

  // MARK: - Numbers

  /// What one candidate's blocks say by themselves.
  private struct Reading {
    var good: String
    var count: Int
    var estimate: IntervalEstimate?
    var pValue: Double?
    /// How many times worse the estimate is: above 1 is worse, whatever the metric.
    var worse = 1.0
    var isWorseInEveryBlock = false
    /// Why it cannot be judged.
    var obstacle: String?
    /// A sentence more, of what should be known beside the verdict, with a space before it.
    var caveat = ""

    init(_ candidate: Candidate) {
      let differences = candidate.differences
      good = candidate.good
      count = differences.count
      do throws(StatisticsError) {
        let paired = try PairedComparison.compare(
          differences: differences, scale: .ratio, confidence: Confirming.confidence)
        estimate = IntervalEstimate(
          estimate: paired.estimate, low: paired.low, high: paired.high, confidence: paired.confidence, n: paired.n,
          method: paired.method == .wilcoxon ? "wilcoxon" : "sign-test",
          minimumDetectableEffect: paired.minimumDetectableEffect, lag1: paired.lag1, mergedBlocks: paired.mergedBlocks)
        worse = candidate.isCost ? paired.estimate : 1 / paired.estimate
        // Of all blocks as they are: merging halves their number, and with it every chance to pass Holm.
        pValue = WilcoxonSignedRank.pValue(
          differences: differences, alternative: candidate.isCost ? .greater : .less)
        isWorseInEveryBlock = differences.allSatisfy { candidate.isCost ? $0 > 0 : $0 < 0 }
        if paired.dependence == .dependent {
          caveat = String(
            format: " Its blocks depend on their neighbours (r₁ = %.2f): p is less certain than it looks.", paired.lag1)
        }
      } catch {
        switch error.code {
        case .tooFewPairs:
          obstacle =
            "\(count) valid \(count == 1 ? "block is" : "blocks are") too few to judge by: it takes "
            + "\(PairedComparison.smallestCount), and \(Confirming.blocks) are planned."
        default: obstacle = "It cannot be judged: \(error.message)."
        }
      }
    }
  }
}

/// What is to be confirmed: one metric of one workload in one environment, measured again.
public struct Candidate: Sendable, Equatable {
  /// ln(today ÷ pinned), one a valid block, in block order.
  public var differences: [Double]
  /// Whether larger is worse.
  public var isCost: Bool
  /// What it is held against, in words.
  public var good: String

  public init(differences: [Double], isCost: Bool, against good: String = "the pinned worker") {
    self.differences = differences
    self.isCost = isCost
    self.good = good
  }
}

/// What confirming it came to.
public struct Confirmed: Sendable, Equatable {
  /// Today's ÷ the pinned worker's, with its interval; nil where it could not be judged.
  public var ratio: IntervalEstimate?
  /// One-sided, of "not worse"; nil where it could not be judged.
  public var pValue: Double?
  /// The same after Holm over all that was judged with it.
  public var adjustedP: Double?
  /// Whether it is a regression.
  public var isWorse: Bool
  /// Why it is one, or is none: a sentence, or two.
  public var reason: String

  public init(
    ratio: IntervalEstimate? = nil, pValue: Double? = nil, adjustedP: Double? = nil, isWorse: Bool = false,
    reason: String
  ) {
    self.ratio = ratio
    self.pValue = pValue
    self.adjustedP = adjustedP
    self.isWorse = isWorse
    self.reason = reason
  }
}
