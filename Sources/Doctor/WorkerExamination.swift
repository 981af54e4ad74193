internal import Glibc
internal import Harness
internal import LinuxKit
internal import Model

/// Whether the worker is there, is one static file, and starts quickly.
enum WorkerExamination {
  /// Above this, in ns, something other than the worker takes the time.
  private static let startGoal = 5_000_000.0
  private static let patience: UInt64 = 2_000_000_000
  private static let starts = 5

  static func finding(environment: [String: String], program: String) -> Finding {
    let worker: WorkerBinary
    do throws(UserError) { worker = try WorkerBinary.locate(environment: environment, program: program) } catch {
      return finding(.fatal, error.message, remedy: "make build")
    }
    var times: [Double] = []
    for _ in 0..<starts {
      switch start(worker.path) {
      case .ended(let nanoseconds): times.append(Double(nanoseconds))
      case .failed(let reason): return finding(.fatal, "\(worker.path) \(reason)", remedy: "make build")
      }
    }
    let time = times.sorted()[starts / 2]
    let figure = "starts in \(Figure.duration(nanoseconds: time))"
    let image = ExecutableImage.read(worker.path)
    switch image {
    case .staticELF where time <= startGoal: return finding(.ok, "\(worker.path) is a static executable, \(figure)")
    case .staticELF:
      return finding(
        .warning, "\(worker.path) \(figure), more than the \(Figure.duration(nanoseconds: startGoal)) goal")
    case .dynamicELF(let interpreter):
      return finding(
        .warning, "\(worker.path) needs the loader \(interpreter), \(figure)", remedy: "make build")
    case .other: return finding(.warning, "\(worker.path) is no 64-bit ELF executable", remedy: "make build")
    }
  }

  private static func finding(_ status: Finding.Status, _ detail: String, remedy: String? = nil) -> Finding {
    Finding(
      id: "worker", title: "Worker", status: status, detail: detail,
      why:
        "The same static file runs in every environment, also where there is no other file; and each trial starts two.",
      remedy: remedy, affects: status == .fatal ? Affected.environments : [])
  }

  private enum Start: Sendable {
    case ended(nanoseconds: UInt64)
    case failed(String)
  }

  /// Starts the worker and gives it an empty line, which it must refuse.
  private static func start(_ path: String) -> Start {
    // On a thread of its own, where SIGPIPE is blocked and ends with it: a program that is no worker may be gone before
    // it is written to.
    let start = try? onDedicatedThread { () throws(SystemError) -> Start in
      var set = sigset_t()
      sigemptyset(&set)
      sigaddset(&set, SIGPIPE)
      pthread_sigmask(SIG_BLOCK, &set, nil)
      let begin = Clock.monotonic()
      let child: ChildProcess
      do throws(SystemError) { child = try ChildProcess(executable: path) } catch {
        return .failed("does not start: \(error.reason)")
      }
      try? child.write([UInt8(ascii: "\n")])
      let answer = try? child.readLine(deadline: begin + patience)
      guard let status = try? child.waitForExit(deadline: begin + patience) else {
        return .failed("did not end within \(Figure.duration(nanoseconds: Double(patience)))")
      }
      let end = Clock.monotonic()
      guard status == .exited(1), let answer, String(decoding: answer, as: UTF8.self).contains("\"failed\"") else {
        return .failed("does not behave like a worker: it \(status)")
      }
      return .ended(nanoseconds: end - begin)
    }
    return start ?? .failed("could not be started: no thread")
  }
}

/// What kind of executable a file is (elf(5)).
enum ExecutableImage: Equatable {
  case staticELF
  case dynamicELF(interpreter: String)
  case other

  static func read(_ path: String) -> ExecutableImage {
    (try? SmallFile.bytes(path, limit: 65_536)).map(of) ?? .other
  }

  /// - Parameter bytes: the head of the file.
  static func of(_ bytes: [UInt8]) -> ExecutableImage {
    /// A little-endian number, as all platforms of ours have them.
    func number(_ offset: Int, _ size: Int) -> Int? {
      guard offset >= 0, offset <= bytes.count - size else { return nil }
      return Int(
        truncatingIfNeeded: bytes[offset..<offset + size].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
    // Magic, 64-bit, little-endian.
    guard bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46, 2, 1]), let table = number(32, 8), let size = number(54, 2),
      let count = number(56, 2), table >= 0, table < bytes.count, size >= 56
    else { return .other }
    let interpreter = 3
    for index in 0..<count {
      let entry = table + index * size
      guard let type = number(entry, 4) else { return .other }
      guard type == interpreter else { continue }
      guard let start = number(entry + 8, 8), let length = number(entry + 32, 8), start >= 0, length > 0,
        start < bytes.count, length <= bytes.count - start
      else { return .dynamicELF(interpreter: "of an unreadable name") }
      return .dynamicELF(interpreter: String(decoding: bytes[start..<start + length].prefix { $0 != 0 }, as: UTF8.self))
    }
    return .staticELF
  }
}
