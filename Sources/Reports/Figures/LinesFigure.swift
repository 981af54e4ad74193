internal import PlainText

extension XYChart {
  /// The lines as a picture; nil where nothing can be drawn. The numbers are in the tables of its section.
  func figure(id: String) -> Figure? {
    guard let picture = picture(id: id) else { return nil }
    return Figure(
      id: id, heading: heading, caption: caption, keys: keys.map { Figure.Key(sign: $0.swatch, text: $0.text) },
      picture: picture, data: [], isWide: true)
  }
}

extension Presentation {
  /// The figures about slopes for each of `sections`: each where its workload is first.
  func slopeFigures(in sections: [ReportSection]) -> [[Figure]] {
    var figures: [[Figure]] = sections.map { _ in [] }
    for slope in slopeFigures {
      let place = sections.firstIndex { section in
        switch section {
        case .path(let workload): workload == slope.workload
        case .storage(let section): section.workloads.contains(slope.workload)
        }
      }
      if let place { figures[place].append(slope.figure) }
    }
    return figures
  }
}
