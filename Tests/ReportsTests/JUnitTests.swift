import Foundation
import FoundationXML
import Model
import Testing

@testable import Reports

/// An XML document as a tree, by a parser that refuses whatever is not well-formed.
final class XMLTree: NSObject, XMLParserDelegate {
  final class Element {
    let name: String
    let attributes: [String: String]
    var children: [Element] = []
    var text = ""
    init(_ name: String, _ attributes: [String: String]) {
      self.name = name
      self.attributes = attributes
    }

    func all(_ name: String) -> [Element] { children.filter { $0.name == name } }
    var descendants: [Element] { [self] + children.flatMap(\.descendants) }
  }

  private var open: [Element] = []
  private var root: Element?

  static func parse(_ text: String) throws -> Element {
    let tree = XMLTree()
    let parser = XMLParser(data: Data(text.utf8))
    parser.delegate = tree
    let isWellFormed = parser.parse()
    try #require(isWellFormed, "line \(parser.lineNumber): \(String(describing: parser.parserError))")
    return try #require(tree.root)
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    let element = Element(name, attributes)
    open.last?.children.append(element)
    if root == nil { root = element }
    open.append(element)
  }

  func parser(_ parser: XMLParser, didEndElement: String, namespaceURI: String?, qualifiedName: String?) {
    open.removeLast()
  }

  func parser(_ parser: XMLParser, foundCharacters text: String) { open.last?.text += text }
}

/// What the readers of Jenkins and GitLab take: elements, where they may stand, and their attributes.
enum JUnitShape {
  private struct Rule {
    var required: Set<String>
    var optional: Set<String> = []
    var children: Set<String> = []
  }

  private static let rules: [String: Rule] = [
    "testsuites": Rule(
      required: [], optional: ["name", "tests", "failures", "errors", "time"], children: ["testsuite"]),
    "testsuite": Rule(
      required: ["name", "tests", "failures", "errors"], optional: ["skipped", "time", "timestamp", "hostname"],
      children: ["properties", "testcase"]),
    "properties": Rule(required: [], children: ["property"]),
    "property": Rule(required: ["name", "value"]),
    "testcase": Rule(
      required: ["classname", "name"], optional: ["time"], children: ["skipped", "error", "failure", "system-out"]),
    "skipped": Rule(required: [], optional: ["message"]),
    "error": Rule(required: ["message", "type"]), "failure": Rule(required: ["message", "type"]),
    "system-out": Rule(required: []),
  ]

  /// Holds `root` and all below against the rules, and the counts against what is there.
  static func check(_ root: XMLTree.Element) throws {
    #expect(root.name == "testsuites")
    for element in root.descendants {
      let rule = try #require(rules[element.name], "<\(element.name)>")
      let names = Set(element.attributes.keys)
      #expect(rule.required.isSubset(of: names), "<\(element.name)> lacks an attribute: \(names)")
      #expect(names.isSubset(of: rule.required.union(rule.optional)), "<\(element.name)> has \(names)")
      #expect(Set(element.children.map(\.name)).isSubset(of: rule.children), "in <\(element.name)>")
    }
    for suite in root.all("testsuite") {
      // Properties come first, at most once.
      #expect(suite.children.first?.name == "properties" && suite.all("properties").count == 1)
      let cases = suite.all("testcase")
      for parent in [suite, root] {
        for (attribute, child) in [("failures", "failure"), ("errors", "error"), ("skipped", "skipped")]
        // Jenkins' schema counts the skipped in a suite alone.
        where parent !== root || attribute != "skipped" {
          #expect(parent.attributes[attribute] == String(cases.count { !$0.all(child).isEmpty }), "\(attribute)")
        }
        #expect(parent.attributes["tests"] == String(cases.count))
      }
      for test in cases {
        #expect(test.children.count { $0.name != "system-out" } <= 1)
        #expect(test.all("system-out").count <= 1)
      }
      let names = cases.map { "\($0.attributes["classname"] ?? "")\n\($0.attributes["name"] ?? "")" }
      #expect(Set(names).count == names.count)
    }
  }
}

@Suite("The JUnit report")
struct JUnitTests {
  private func suite(_ result: RunResult) throws -> XMLTree.Element {
    let root = try XMLTree.parse(JUnitReport.render(result))
    try JUnitShape.check(root)
    return try #require(root.all("testsuite").first)
  }

  private func outcomes(_ suite: XMLTree.Element) -> [String: String] {
    Dictionary(
      suite.all("testcase").map { test in
        (
          String((test.attributes["name"] ?? "").prefix { $0 != ":" }),
          test.children.first { $0.name != "system-out" }?.name ?? "passed"
        )
      }, uniquingKeysWith: { "\($0), \($1)" })
  }

