internal import Model
internal import PlainText

/// What holds of a layered environment and what does not, from the intervals and the counts alone.
extension CopyUp {
  /// How much of a file is copied when it is first changed.
  enum Copying: Equatable {
    case whole
    case nothing
    /// The smallest and the largest share of a file.
    case part(Double, Double)
    case unknown
  }

  /// From what was counted of every size.
  func copying(_ environment: String) -> Copying {
    let shares = sizes.compactMap { size in
      size.bytes > 0 ? median(environment, size, .bytesCopied).map { $0 / Double(size.bytes) } : nil
    }
    guard let low = shares.min(), let high = shares.max() else { return .unknown }
    if low >= 0.9 { return .whole }
    return high == 0 ? .nothing : .part(low, high)
  }

  func finding(_ environment: String) -> String? {
    let opening = isJudged ? Self.times(line(environment, .openForWriting), .openForWriting) : nil
    let parts = [
      copied(environment), opening.map { "Opening takes \($0)." }, secondWrite(environment),
    ].compactMap(\.self)
    guard let first = parts.first else { return nil }
    let name = InertText.name(environment)
    // What is copied has the name in it.
    if first.hasPrefix(name) { return parts.joined(separator: " ") }
    return "\(name): \(first.prefix(1).lowercased() + parts.joined(separator: " ").dropFirst())"
  }

  private func copied(_ environment: String) -> String? {
    let name = InertText.name(environment)
    guard let size = sizes.last(where: { median(environment, $0, .bytesCopied) != nil }),
      let copied = median(environment, size, .bytesCopied)
    else { return nil }
    let amount = "\(NumberFormat.size(copied)) of a file of \(size.title)"
    switch copying(environment) {
    case .whole: return "\(name) copies the whole file when it is first opened for writing: \(amount)."
    case .nothing:
      let isShared = (median(environment, size, .bytesShared) ?? 0) > 0
      let taken = median(environment, size, .bytesTaken).flatMap { taken in
        median(environment, size, .bytesWritten).map {
          ", and the first change takes \(NumberFormat.size(taken)) of new room where \(NumberFormat.size($0)) are written"
        }
      }
      return isShared
        ? "\(name) shares a file's extents instead of copying them: \(amount) are copied\(taken ?? "")."
        : "\(name) copies nothing when a file is opened for writing\(taken ?? "")."
    case .part(let low, let high):
      return
        "\(name) copies \(NumberFormat.percent(low)) to \(NumberFormat.percent(high)) of a file when it is first opened "
        + "for writing, \(amount)."
    case .unknown: return nil
    }
  }

  /// "0.82 ms [0.70, 0.95], and 1.10 ms [1.05, 1.17] more for each MiB".
  private static func times(_ line: LineResult?, _ metric: Metric) -> String? {
    guard let line, let intercept = line.intercept, let slope = line.slope?.perMebibyte else { return nil }
    func text(_ interval: IntervalEstimate) -> String {
      let size = max(abs(interval.estimate), (interval.high - interval.low) / 2)
      return DifferenceText(interval, unit: DisplayUnit(metric, reference: size)).whole
    }
    if slope.low > 0 { return "\(text(intercept)), and \(text(slope)) more for each MiB" }
    if slope.high < 0 { return "\(text(intercept)), and less for a larger file (\(text(slope)) for each MiB)" }
    return "\(text(intercept)) whatever the size: no growth was found (\(text(slope)) for each MiB)"
  }

  private func secondWrite(_ environment: String) -> String? {
    guard isJudged, let reference = page.reference(of: environment), let ratios = ratios(environment, .secondDurable)
    else { return nil }
    let other = InertText.name(reference)
    return "A second write to the disk takes \(Self.range(ratios.map(\.interval))) as long as in \(other): "
      + Self.verdict(ratios) + "."
  }

  /// The ratios to the reference, ascending by size; nil where one is missing, or is to another environment.
  func ratios(_ environment: String, _ metric: Metric) -> [(size: Size, interval: IntervalEstimate)]? {
    let reference = page.reference(of: environment)
    let ratios = sizes.compactMap { size -> (size: Size, interval: IntervalEstimate)? in
      guard let series = page.series(environment, size.workload, metric),
        (series.reference?.environment ?? page.baseline) == reference, let ratio = series.heldToReference.ratio
      else { return nil }
      return (size, ratio)
    }
    return ratios.isEmpty || ratios.count < sizes.count ? nil : ratios
  }

  /// "1.01× [0.98, 1.03]", or from the smallest to the largest over all sizes.
  static func range(_ ratios: [IntervalEstimate]) -> String {
    guard let first = ratios.first else { return NumberFormat.none }
    if ratios.count == 1 { return RatioText(first).whole }
    let estimates = ratios.map(\.estimate)
    let low = ratios.map(\.low).min() ?? first.low
    let high = ratios.map(\.high).max() ?? first.high
    let places = NumberFormat.places(forValue: low, digits: 2, in: 2...4)
    func text(_ value: Double?) -> String { NumberFormat.decimal(value ?? 1, places: places) }
    let ends = (text(estimates.min()), text(estimates.max()))
    let middle = ends.0 == ends.1 ? "\(ends.0)×" : "\(ends.0)× to \(ends.1)×"
    return "\(middle) (intervals within [\(text(low)), \(text(high))])"
  }

  /// What intervals of "as long as" say together, over all sizes.
  static func verdict(_ ratios: [(size: Size, interval: IntervalEstimate)]) -> String {
    let longer = ratios.filter { $0.interval.low > 1 }.map(\.size.title)
    let shorter = ratios.filter { $0.interval.high < 1 }.map(\.size.title)
    let isClose = ratios.allSatisfy { $0.interval.low >= 0.95 && $0.interval.high <= 1.05 }
    if isClose { return "the same to within 5\(NumberFormat.gap)%" }
    if longer.isEmpty && shorter.isEmpty { return "no difference was found" }
    let all = ratios.count
    func said(_ word: String, _ sizes: [String]) -> String? {
      sizes.isEmpty ? nil : sizes.count == all ? word : "\(word) for files of \(sizes.listed)"
    }
    return [said("longer", longer), said("shorter", shorter)].compactMap(\.self).joined(separator: ", ")
  }
}
