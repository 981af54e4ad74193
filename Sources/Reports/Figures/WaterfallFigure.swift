internal import Model
internal import PlainText

extension Waterfall {
  /// The round trip as a picture; nil where there are no hops. The numbers are in the table of its hops.
  func figure(id: String, in group: WaterfallGroup) -> Figure? {
    guard let picture = WaterfallChart.picture(id: id, self, in: group) else { return nil }
    return Figure(
      id: id, heading: "\(environment): \(sum.map { "sum \($0)" } ?? "no sum")", caption: summary, picture: picture,
      data: [])
  }
}
