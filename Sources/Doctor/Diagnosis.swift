internal import Environments
public import Model

/// All findings about a host.
public struct Diagnosis: Sendable, Equatable {
  public let findings: [Finding]

  public init(findings: [Finding]) { self.findings = findings }

  /// What `bench doctor` exits with: success as long as something can be compared with something.
  public var exitStatus: ExitStatus {
    let fatal = findings.filter { $0.status == .fatal }
    if fatal.isEmpty { return .success }
    return fatal.contains { $0.id == Privileges.id } ? .notPermitted : .unavailable
  }

  /// The environments that can run here and those that cannot, each in ladder order.
  var environments: (usable: [String], unusable: [String]) {
    var unusable: Set<String> = []
    for finding in findings where finding.status == .missing || finding.status == .fatal {
      unusable.formUnion(finding.affects)
    }
    let names = EnvironmentRegistry.names
    return (names.filter { !unusable.contains($0) }, names.filter { unusable.contains($0) })
  }

  /// The whole in one sentence.
  var summary: String {
    let (usable, unusable) = environments
    var parts: [String] = []
    if unusable.isEmpty {
      parts.append("all \(usable.count.inWords) environments can run here")
    } else if usable.isEmpty {
      parts.append("no environment can run here")
    } else {
      parts.append(
        "\(usable.count) of \(usable.count + unusable.count) environments can run here; \(unusable.brieflyListed) cannot"
      )
    }
    let warnings = findings.filter { $0.status == .warning }
    let disturbing = warnings.filter { !$0.affects.isEmpty }.count
    if disturbing > 0 {
      parts.append("\(disturbing) \(disturbing == 1 ? "thing makes" : "things make") numbers noisier or biased")
    }
    let untidy = warnings.count - disturbing
    if untidy > 0 { parts.append("\(untidy) \(untidy == 1 ? "thing" : "things") to put right") }
    return (exitStatus == .success ? "ready: " : "not ready: ") + parts.joined(separator: "; ")
  }
}
