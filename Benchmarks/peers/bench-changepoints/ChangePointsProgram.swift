internal import Foundation
internal import Statistics

/// Finds the change points of series as often as it is told to, for `peers/changepoints.py`.
///
///     bench-changepoints < QUESTION > ANSWER
///
/// The question is `{"series": [[…], …], "rounds": N, "settings": {…}}`, the answer `{"seconds": […], "change_points":
/// [[{"index": …, "p": …}, …], …]}`: what each round over all series took, and what the last one found.
@main
struct ChangePointsProgram {
  private struct Question: Decodable {
    struct Settings: Decodable {
      var windowLength: Int
      var largestPValue: Double
      var smallestMagnitude: Double

      enum CodingKeys: String, CodingKey {
        case windowLength = "window_len"
        case largestPValue = "max_pvalue"
        case smallestMagnitude = "min_magnitude"
      }
    }
    var series: [[Double]]
    var rounds: Int
    var settings: Settings
  }

  private struct Answer: Encodable {
    struct ChangePoint: Encodable {
      var index: Int
      var p: Double
    }
    var seconds: [Double]
    var changePoints: [[ChangePoint]]

    enum CodingKeys: String, CodingKey {
      case seconds
      case changePoints = "change_points"
    }
  }

  static func main() throws {
    let question = try JSONDecoder().decode(Question.self, from: FileHandle.standardInput.readDataToEndOfFile())
    let settings = EDivisive.Settings(
      windowLength: question.settings.windowLength, largestPValue: question.settings.largestPValue,
      smallestMagnitude: question.settings.smallestMagnitude)
    var answer = Answer(seconds: [], changePoints: [])
    for _ in 0..<question.rounds {
      var found: [[EDivisive.ChangePoint]] = []
      let taken = ContinuousClock().measure {
        found = question.series.map { EDivisive.changePoints($0, settings: settings) }
      }
      answer.seconds.append(taken / .seconds(1))
      answer.changePoints = found.map { $0.map { Answer.ChangePoint(index: $0.index, p: $0.pValue) } }
    }
    try FileHandle.standardOutput.write(contentsOf: JSONEncoder().encode(answer))
  }
}
