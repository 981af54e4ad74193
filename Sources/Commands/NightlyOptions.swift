internal import ArgumentParser
internal import Foundation
internal import LinuxKit
internal import Model
internal import PlainText
internal import Reports
internal import Scenarios
internal import Store

/// A duration as scenarios write it: "90s", "45min".
struct DurationArgument: ExpressibleByArgument {
  let milliseconds: Int

  init?(argument: String) {
    do throws(DurationText.Failure) {
      milliseconds = try DurationText.milliseconds(argument)
    } catch { return nil }
  }
}

/// Where a night goes for another program: `junit=FILE`.
struct ExportTarget {
  let format: ExportFormat
  /// `-` is stdout.
  let path: String

  /// - Throws: `.usage` for an unknown format, and for what has no file.
  init(parsing text: String) throws(UserError) {
    let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
    let all = ExportFormat.allCases.map(\.rawValue)
    guard parts.count == 2, !parts[1].isEmpty else {
      throw UserError(
        .usage, "--export \(InertText.line(text, limit: 200)): this names no file",
        remedy: "write for instance --export junit=night.xml, or annotations=- for stdout")
    }
    guard let format = ExportFormat(rawValue: parts[0]) else {
      let near = Suggestion.nearest(to: String(parts[0].prefix(100)), among: all).map { " (did you mean '\($0)'?)" }
      throw UserError(
        .usage, "--export: unknown format '\(InertText.name(parts[0]))'\(near ?? "")",
        remedy: "there are: \(all.joined(separator: ", "))")
    }
    self.format = format
    path = parts[1]
  }

  /// Makes sure, before an hour is spent on it, that the file can be written.
  func check() throws { try RunOutputs(json: path, reports: nil, environment: Program.environment).check() }

  /// Replaces the file as a whole. GitHub's summary is added to: other steps write to the same file.
  func write(_ night: NightResult, runs: [RunResult], store: RunStore) throws {
    let history = try history(night, store)
    let text = try NightExport.render(format, night: night, runs: runs, history: history)
    if format == .otava && path != "-" {
      // By which Otava reads it: which direction is worse, a table has no room for.
      let url = URL(fileURLWithPath: path)
      let configuration = NightExport.otavaConfiguration(night: night, history: history, file: url.lastPathComponent)
      try ReportWriter.replace(url.deletingPathExtension().path + ".yaml", with: Data(configuration.utf8))
    }
    if path == "-" { return Console.output(text.hasSuffix("\n") ? String(text.dropLast()) : text) }
    guard format == .github else { return try ReportWriter.replace(path, with: Data(text.utf8)) }
    guard let file = FileHandle(forUpdatingAtPath: path) else {
      return try ReportWriter.replace(path, with: Data(text.utf8))
    }
    do {
      try file.seekToEnd()
      try file.write(contentsOf: Data(text.utf8))
      try file.close()
    } catch {
      throw UserError(
        .unavailable, "\(InertText.line(path, limit: 300)) cannot be added to: \(error.localizedDescription)")
    }
  }

  /// Only Otava is told of other nights.
  private func history(_ night: NightResult, _ store: RunStore) throws(UserError) -> [HistoryView] {
    guard format == .otava else { return [] }
    let epochs = try store.epochs()
    var views: [HistoryView] = []
    for series in night.series {
      views.append(
        HistoryView(
          series: series.series, unit: series.unit, points: try store.history(of: series.series), changePoints: [],
          epochs: epochs))
    }
    return views
  }
}

/// Keeps two nights of one store from running at the same time.
struct NightLock: ~Copyable {
  private let file: LockedFile

  /// Takes the lock, or waits for it.
  /// - Parameters:
  ///   - wait: how long, in seconds.
  ///   - say: is told once that there is something to wait for.
  /// - Throws: `.unavailable` if another night holds it to the end; `.interrupted` by a signal.
  static func take(
    beside store: String, wait: Double, interruption: Interruption, say: (String) -> Void
  ) throws(UserError) -> NightLock {
    let path = "\(store).night.lock"
    let end = Clock.monotonic() + UInt64(wait * 1e9)
    var hasSaid = false
    while true {
      do throws(SystemError) {
        if let file = try LockedFile.lock(path) { return NightLock(file: file) }
      } catch {
        throw UserError(.notPermitted, "cannot lock \(path): \(error.reason)", remedy: "make its directory writable")
      }
      guard Clock.monotonic() < end else {
        throw UserError(
          .unavailable, "another night goes on with this store (it holds \(path))",
          remedy: "Wait until it is done, or let this one wait: bench nightly --wait 1h")
      }
      if !hasSaid { say("Another night goes on; waiting until it is done.") }
      hasSaid = true
      if interruption.wait(milliseconds: 500) {
        throw UserError(.interrupted, "interrupted while waiting for another night")
      }
    }
  }
}
