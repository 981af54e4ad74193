import Foundation
import LinuxKit
import Model
import TestSupport
import Testing

@testable import Environments

@Suite("Journal")
struct JournalTests {
  private let one = Resource.networkNamespace(name: "bench-one")
  private let two = Resource.directory(path: "/nonexistent/two \"quoted\"\n")

  /// The lines that a run which was killed has left; the lock goes with the last reference.
  private func leave(_ directory: String, _ body: (Journal) throws -> Void) throws -> String {
    let runID = randomRunID()
    try body(try Journal(runID: runID, directory: directory))
    return runID
  }

  @Test("an entry is on the disk when entering returns, that is before the thing is made")
  func order() throws {
    let directory = try ScratchDirectory()
    let journal = try Journal(runID: "r", directory: directory.path)
    for resource in [one, two, .sharedNamespaceDirectory] {
      try journal.enter(resource)
      #expect(Journal.replay(try SmallFile.text("\(directory.path)/r.journal")).last == resource)
    }
    #expect(journal.resources == [one, two, .sharedNamespaceDirectory])
  }

  @Test("what is struck out is gone, one entry at a time")
  func strike() throws {
    let directory = try ScratchDirectory()
    let journal = try Journal(runID: "r", directory: directory.path)
    try journal.enter(one)
    try journal.enter(two)
    try journal.enter(one)
    try journal.strike(one)
    #expect(journal.resources == [one, two])
    #expect(Journal.replay(try SmallFile.text("\(directory.path)/r.journal")) == [one, two])
    journal.close()
    #expect(directory.files == ["r.journal"], "what is left keeps the file")
    try journal.strike(one)
    try journal.strike(two)
    journal.close()
    #expect(directory.files == [])
  }

  @Test("a last line that was cut by a kill counts for nothing, wherever it was cut")
  func torn() throws {
    let directory = try ScratchDirectory()
    let journal = try Journal(runID: "r", directory: directory.path)
    try journal.enter(one)
    let whole = try SmallFile.text("\(directory.path)/r.journal")
    try journal.enter(two)
    let last = try SmallFile.text("\(directory.path)/r.journal").dropFirst(whole.count)
    for cut in 0..<last.count {
      #expect(Journal.replay(whole + last.prefix(cut)) == [one], "cut after \(cut) characters")
    }
    #expect(Journal.replay(whole + last) == [one, two])
    #expect(Journal.replay("") == [])
  }

  @Test("lines that make no sense are passed over")
  func junk() throws {
    let directory = try ScratchDirectory()
    let journal = try Journal(runID: "r", directory: directory.path)
    try journal.enter(one)
    let line = try SmallFile.text("\(directory.path)/r.journal")
    let junk = [
      "", "\n\n\n", "{}\n", "null\n", "{\"made\":{\"_0\":{\"planet\":{}}}}\n", "\u{0}\u{FFFD}\n", "{\"gone\":5}\n",
    ]
    for before in junk {
      for after in junk { #expect(Journal.replay(before + line + after) == [one]) }
    }
    // Something that is struck out without having been entered.
    let gone = line.replacing("made", with: "gone")
    #expect(Journal.replay(gone + line) == [one])
    #expect(Journal.replay(line + gone) == [])
  }

  @Test("the journal of a living run is left alone")
  func living() throws {
    let directory = try ScratchDirectory()
    let journal = try Journal(runID: "r", directory: directory.path)
    try journal.enter(.directory(path: "/nonexistent/living"))
    #expect(try Journal.abandoned(in: directory.path).isEmpty)
    #expect(try Sweep.run(directory: directory.path) == [])
    #expect(journal.resources.count == 1 && directory.files == ["r.journal"])
    #expect(
      userError { () throws(UserError) in try Journal(runID: "r", directory: directory.path) }?.exitCode == .unavailable
    )
  }

  @Test("an abandoned one is swept, last entry first, and only once")
  func abandoned() throws {
    let directory = try ScratchDirectory()
    let outer = "\(directory.path)/made"
    let inner = "\(outer)/inner"
    try FileManager.default.createDirectory(atPath: inner, withIntermediateDirectories: true)
    let runID = try leave(directory.path) { journal in
      try journal.enter(.directory(path: outer))
      try journal.enter(.directory(path: inner))
    }
    let outcomes = try Sweep.run(directory: directory.path)
    #expect(outcomes.map(\.runID) == [runID])
    #expect(outcomes.map(\.removed) == [[.directory(path: inner), .directory(path: outer)]])
    #expect(outcomes.map(\.failed) == [[]])
    #expect(directory.files == [])
    #expect(try Sweep.run(directory: directory.path) == [])
  }

