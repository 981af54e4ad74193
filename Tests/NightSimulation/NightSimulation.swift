internal import Glibc
internal import Regression

/// Nights of `bench nightly`, made up, and judged by the rules that judge real ones: how often is there an alarm where nothing
/// changed, and how often is a slowdown of known size found on its first night?
///
/// A night has one overhead of each series, which is screened against the nights before it, and today's worker against the
/// pinned one, in ``Confirming/blocks`` blocks: of what the screen flagged, and of the headline series in any case. Nothing
/// changes but, in ``power(nights:effects:)``, one series at a time.
public struct NightSimulation: Sendable {
  public var host: SimulatedHost
  /// Series that are screened.
  public var series: Int
  /// Series that are held against the pinned worker every night.
  public var headlines: Int
  /// Nights before tonight, which move on from night to night.
  public var history: Int
  public var seed: UInt64

  public init(host: SimulatedHost, series: Int = 500, headlines: Int = 20, history: Int, seed: UInt64) {
    self.host = host
    self.series = series
    self.headlines = headlines
    self.history = history
    self.seed = seed
  }

  /// Of nights on which nothing changed, counted.
  public struct FalseAlarms: Sendable, Equatable {
    public var nights = 0
    /// Series flagged in all of them, and nights that had any.
    public var flagged = 0
    public var nightsWithFlags = 0
    /// Nights on which something was confirmed: of the flagged alone, of the headline series alone, and of both together,
    /// as a night with a new worker has it.
    public var afterScreen = 0
    public var direct = 0
    public var together = 0

    public init() {}
  }

  /// Of nights on which one series was worse by `effect`, counted.
  public struct Power: Sendable, Equatable {
    /// As a ratio less 1.
    public var effect: Double
    public var nights = 0
    /// Nights on which the screen flagged it.
    public var flagged = 0
    /// Nights on which it was confirmed: by screen and confirmation, and as a headline series among the others.
    public var afterScreen = 0
    public var direct = 0

    public init(effect: Double) { self.effect = effect }
  }

  public func falseAlarms(nights: Int) -> FalseAlarms {
    var result = FalseAlarms()
    run(nights: nights) { night in
      let flagged = night.screen().series.count { $0?.isFlagged ?? false }
      let screened = (0..<flagged).map { _ in night.candidate() }
      let headlines = (0..<self.headlines).map { _ in night.candidate() }
      result.nights += 1
      result.flagged += flagged
      if flagged > 0 { result.nightsWithFlags += 1 }
      if isAlarm(screened) { result.afterScreen += 1 }
      if isAlarm(headlines) { result.direct += 1 }
      if isAlarm(headlines + screened) { result.together += 1 }
    }
    return result
  }

  public func power(nights: Int, effects: [Double]) -> [Power] {
    var result = effects.map(Power.init)
    run(nights: nights) { night in
      // One screen serves all effects, each in a series of its own: of 500 series, four do not move the median.
      for (index, effect) in effects.enumerated() { night.tonight[index] += log1p(effect) }
      let screened = night.screen().series
      let others = screened.dropFirst(effects.count).count { $0?.isFlagged ?? false }
      let unchanged = (0..<max(others, headlines - 1)).map { _ in night.candidate() }
      for (index, effect) in effects.enumerated() {
        let candidate = night.candidate(effect: effect)
        result[index].nights += 1
        if screened[index]?.isFlagged == true {
          result[index].flagged += 1
          if isWorse(candidate, among: unchanged.prefix(others)) { result[index].afterScreen += 1 }
        }
        if isWorse(candidate, among: unchanged.prefix(headlines - 1)) { result[index].direct += 1 }
      }
    }
    return result
  }

  /// Of so many nights, those on which the detector's own test found what was put in: `injected`, as a ratio less 1, judged by
  /// itself. A night on which it does not is `blind`.
  public func selfTestsFound(nights: Int, injected: Double = 0.1) -> Int {
    var found = 0
    run(nights: nights) { night in
      if isAlarm([night.candidate(effect: injected)]) { found += 1 }
    }
    return found
  }

  private func isAlarm(_ candidates: [Candidate]) -> Bool { Confirming.judge(candidates).contains(where: \.isWorse) }

  private func isWorse(_ candidate: Candidate, among others: ArraySlice<Candidate>) -> Bool {
    Confirming.judge([candidate] + others)[0].isWorse
  }

  // MARK: - Nights

  /// What a night has before it is judged.
  private struct Night {
    let host: SimulatedHost
    let isBad: Bool
    var noise: SimulatedNoise
    let history: [[Double?]]
    var tonight: [Double]

    func screen() -> ScreeningOutcome {
      Screening.screen(
        history: history, tonight: tonight, isCost: [Bool](repeating: true, count: tonight.count))
    }

    mutating func candidate(effect: Double = 0) -> Candidate {
      let spread = host.blockSpread * (isBad ? 3 : 1)
      return Candidate(
        differences: (0..<Confirming.blocks).map { _ in log1p(effect) + spread * noise.draw(host.shape) },
        isCost: true)
    }
  }

  private func run(nights: Int, _ judge: (inout Night) -> Void) {
    var noise = SimulatedNoise(seed: seed)
    // What lies behind, night by night; a series' level is its own.
    var past: [[Double]] = (0..<history).map { _ in overheads(&noise).values }
    for _ in 0..<nights {
      let (values, isBad) = overheads(&noise)
      let rows = (0..<series).map { series in past.map { Optional($0[series]) } }
      var night = Night(host: host, isBad: isBad, noise: noise, history: rows, tonight: values)
      judge(&night)
      noise = night.noise
      past.removeFirst()
      past.append(values)
    }
  }

  private func overheads(_ noise: inout SimulatedNoise) -> (values: [Double], isBad: Bool) {
    let isBad = noise.chance(host.badNights)
    let mood = host.moodSpread * noise.draw(host.shape) + (isBad ? log1p(0.1) : 0)
    let spread = host.nightSpread * (isBad ? 3 : 1)
    return ((0..<series).map { Double($0 % 7) * 0.1 + mood + spread * noise.draw(host.shape) }, isBad)
  }
}
