internal import Environments
internal import Model

/// What runs that were killed have left on the host, as their journals tell.
struct Remains {
  var runs: Int
  var resources: Int
  /// Why it cannot be told.
  var failure: String?

  static func left(in directory: String) -> Remains {
    do throws(UserError) {
      let journals = try Journal.abandoned(in: directory).filter { !$0.resources.isEmpty }
      return Remains(runs: journals.count, resources: journals.map(\.resources.count).reduce(0, +))
    } catch { return Remains(runs: 0, resources: 0, failure: error.message) }
  }

  /// - Parameter ownFailures: what the doctor itself could not take away again.
  func finding(and ownFailures: [String]) -> Finding {
    var details = ownFailures
    if let failure { details.append(failure) }
    if runs > 0 {
      details.append(
        "\(runs == 1 ? "a killed run has" : "\(runs) killed runs have") left \(resources) "
          + "\(resources == 1 ? "thing" : "things") on the host")
    }
    let isDirty = runs > 0 || !ownFailures.isEmpty
    return Finding(
      id: "remains", title: "Remains of runs", status: isDirty ? .warning : failure != nil ? .note : .ok,
      detail: details.isEmpty ? "none" : details.joined(separator: "; "),
      why: "Namespaces and links of a killed run stay until they are cleaned up; the next run does so, too.",
      remedy: isDirty ? "sudo bench cleanup" : nil)
  }
}
