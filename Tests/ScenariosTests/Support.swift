import Foundation
import Model
import Scenarios

/// The environments that the fixtures may name.
let knownEnvironments = ["native", "netns", "veth", "bridge", "plain-ext4", "plain-xfs", "overlayfs-ext4"]

/// Names and contents of the files that the tests read.
enum Fixture {
  static let directory = Bundle.module.resourceURL?.appending(path: "Fixtures") ?? URL(filePath: "Fixtures")

  /// The names, without extension, of the files that hold a mistake.
  static let mistakes: [String] = {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
    return files.filter { $0.hasSuffix(".expected") }.map { String($0.dropLast(".expected".count)) }.sorted()
  }()

  static func text(_ file: String) throws -> String {
    try String(contentsOf: directory.appending(path: file), encoding: .utf8)
  }

  static func path(_ file: String) -> String { directory.appending(path: file).path }
}

/// A directory of its own for one test, removed when the last reference goes.
final class ScratchDirectory {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "bench-scenarios-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file and gives its path.
  func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
    let file = "\(path)/\(name)"
    try Data(bytes).write(to: URL(filePath: file))
    return file
  }
}

/// A reproducible source of randomness (SplitMix64, Steele et al. 2014).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// The error of a call that must fail.
func userError(_ body: () throws(UserError) -> some Any) -> UserError? {
  do throws(UserError) {
    _ = try body()
    return nil
  } catch {
    return error
  }
}
