import Foundation
import LinuxKit
import Model
import TestSupport
import Testing

@testable import Environments

@Suite(
  "A run that is killed while it makes file systems is swept", .requiresNetworkNamespaces, .requiresProgram("losetup"))
struct KilledStorageTests {
  /// Builds one environment after another, until the process is killed, `milliseconds` after it began its journal: on
  /// a busy host, to start a process and to begin one takes longer than the shortest of them.
  static func build(_ directory: String, killedAfter milliseconds: Int) throws {
    let journal = try Journal(runID: randomRunID(), directory: directory)
    let killer = Thread {
      usleep(UInt32(milliseconds) * 1000)
      kill(getpid(), SIGKILL)
    }
    killer.start()
    let ofRun = HostResources(journal: journal)
    let definitions = EnvironmentRegistry.storage.filter { !$0.needs.contains(where: \.isEngine) }.shuffled()
    while true {
      let cache = StorageCache(resources: ofRun)
      for definition in definitions {
        let resources = HostResources(journal: journal, settings: BuildSettings(storage: cache))
        _ = try definition.build(with: resources, content: .little(isConsumed: .random()))
        try resources.removeAll()
      }
      try ofRun.removeAll()
    }
  }

  @Test("at any of fifty moments")
  func killed() async throws {
    let directory = try ScratchDirectory()
    var found = 0
    for _ in 0..<50 {
      let milliseconds = Int.random(in: 5...400)
      await #expect(processExitsWith: .signal(SIGKILL)) {
        [path = directory.path as String, milliseconds = milliseconds as Int] in
        try KilledStorageTests.build(path, killedAfter: milliseconds)
      }
      let journals = directory.files.filter { $0.hasSuffix(".journal") }
      #expect(journals.count == 1)
      let outcomes = try Sweep.run(directory: directory.path)
      found += outcomes.map(\.removed.count).reduce(0, +)
      #expect(outcomes.flatMap(\.failed) == [], "after \(milliseconds) ms")
      #expect(try storageRemains(of: directory.path) == [], "after \(milliseconds) ms")
      #expect(directory.files == [], "after \(milliseconds) ms")
    }
    #expect(found > 50, "they were killed while there was something")
  }
}
