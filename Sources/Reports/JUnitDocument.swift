/// JUnit's XML as Jenkins' xunit-plugin defines it (`junit-10.xsd`), and with it what GitLab and others read: one suite of
/// test cases. All text must be inert by now; it is escaped here.
struct JUnitDocument {
  enum Outcome: String {
    case passed, failure, error, skipped
  }

  struct TestCase {
    var className: String
    var name: String
    var outcome = Outcome.passed
    /// Why it did not pass.
    var message = ""
    /// The kind of a failure or an error.
    var type = ""
    /// Lines.
    var output: [String] = []

    fileprivate var xml: String {
      var xml = "    " + open("testcase", [("classname", className), ("name", name)]) + "\n"
      switch outcome {
      case .passed: break
      case .skipped: xml += "      " + open("skipped", [("message", message)], isEmpty: true) + "\n"
      case .failure, .error:
        xml +=
          "      " + open(outcome.rawValue, [("message", message), ("type", type)]) + Markup.escaped(message)
          + "</\(outcome.rawValue)>\n"
      }
      if !output.isEmpty {
        xml += "      <system-out>" + output.map(Markup.escaped).joined(separator: "\n") + "</system-out>\n"
      }
      return xml + "    </testcase>\n"
    }
  }

  var suite: String
  /// ISO 8601.
  var timestamp: String
  var hostname: String
  /// Seconds, with three places; nil where it is not known.
  var time: String?
  /// Those without a value are left out.
  var properties: [(String, String)]
  var cases: [TestCase]

  var xml: String {
    let counts = [
      ("tests", cases.count), ("failures", count(.failure)), ("errors", count(.error)),
    ].map { ($0.0, String?.some(String($0.1))) }
    let head =
      [("name", suite)] + counts + [("skipped", String(count(.skipped)))]
      + [("time", time), ("timestamp", timestamp), ("hostname", hostname)]
    var xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    // Here the schema knows no count of the skipped.
    xml += open("testsuites", [("name", "bench")] + counts + [("time", time)]) + "\n"
    xml += "  " + open("testsuite", head) + "\n    <properties>\n"
    for (name, value) in properties where !value.isEmpty {
      xml += "      " + open("property", [("name", name), ("value", value)], isEmpty: true) + "\n"
    }
    xml += "    </properties>\n"
    for test in cases { xml += test.xml }
    return xml + "  </testsuite>\n</testsuites>\n"
  }

  private func count(_ outcome: Outcome) -> Int { cases.count { $0.outcome == outcome } }
}

/// A start tag; attributes without a value are left out.
private func open(_ name: String, _ attributes: [(String, String?)], isEmpty: Bool = false) -> String {
  let text = attributes.compactMap { name, value in value.map { " \(name)=\"\(Markup.escaped($0))\"" } }.joined()
  return "<\(name)\(text)\(isEmpty ? "/>" : ">")"
}