  @Test("has a suite that names the run")
  func head() throws {
    let suite = try suite(Fixture.result)
    #expect(suite.attributes["name"] == "network-hop" && suite.attributes["hostname"] == "build-07")
    #expect(suite.attributes["time"] == "133.500")
    #expect(suite.attributes["timestamp"] == Fixture.start.ISO8601Format())
    let properties = Dictionary(
      uniqueKeysWithValues: try suite.all("properties")[0].children.map {
        (try #require($0.attributes["name"]), try #require($0.attributes["value"]))
      })
    #expect(properties["run"] == Fixture.result.run.id && properties["seed"] == "9007199254740993")
    #expect(properties["profile"] == "standard" && properties["worker sha256"] == Fixture.result.run.workerSHA256)
    #expect(properties["validity"] == "valid" && properties["command"] == Fixture.result.run.command)
  }

  @Test("passes a claim with a verdict, supported or refuted, with its numbers")
  func verdicts() throws {
    let suite = try suite(Fixture.result)
    #expect(
      outcomes(suite) == [
        "net-hop": "passed", "net-namespace": "passed", "udp-rr-spin": "passed", "tcp-rr-spin": "passed",
      ])
    let claim = try #require(suite.all("testcase").first)
    #expect(claim.attributes["classname"] == "network-hop.bridge")
    #expect(claim.attributes["name"] == "net-hop: A container's own network stack makes every packet slower.")
    let output = try #require(claim.all("system-out").first).text
    for part in ["verdict: supported", "1.30× [1.28, 1.33]", "n\u{A0}12", "holds if bridge ÷ native lies above 1.10×"] {
      #expect(output.contains(part), "\(output)")
    }
    #expect(try #require(suite.all("testcase")[1].all("system-out").first).text.contains("verdict: refuted"))
  }

  @Test("skips what has no verdict, and says why")
  func skipped() throws {
    let suite = try suite(
      Variants.changed { result in
        result.claims[0].verdict = .inconclusive
        result.claims[0].reason = "the interval crosses 1.10"
        result.claims[1].verdict = .unavailable
        result.claims[1].reason = "there is no netns"
      })
    #expect(outcomes(suite)["net-hop"] == "skipped" && outcomes(suite)["net-namespace"] == "skipped")
    #expect(
      suite.descendants.filter { $0.name == "skipped" }.map { $0.attributes["message"] } == [
        "inconclusive: the interval crosses 1.10", "unavailable: there is no netns",
      ])
  }

  @Test("makes an error of each claim that the run cannot bear")
  func invalid() throws {
    for (result, why) in [
      (Variants.failedControl, "The control of udp-rr-spin failed"),
      (Variants.manyVoided, "5 of 17 blocks were voided"),
      (Variants.interrupted, "The run was interrupted"), (Variants.injected, "a slowdown was put into the worker"),
    ] {
      let suite = try suite(result)
      let errors = suite.descendants.filter { $0.name == "error" }
      #expect(errors.count == result.claims.count)
      #expect(
        errors.allSatisfy {
          $0.attributes["type"] == "invalid-run" && ($0.attributes["message"] ?? "").contains(why)
        }, "\(why)")
    }
    // The other workload's control failed.
    let one = outcomes(try suite(Variants.oneFailedControl))
    #expect(one["net-hop"] == "passed" && one["udp-rr-spin"] == "passed" && one["tcp-rr-spin"] == "failure")
  }

  @Test("lets a count stand in a disturbed run, and nothing in one that was never to judge the host")
  func counts() throws {
    let counting = Variants.changed { result in
      result.noise.overall = .hostile
      result.claims[0].metric = .softirqs
    }
    #expect(outcomes(try suite(counting))["net-hop"] == "passed")
    #expect(outcomes(try suite(counting))["net-namespace"] == "error")
    var injected = counting
    injected.run.injection = "5 % more time"
    #expect(outcomes(try suite(injected))["net-hop"] == "error")
  }

  @Test("fails a control that failed, and skips one without enough blocks")
  func controls() throws {
    let failed = try suite(Variants.failedControl)
    #expect(outcomes(failed)["udp-rr-spin"] == "failure" && outcomes(failed)["tcp-rr-spin"] == "failure")
    #expect(outcomes(try suite(Variants.interrupted))["udp-rr-spin"] == "skipped")
  }

  @Test("leaves out a time that is not known")
  func unended() throws {
    let suite = try suite(Variants.changed { $0.run.finished = nil })
    #expect(suite.attributes["time"] == nil)
    #expect(try self.suite(Variants.empty).attributes["tests"] == "0")
  }
}
