internal import Harness
internal import LinuxKit
internal import Model

/// Finds out what a host can measure, by trying it, and what would disturb the measurement.
public enum Doctor {
  /// Examines this host. Takes `sampling` and a few tenths of a second. What it makes on the host is entered in a
  /// journal first and gone when it returns; only the journal's (empty) directory stays.
  /// - Parameters:
  ///   - environment: the program's environment variables.
  ///   - journalDirectory: where journals of runs are.
  ///   - program: the path of `bench`, beside which the worker is looked for.
  ///   - storePath: the file of runs and history; nil leaves it out.
  ///   - sampling: how long to watch what others do on the CPUs.
  public static func examine(
    environment: [String: String], journalDirectory: String, program: String, storePath: String? = nil,
    sampling: Duration = .seconds(1)
  ) -> Diagnosis {
    let cores = Cores.choose()
    let facts = HostProbe.facts(processors: try? cores.processors.get())
    // First of all: namespaces that were taken away keep the kernel busy for a while.
    let activity = ActivitySample.take(on: cores.used, during: sampling)
    // Before there is a journal of our own.
    let remains = Remains.left(in: journalDirectory)
    let worker = try? WorkerBinary.locate(environment: environment, program: program)
    let trials = EnvironmentTrials.run(journalDirectory: journalDirectory, worker: worker?.path ?? "")

    var findings = [Privileges.finding(PrivilegeEvidence(trials))]
    findings += trials.findings
    findings.append(CaptureExamination.finding)
    findings.append(WorkerExamination.finding(environment: environment, program: program))
    findings += StateDirectories.findings(
      journalDirectory: journalDirectory, journalFailure: trials.journalFailure, storePath: storePath)
    findings.append(remains.finding(and: trials.leftBehind))
    findings.append(MemoryExamination.finding)
    findings += cores.findings(isVirtual: facts.virtualization != nil)
    findings += FrequencyControl.findings(cpus: cores.used, isVirtual: facts.virtualization != nil)
    findings.append(ClockExamination.finding)
    findings += KernelCounters.findings(cpu: cores.used[0], isVirtual: facts.virtualization != nil)
    findings += activity.findings(cpus: cores.used)
    findings += NativePath.findings(burdens: HostProbe.nativeBurdens())
    return Diagnosis(findings: findings)
  }

  /// The diagnosis as text for a terminal, ending in a newline.
  /// - Parameters:
  ///   - width: of the terminal, in columns.
  ///   - color: whether to add ANSI colour. Nothing is said by colour alone.
  public static func render(_ diagnosis: Diagnosis, width: Int, color: Bool) -> String {
    DiagnosisPage(width: width, color: color).render(diagnosis)
  }
}
