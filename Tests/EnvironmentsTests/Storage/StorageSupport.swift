import Foundation
import LinuxKit
import Model
import TestSupport
import Testing
import WorkerProtocol

@testable import Environments

/// A run's journal, with the resources of the run and a cache of file systems.
final class StorageWorkplace {
  let directory: ScratchDirectory
  let runID: String
  let journal: Journal
  let ofRun: HostResources
  let cache: StorageCache

  init(
    find: @escaping (String) -> String? = EngineTool.find,
    furnish: @escaping (String) throws(SystemError) -> Void = { (_: String) throws(SystemError) in }
  ) throws {
    directory = try ScratchDirectory()
    runID = randomRunID()
    journal = try Journal(runID: runID, directory: directory.path)
    ofRun = HostResources(journal: journal)
    cache = StorageCache(resources: ofRun, find: find, furnish: furnish)
  }

  /// Of a test that failed in the middle.
  deinit { try? ofRun.removeAll() }

  /// One trial: builds `definition`, and takes it away whichever way that ends.
  func trial<Value>(
    _ definition: any StorageEnvironment, _ content: StorageContent, _ body: (BuiltStorage) throws -> Value
  ) throws -> Value {
    let resources = HostResources(journal: journal, settings: BuildSettings(storage: cache))
    let value: Value
    do { value = try body(try definition.build(with: resources, content: content)) } catch {
      try? resources.removeAll()
      throw error
    }
    try resources.removeAll()
    return value
  }

  /// The error of a build that must fail.
  func failure(_ definition: any StorageEnvironment, _ content: StorageContent) throws -> UserError? {
    do {
      try trial(definition, content) { _ in }
      return nil
    } catch let error as UserError { return error }
  }

  /// Ends the run, and proves that nothing of it is left.
  func end() throws {
    try ofRun.removeAll()
    #expect(journal.resources == [])
    journal.close()
    #expect(directory.files == [])
    #expect(try storageRemains(of: directory.path) == [])
  }
}

/// What is attached or mounted of a directory: by the program `losetup`, and by the kernel's table.
func storageRemains(of directory: String) throws -> [String] {
  let devices = try output("/usr/bin/env", ["losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE"])
  let mounts = try SmallFile.text("/proc/self/mountinfo")
  return (devices + mounts).split(separator: "\n").map(String.init).filter { $0.contains(directory) }
}

extension StorageContent {
  /// A little of several groups, in 512 MiB.
  static func little(isConsumed: Bool = false) -> StorageContent {
    StorageContent(
      groups: [
        Group(.write, count: 3, size: 5000), Group(.change, count: 2, size: 4096), Group(.names, count: 4, size: 10),
        Group(.directories, count: 2, size: 100),
      ], isConsumed: isConsumed, imageSize: 1 << 29)
  }

  /// What a file must have in it.
  static func bytes(_ group: FileLayout.Group, _ index: Int, size: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: size)
    ContentBytes.fill(&bytes, group: group, index: index, offset: 0)
    return bytes
  }
}

extension BuiltStorage {
  /// Runs `body` where a worker would run, with the environment's directory.
  func inside<Value: Sendable>(
    _ body: @escaping @Sendable (String) throws(SystemError) -> Value
  ) throws(SystemError) -> Value {
    let (namespace, directory) = (mountNamespace, directory)
    return try onDedicatedThread { () throws(SystemError) in
      if let namespace { try MountNamespace.enter(path: namespace) }
      return try body(directory)
    }
  }
}

/// Writes into an existing file, and puts it onto the disk.
func overwrite(_ path: String, _ bytes: [UInt8]) throws(SystemError) {
  let file = try Descriptor.open(path, O_RDWR)
  try file.write(bytes)
  try FileSync.fileSystem(of: file)
}
