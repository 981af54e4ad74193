internal import CLinux
internal import Glibc
internal import LinuxKit
public import WorkerProtocol

/// Becomes one of the user's own commands.
public struct CommandRunner {
  private let configuration: WorkerConfiguration

  public init(_ configuration: WorkerConfiguration) { self.configuration = configuration }

  /// Becomes the command: the process keeps its number, its namespace, its CPU, its stdin and its stdout, and the signal
  /// that it gets when the controller dies. No signal is blocked or ignored. What a server prints goes nowhere, since
  /// nobody reads it while it serves.
  /// - Throws: what keeps the command from starting; otherwise this does not return.
  public func run() throws(WorkloadError) -> Never {
    guard let program = configuration.arguments.first else { throw WorkloadError("a command without a program") }
    // Kept for the case that the command does not start, to say so; closed when it does.
    let output = try explained { () throws(SystemError) in
      Descriptor(owning: try systemCall("fcntl") { fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3) })
    }
    if configuration.discardsOutput {
      try explained { () throws(SystemError) in
        let nowhere = try Descriptor.open("/dev/null", O_WRONLY)
        let fd = nowhere.rawValue
        try systemCall("dup2") { dup2(fd, STDOUT_FILENO) }
      }
    }
    forgetSignals()
    var words = configuration.arguments.map { strdup($0) }
    words.append(nil)
    execvp(program, words)
    let code = errno
    let fd = output.rawValue
    _ = try explained { () throws(SystemError) in try systemCall("dup2") { dup2(fd, STDOUT_FILENO) } }
    throw WorkloadError(SystemError(call: "exec", subject: program, code: code))
  }

  /// What whoever started the worker has left blocked or ignored would stay so in the command.
  private func forgetSignals() {
    var none = sigset_t()
    sigemptyset(&none)
    sigprocmask(SIG_SETMASK, &none, nil)
    // Those that cannot be changed say so, and are as they should be.
    for number in 1..<Int32(_NSIG) { signal(number, SIG_DFL) }
  }
}
