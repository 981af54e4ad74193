import Capture
import CaptureMutation
import Testing

/// The short form of `make fuzz`: the same inputs each time, so that what fails here fails everywhere.
@Suite struct FuzzTests {
  @Test(arguments: 0..<4)
  func brokenInputs(part: Int) throws {
    var fuzz = FuzzRun()
    for number in UInt64(part) * 5000..<UInt64(part + 1) * 5000 {
      let input = FuzzInput.make(seed: 1, number: number)
      let complaint = try fuzz.try(input)
      #expect(complaint == nil, "input \(number) of seed 1: \(input.description)")
    }
    // Broken and whole alike have been tried, of every kind.
    #expect(fuzz.frames > 2000 && fuzz.files > 2000)
    #expect(fuzz.decoded > 10_000 && fuzz.wholeFiles > 100 && fuzz.packets > 10_000)
    for reason in UndecodableReason.allCases { #expect(fuzz.undecodable[reason, default: 0] > 0, "\(reason)") }
    for kind in CaptureFileError.Kind.allCases where kind != .system && kind != .empty {
      #expect(fuzz.errors[kind, default: 0] > 0, "\(kind)")
    }
  }

  @Test func sameSeedSameInput() {
    let first = FuzzInput.make(seed: 3, number: 17)
    #expect(first.bytes == FuzzInput.make(seed: 3, number: 17).bytes)
    #expect(first.bytes != FuzzInput.make(seed: 4, number: 17).bytes)
  }

  @Test(arguments: SampleFile.all)
  func samplesAreValid(sample: SampleFile) throws {
    let file = try ReadFile(sample.bytes)
    #expect(file.error == nil)
    #expect(file.bytesRead == Int64(sample.bytes.count))
    #expect(file.frames.count > 15)
  }
}
