public import LinuxKit
internal import Testing

/// What the name of every namespace made by a test begins with.
public let testNamespacePrefix = "bench-test-"

/// A namespace that does not exist yet, under a name that nobody else uses.
public func randomNamespace() -> NetworkNamespace {
  NetworkNamespace(name: testNamespacePrefix + String(UInt64.random(in: .min ... .max), radix: 36))
}

/// Makes `count` namespaces for the time of `body`, and removes them, the last first, whichever way it ends.
public func withNamespaces<Value>(_ count: Int, _ body: ([NetworkNamespace]) throws -> Value) throws -> Value {
  let namespaces = try makeNamespaces(count)
  defer { remove(namespaces) }
  return try body(namespaces)
}

/// Makes `count` namespaces for the time of `body`, and removes them, the last first, whichever way it ends.
public nonisolated(nonsending) func withNamespaces<Value>(
  _ count: Int, _ body: nonisolated(nonsending) ([NetworkNamespace]) async throws -> Value
) async throws -> Value {
  let namespaces = try makeNamespaces(count)
  defer { remove(namespaces) }
  return try await body(namespaces)
}

private func makeNamespaces(_ count: Int) throws -> [NetworkNamespace] {
  var made: [NetworkNamespace] = []
  do {
    for _ in 0..<count {
      let namespace = randomNamespace()
      try namespace.create()
      made.append(namespace)
    }
  } catch {
    remove(made)
    throw error
  }
  return made
}

private func remove(_ namespaces: [NetworkNamespace]) {
  for namespace in namespaces.reversed() {
    do { try namespace.remove() } catch { Issue.record(error, "left behind: \(namespace.path)") }
  }
}
