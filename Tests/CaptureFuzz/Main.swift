internal import Capture
internal import CaptureMutation
internal import Glibc
internal import LinuxKit

/// Tries broken frames and files on the decoder and the readers of capture files: `capture-fuzz --help`.
@main
enum CaptureFuzz {
  /// CPU time that one input may take, in ns: a million times what a byte needs.
  static let timeLimit: UInt64 = 200_000_000
  /// Memory that the whole process may take, in KiB.
  static let memoryLimit = 256 * 1024

  static func main() {
    let options: FuzzOptions
    do throws(FuzzOptions.Problem) {
      options = try FuzzOptions(CommandLine.arguments.dropFirst())
    } catch {
      say(error.text, to: STDERR_FILENO)
      exit(64)
    }
    if options.showsHelp {
      say(FuzzOptions.help, to: STDOUT_FILENO)
      return
    }
    do throws(SystemError) {
      try run(options)
    } catch {
      say("capture-fuzz: \(error)", to: STDERR_FILENO)
      exit(69)
    }
  }

  private static func run(_ options: FuzzOptions) throws(SystemError) {
    let watch = CrashWatch(seed: options.seed, folder: options.folder)
    watch.start()
    let numbers = options.only.map { $0..<$0 + 1 } ?? 0..<options.inputs
    say("seed \(options.seed), inputs \(numbers.lowerBound) to \(numbers.upperBound - 1)", to: STDOUT_FILENO)

    var fuzz = FuzzRun()
    var slowest: (time: UInt64, number: UInt64) = (0, numbers.lowerBound)
    var tried: UInt64 = 0
    let start = Clock.monotonic()
    for number in numbers {
      if let seconds = options.seconds, Clock.monotonic() - start > seconds * 1_000_000_000 { break }
      let input = FuzzInput.make(seed: options.seed, number: number)
      watch.enter(number, input.bytes)
      let before = Clock.processCPU()
      var complaint = try fuzz.try(input)
      let time = Clock.processCPU() - before
      watch.leave()
      tried += 1
      if time > slowest.time { slowest = (time, number) }
      if time > timeLimit { complaint = complaint ?? "it took \(time / 1_000_000) ms" }
      if peakMemory() > memoryLimit { complaint = complaint ?? "the process has taken \(peakMemory()) KiB" }
      if let complaint {
        say("input \(number): \(input.description): \(complaint)", to: STDERR_FILENO)
        let path = "\(options.folder)/capture-fuzz-\(options.seed)-\(number)"
        try save(input.bytes, path)
        say("It is in \(path). Again: capture-fuzz --seed \(options.seed) --only \(number)", to: STDERR_FILENO)
        exit(1)
      }
    }
    let elapsed = Double(Clock.monotonic() - start) / 1e9
    say(summary(fuzz, tried: tried, elapsed: elapsed, slowest: slowest), to: STDOUT_FILENO)
  }

  private static func summary(
    _ fuzz: FuzzRun, tried: UInt64, elapsed: Double, slowest: (time: UInt64, number: UInt64)
  ) -> String {
    let reasons = UndecodableReason.allCases.map { "  \($0.rawValue): \(fuzz.undecodable[$0] ?? 0)" }
    let kinds = CaptureFileError.Kind.allCases.map { "  \($0.rawValue): \(fuzz.errors[$0] ?? 0)" }
    let tenths = Int(elapsed * 10)
    return """
      \(tried) inputs in \(tenths / 10).\(tenths % 10) s: \(fuzz.frames) frames, \(fuzz.files) files
      decoded: \(fuzz.decoded) packets; not decoded:
      \(reasons.joined(separator: "\n"))
      files: \(fuzz.packets) packets; \(fuzz.wholeFiles) without an error; others:
      \(kinds.joined(separator: "\n"))
      slowest: input \(slowest.number), \(slowest.time / 1000) µs
      peak memory: \(peakMemory() / 1024) MiB
      """
  }

  /// The most memory that the process has had so far, in KiB.
  private static func peakMemory() -> Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss
  }

  private static func save(_ bytes: [UInt8], _ path: String) throws(SystemError) {
    let file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
    try file.write(bytes)
  }

  private static func say(_ line: String, to descriptor: Int32) {
    let bytes = Array((line + "\n").utf8)
    _ = write(descriptor, bytes, bytes.count)
  }
}