  @Test("several runs, one of them alive; other files are none of ours")
  func several() throws {
    let directory = try ScratchDirectory()
    let dead = try (0..<3).map { _ in
      try leave(directory.path) { try $0.enter(.directory(path: "/nonexistent/\(UUID().uuidString)")) }
    }
    let alive = try Journal(runID: "alive", directory: directory.path)
    try alive.enter(one)
    try "hands off".write(toFile: "\(directory.path)/notes.txt", atomically: true, encoding: .utf8)
    #expect(try Sweep.run(directory: directory.path).map(\.runID) == dead.sorted())
    #expect(directory.files == ["alive.journal", "notes.txt"])
  }

  @Test("what cannot be removed stays in the journal, and the rest goes")
  func stubborn() throws {
    let directory = try ScratchDirectory()
    let file = "\(directory.path)/file"
    try "".write(toFile: file, atomically: true, encoding: .utf8)
    let runID = try leave(directory.path) { journal in
      try journal.enter(.directory(path: "/nonexistent/a"))
      // rmdir(2) of a file: not a directory.
      try journal.enter(.directory(path: file))
      try journal.enter(.directory(path: "/nonexistent/b"))
    }
    for _ in 0..<2 {
      let outcomes = try Sweep.run(directory: directory.path)
      let failed = outcomes.flatMap(\.failed)
      #expect(outcomes.count == 1 && failed.count == 1)
      #expect(failed.allSatisfy { $0.contains("directory \(file)") && $0.contains("Not a directory") }, "\(failed)")
      #expect(directory.files == ["\(runID).journal", "file"].sorted())
    }
    try FileManager.default.removeItem(atPath: file)
    #expect(try Sweep.run(directory: directory.path).map(\.removed) == [[.directory(path: file)]])
    #expect(directory.files == [])
  }

  @Test("a directory that is not there has nothing to sweep")
  func noDirectory() throws {
    #expect(try Sweep.run(directory: "/nonexistent/journal") == [])
  }

  @Test("a directory that somebody else put something into is left to them")
  func shared() throws {
    let directory = try ScratchDirectory()
    let made = "\(directory.path)/made"
    try FileManager.default.createDirectory(atPath: made, withIntermediateDirectories: true)
    try "theirs".write(toFile: "\(made)/file", atomically: true, encoding: .utf8)
    _ = try leave(directory.path) { try $0.enter(.directory(path: made)) }
    #expect(try Sweep.run(directory: directory.path).map(\.failed) == [[]])
    #expect(try SmallFile.text("\(made)/file") == "theirs")
  }
}

@Suite("A journal that cannot be kept")
struct UnwritableJournalTests {
  @Test("a path that is a file")
  func file() throws {
    let directory = try ScratchDirectory()
    let file = "\(directory.path)/file"
    try "".write(toFile: file, atomically: true, encoding: .utf8)
    let error = userError { () throws(UserError) in try Journal(runID: "r", directory: "\(file)/journal") }
    #expect([.notPermitted, .unavailable].contains(try #require(error).exitCode))
    #expect(try #require(error).message.contains("\(file)/journal"))
    #expect(try #require(error?.remedy).contains("BENCH_JOURNAL"))
  }

  @Test("a file system that is read-only", .requiresNetworkNamespaces)
  func readOnly() throws {
    let disk = try TinyFileSystem(kibibytes: 16)
    let remountReadOnly: UInt = 32 | 1  // MS_REMOUNT | MS_RDONLY
    try #require(mount("tmpfs", disk.path, "tmpfs", remountReadOnly, nil) == 0)
    for directory in [disk.path, "\(disk.path)/deeper"] {
      let error = userError { () throws(UserError) in try Journal(runID: "r", directory: directory) }
      #expect([.notPermitted, .unavailable].contains(try #require(error).exitCode))
      #expect(try #require(error).message.contains(directory))
      #expect(try #require(error?.remedy).contains("BENCH_JOURNAL"))
    }
  }

  @Test("a directory of somebody else", .requiresNetworkNamespaces)
  func notPermitted() async {
    await #expect(processExitsWith: .success) {
      let directory = FileManager.default.temporaryDirectory.appending(path: "bench-journal-\(UUID().uuidString)").path
      try FileManager.default.createDirectory(
        atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
      defer { _ = try? FileManager.default.removeItem(atPath: directory) }
      // The effective id alone, so that root comes back to clean up.
      try #require(seteuid(65_534) == 0)
      defer { seteuid(0) }
      for path in [directory, "\(directory)/deeper"] {
        let error = userError { () throws(UserError) in try Journal(runID: "r", directory: path) }
        #expect(try #require(error).exitCode == .notPermitted)
        #expect(try #require(error).message.contains(path))
        #expect(try #require(error?.remedy).contains("BENCH_JOURNAL"))
      }
    }
  }

