/// Fixed-point text without Foundation, for the few messages of this module.
enum Decimals {
  /// So many places that `value` shows two digits that count: three at the least, twelve at the most.
  static func places(showing value: Double) -> Int {
    var places = 3
    var scaled = abs(value) * 1000
    while scaled > 0, scaled < 10, places < 12 {
      scaled *= 10
      places += 1
    }
    return places
  }

  static func format(_ value: Double, places: Int) -> String {
    guard value.isFinite else { return "\(value)" }
    var scale = 1.0
    for _ in 0..<places { scale *= 10 }
    let scaled = (abs(value) * scale).rounded()
    guard scaled < 1e15 else { return "\(value)" }
    let whole = Int(scaled) / Int(scale)
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard places > 0 else { return "\(sign)\(whole)" }
    let fraction = String(Int(scaled) % Int(scale))
    return "\(sign)\(whole)." + String(repeating: "0", count: places - fraction.count) + fraction
  }
}
