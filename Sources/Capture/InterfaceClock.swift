/// Turns the time stamps of an interface into nanoseconds since 1970, exactly; finer parts are cut off.
struct InterfaceClock {
  var linkType: LinkType
  var snapLength: Int
  private var offset: Int64
  private var scale: Scale

  private enum Scale {
    case times(UInt64)
    case dividedBy(UInt64)
    /// ticks × 10⁹ ÷ 2ⁿ
    case shifted(UInt64)
  }

  /// - Parameter offsetSeconds: what the file says is to be added to all times.
  /// - Returns: nil if the offset alone is more than 64 bits of ns hold.
  init?(linkType: LinkType, snapLength: Int, resolution: CaptureInterface.Resolution, offsetSeconds: Int64) {
    let (offset, overflow) = offsetSeconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard !overflow else { return nil }
    self.linkType = linkType
    self.snapLength = snapLength
    self.offset = offset
    switch resolution {
    case .decimal(let exponent) where exponent <= 9:
      scale = .times(Self.powerOfTen(9 - Int(exponent)))
    case .decimal(let exponent) where exponent <= 28:
      scale = .dividedBy(Self.powerOfTen(Int(exponent) - 9))
    case .decimal:
      // 2⁶⁴ such units are less than a nanosecond.
      scale = .shifted(128)
    case .binary(let exponent):
      scale = .shifted(UInt64(exponent))
    }
  }

  /// - Parameter exponent: at most 19, the greatest power that 64 bits hold.
  private static func powerOfTen(_ exponent: Int) -> UInt64 {
    (0..<exponent).reduce(1) { power, _ in power * 10 }
  }

  /// - Returns: nil if the time is not one that 64 bits of ns hold.
  @inline(__always)
  func nanoseconds(_ ticks: UInt64) -> Int64? {
    let time: UInt64
    switch scale {
    case .times(let factor):
      let (product, overflow) = ticks.multipliedReportingOverflow(by: factor)
      if overflow { return nil }
      time = product
    case .dividedBy(let divisor):
      time = ticks / divisor
    case .shifted(let bits):
      let product = UInt128(ticks) * 1_000_000_000
      guard let shifted = UInt64(exactly: bits >= 128 ? 0 : product >> UInt128(bits)) else { return nil }
      time = shifted
    }
    // A negative offset may bring into range what alone is not.
    return Int64(exactly: Int128(time) + Int128(offset))
  }
}