  @Test("a full disk", .requiresNetworkNamespaces)
  func full() throws {
    let disk = try TinyFileSystem(kibibytes: 16)
    let journal = try Journal(runID: "r", directory: disk.path)
    try disk.fill()
    let error = userError { () throws(UserError) in try journal.enter(.networkNamespace(name: "bench-r-1-client")) }
    #expect(error?.exitCode == .unavailable)
    #expect(error?.message == "cannot write the journal \(disk.path)/r.journal: No space left on device")
    #expect(try #require(error?.remedy).contains("free some space"))
    #expect(journal.resources == [], "what was not entered must not be made, and is not")
  }

  @Test("sweeping goes on when the disk is full", .requiresNetworkNamespaces, .requiresProgram("ip"))
  func sweepFull() throws {
    let disk = try TinyFileSystem(kibibytes: 16)
    let runID = randomRunID()
    let namespaces = (1...3).map { NetworkNamespace(name: "bench-\(runID)-\($0)-client") }
    defer { for namespace in namespaces { try? namespace.remove() } }
    do {
      let journal = try Journal(runID: runID, directory: disk.path)
      // To the end of its page, so that nothing more can be struck out.
      while try (FileManager.default.attributesOfItem(atPath: "\(disk.path)/\(runID).journal")[.size] as? Int) ?? 0
        < 3700
      {
        try journal.enter(.directory(path: "/nonexistent/\(runID)"))
      }
      for namespace in namespaces {
        try journal.enter(.networkNamespace(name: namespace.name))
        try namespace.create()
      }
      try disk.fill()
    }
    let outcomes = try Sweep.run(directory: disk.path)
    #expect(outcomes.map(\.runID) == [runID] && outcomes[0].failed == [])
    #expect(try remains(of: runID) == [])
    #expect(try FileManager.default.contentsOfDirectory(atPath: disk.path) == ["filler"])
  }
}

@Suite("A killed run is swept", .requiresNetworkNamespaces, .requiresProgram("ip"))
struct SweepTests {
  /// An environment that nobody takes away, and the journal's directory.
  private func abandon(_ definition: any NetworkEnvironment) throws -> (ScratchDirectory, runID: String) {
    let workplace = try Workplace()
    do throws(UserError) { _ = try definition.build(with: workplace.resources) } catch {
      try? workplace.resources.removeAll()
      throw error
    }
    return (workplace.directory, workplace.runID)
  }

  @Test("with everything in it", arguments: linkEnvironments.map(\.name))
  func sweep(_ name: String) throws {
    let (directory, runID) = try abandon(
      try #require(EnvironmentRegistry.definition(named: name) as? any NetworkEnvironment))
    #expect(try !remains(of: runID).isEmpty)
    let outcomes = try Sweep.run(directory: directory.path)
    #expect(outcomes.map(\.runID) == [runID] && outcomes[0].failed == [])
    #expect(try remains(of: runID) == [])
    #expect(directory.files == [])
    #expect(try Sweep.run(directory: directory.path) == [])
  }

  @Test("after somebody else has taken part of it away")
  func partly() throws {
    let (directory, runID) = try abandon(VethPair())
    _ = try output("/usr/bin/env", ["ip", "netns", "delete", "bench-\(runID)-2-server"])
    let outcomes = try Sweep.run(directory: directory.path)
    #expect(outcomes.count == 1 && outcomes[0].failed == [])
    #expect(try remains(of: runID) == [])
  }

  @Test("after a namespace was entered in the journal and not made")
  func notMade() throws {
    let directory = try ScratchDirectory()
    let runID = randomRunID()
    do {
      let journal = try Journal(runID: runID, directory: directory.path)
      try journal.enter(.networkNamespace(name: "bench-\(runID)-1-client"))
    }
    let outcomes = try Sweep.run(directory: directory.path)
    #expect(outcomes.count == 1 && outcomes[0].failed == [])
    #expect(try remains(of: runID) == [])
  }

  @Test("after the file was made and the namespace not yet mounted on it")
  func halfMade() throws {
    let directory = try ScratchDirectory()
    let runID = randomRunID()
    let namespace = NetworkNamespace(name: "bench-\(runID)-1-client")
    try NetworkNamespace.shareDirectory()
    do {
      let journal = try Journal(runID: runID, directory: directory.path)
      try journal.enter(.networkNamespace(name: namespace.name))
      try "".write(toFile: namespace.path, atomically: false, encoding: .utf8)
    }
    #expect(try Sweep.run(directory: directory.path).map(\.failed) == [[]])
    #expect(try remains(of: runID) == [])
  }

  @Test("while another run of the same host goes on")
  func beside() throws {
    let living = try Workplace()
    try living.with(VethPair()) { environment in
      let (directory, runID) = try abandon(BridgedPair())
      _ = try Sweep.run(directory: directory.path)
      #expect(try remains(of: runID) == [])
      let exchange = try Exchange(environment)
      let before = try environment.readCounters()
      try exchange.roundTrips(50, size: 64)
      #expect(environment.attest(from: before, to: try environment.readCounters(), traffic: .datagrams(50)).isPassed)
    }
  }
}
