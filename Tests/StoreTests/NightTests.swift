import Foundation
import Model
import Testing

@testable import Store

@Suite("A stored night")
struct NightTests {
  private let fixture: TestStore
  private var store: RunStore { fixture.store }

  init() throws { fixture = try TestStore() }

  @Test("comes back as it was in each phase, from another connection too")
  func everything() throws {
    var night = Sample.night(1)
    try store.begin(night)
    #expect(try store.night(night.id) == night)
    #expect(try store.unfinishedNights() == [night])
    #expect(try store.nightResult("latest") == nil)
    #expect(try store.historySeries().isEmpty)

    for phase in [NightRecord.Phase.testing, .confirming] {
      night.phase = phase
      night.epoch = try store.epoch(for: Sample.fingerprint, started: night.started).epoch.number
      night.parts.append(.init(role: .selfTest, index: night.parts.count, run: "run-\(phase)"))
      try store.update(night)
      #expect(try store.night("latest") == night)
    }
    let values = Sample.values(1)
    night = Sample.finished(night)
    let result = Sample.result(night, values)
    try store.finish(night, result: result, values: values)

    for store in [store, try RunStore(path: store.path), try RunStore.openReadOnly(path: store.path)] {
      #expect(try store.night("night") == night)
      #expect(try store.nights() == [night])
      #expect(try store.unfinishedNights() == [])
      #expect(try store.nightResult(night.id) == result)
      #expect(try store.nightValues(night.id) == values)
      #expect(try store.integrityProblems() == [])
    }
  }

  @Test("counts only as a whole: what cannot be stored leaves nothing of it")
  func whole() throws {
    var night = Sample.night(1)
    try store.begin(night)
    night.epoch = try store.epoch(for: Sample.fingerprint, started: night.started).epoch.number
    let finished = Sample.finished(night)
    let values = Sample.values(1)
    var wrong = values
    wrong[2].value = .nan
    var double = values
    double[2] = double[0]
    for values in [wrong, double] {
      let error = userError { () throws(UserError) in
        try store.finish(finished, result: Sample.result(finished, values), values: values)
      }
      #expect(error?.exitCode == .internalError)
      #expect(
        try store.unfinishedNights() == [
          {
            var stored = night; stored.epoch = nil; return stored
          }()
        ])
      #expect(try store.historySeries().isEmpty)
    }
    let result = Sample.result(finished, values)
    #expect(throws: UserError.self) { try store.finish(night, result: result, values: values) }
    #expect(throws: UserError.self) { try store.update(finished) }
    #expect(throws: UserError.self) { try store.begin(finished) }
    try store.finish(finished, result: result, values: values)
    // And never twice.
    let again = userError { () throws(UserError) in try store.finish(finished, result: result, values: values) }
    #expect(again?.message == "the night 'night-1001' is finished already, and counts")
    #expect(userError { () throws(UserError) in try store.update(night) }?.message == again?.message)
    #expect(try store.night(night.id) == finished)
    let unknown = userError { () throws(UserError) in try store.update(Sample.night(2)) }
    #expect(unknown?.message == "the store has no night 'night-1002'")
  }

  @Test("is found by its id, a beginning of it or as the latest")
  func finding() throws {
    #expect(
      userError { () throws(UserError) in try store.night("latest") }?.message
        == "the store \(store.path) holds no nights yet")
    for number in 1...3 { try store.begin(Sample.night(number)) }
    #expect(try store.night("latest").id == "night-1003")
    #expect(try store.night("night-1002").id == "night-1002")
    #expect(
      userError { () throws(UserError) in try store.night("night") }?.message == "'night' is the beginning of 3 nights")
    #expect(
      userError { () throws(UserError) in try store.nightResult("night-2003") }?.message
        == "no night 'night-2003' in the store \(store.path) (did you mean 'night-1003'?)")
    #expect(try store.nights(limit: 2).map(\.id) == ["night-1003", "night-1002"])
    #expect(try store.nights(limit: -1) == [])
  }

  @Test("may have failed to finish; what was abandoned is not gone on with and never counts")
  func abandoned() throws {
    var night = Sample.night(1)
    try store.begin(night)
    night.phase = .abandoned
    try store.update(night)
    #expect(try store.unfinishedNights() == [])
    #expect(try store.nights() == [night])
    #expect(try store.nightResult(night.id) == nil)
  }

  @Test(
    "is named as damaged when its result cannot be one of ours", .requiresSQLite3,
    arguments: [
      "UPDATE nights SET recent = x'01'", "UPDATE nights SET recent = zeroblob(1000)",
      "UPDATE nights SET result_json = '{}'", "UPDATE nights SET result_json = ''",
    ])
  func damage(_ sql: String) throws {
    try store.add(Sample.night(1), Sample.values(1))
    try sqlite3(store.path, sql)
    let error = userError { () throws(UserError) in try store.nightResult("latest") }
    #expect(error?.exitCode == .badInput)
    #expect(error?.message.hasPrefix("the store \(store.path) is damaged: ") == true)
  }
}

@Suite("An epoch")
struct EpochTests {
  private let fixture: TestStore
  private var store: RunStore { fixture.store }
  private let other = [Epoch.Fact("kernel", "6.2"), Epoch.Fact("suite", "nightly ab12")]

  init() throws { fixture = try TestStore() }

  @Test("lasts while the fingerprint does, and is not come back to")
  func numbers() throws {
    var numbers: [Int] = []
    for (index, fingerprint) in [Sample.fingerprint, Sample.fingerprint, other, other, Sample.fingerprint].enumerated()
    {
      let night = Sample.night(index)
      let (epoch, isNew) = try store.epoch(for: fingerprint, started: night.started)
      #expect(isNew == [true, false, true, false, true][index])
      #expect(epoch.fingerprint == fingerprint)
      numbers.append(epoch.number)
      try store.add(night, Sample.values(index), fingerprint: fingerprint)
    }
    #expect(numbers == [1, 1, 2, 2, 3])
    let epochs = try store.epochs()
    #expect(epochs.map(\.number) == [1, 2, 3])
    #expect(epochs.map(\.started) == [0, 2, 4].map { Sample.night($0).started })
    // The same facts in another order are another fingerprint: the order is fixed.
    #expect(try store.epoch(for: Sample.fingerprint.reversed(), started: .now).isNew)
  }

  @Test("is still new when only a night that was killed has seen it")
  func unfinished() throws {
    try store.add(Sample.night(1), Sample.values(1))
    var night = Sample.night(2)
    try store.begin(night)
    let first = try store.epoch(for: other, started: night.started)
    night.epoch = first.epoch.number
    night.phase = .abandoned
    try store.update(night)
    let second = try store.epoch(for: other, started: .now)
    #expect(first.isNew && second.isNew && first.epoch == second.epoch && first.epoch.number == 2)
    #expect(try store.epoch(for: Sample.fingerprint, started: .now).epoch.number == 1)
  }
}

@Suite("The history of series")
struct HistoryTests {
  private let fixture: TestStore
  private var store: RunStore { fixture.store }

  init() throws { fixture = try TestStore() }

  @Test("is what the finished nights have said, oldest first")
  func history() throws {
    for number in 1...5 { try store.add(Sample.night(number), Sample.values(number)) }
    try store.begin(Sample.night(6))
    let points = try store.history(of: Sample.series(1))
    #expect(points.map(\.night) == (1...5).map { "night-\(1000 + $0)" })
    #expect(points.map(\.value) == (1...5).map { Sample.values($0)[1].value })
    #expect(points.map(\.low) == (1...5).map { Sample.values($0)[1].low })
    #expect(points.allSatisfy { $0.high == nil && $0.epoch == 1 })
    #expect(points.map(\.started) == (1...5).map { Sample.night($0).started })
    #expect(try store.history(of: Sample.series(1), limit: 2) == Array(points.suffix(2)))
    #expect(try store.history(of: Sample.series(77)) == [])
    let listed = try store.historySeries()
    #expect(listed.map(\.series) == (0..<3).map(Sample.series) && listed.map(\.nights) == [5, 5, 5])
    #expect(try store.historyListings().map(\.last)[1] == points[4])
  }

  @Test("is in the order of nights, also where the clock went back")
  func clock() throws {
    for (number, day) in [10, 11, 3, 12].enumerated() {
      try store.add(Sample.night(day, id: "n\(number)"), Sample.values(day))
    }
    let points = try store.history(of: Sample.series(0))
    #expect(points.map(\.night) == ["n0", "n1", "n2", "n3"])
    #expect(points.map(\.started) == [10, 11, 3, 12].map { Sample.night($0).started })
    #expect(try store.night("latest").id == "n3")
    #expect(try store.historyMatrix(epoch: 1, series: [Sample.series(0)], nights: 2).nights == ["n2", "n3"])
    #expect(try store.historyListings()[0].last.night == "n3")
  }

  @Test("of many series comes as a matrix, with nothing where a night has no value")
  func matrix() throws {
    for number in 1...4 { try store.add(Sample.night(number), Sample.values(number, series: number == 3 ? 1 : 3)) }
    try store.add(Sample.night(5), Sample.values(5), fingerprint: [])
    let wanted = [Sample.series(2), Sample.series(99), Sample.series(0)]
    let (nights, values) = try store.historyMatrix(epoch: 1, series: wanted, nights: 3)
    #expect(nights == ["night-1002", "night-1003", "night-1004"])
    #expect(
      values == [
        [Sample.values(2)[2].value, nil, Sample.values(4)[2].value], [nil, nil, nil],
        (2...4).map { Sample.values($0)[0].value },
      ])
    let none = try store.historyMatrix(epoch: 9, series: wanted, nights: 3)
    #expect(none.nights == [] && none.values == [[], [], []])
  }

  @Test("that cannot grow is an error, and what was stored stays")
  func full() throws {
    let directory = try ScratchDirectory()
    let store = try RunStore(path: directory.store, busyTimeout: 1, maximumPages: 90)
    var stored = 0
    var error: UserError?
    for number in 0..<1000 where error == nil {
      do { try store.add(Sample.night(number), Sample.values(number, series: 50)) } catch let full as UserError {
        error = full
        continue
      }
      stored += 1
    }
    #expect(error?.exitCode == .unavailable)
    #expect(error?.message == "the store \(directory.store) cannot grow: the disk is full")
    #expect(stored > 0)
    #expect(try store.historySeries().map(\.nights) == Array(repeating: stored, count: 50))
    #expect(try store.nights().count { $0.phase == .finished } == stored)
    #expect(try store.integrityProblems() == [])
  }

  @Test("takes 500 series, each in less than 1 KB a night, and is read at once")
  func volume() throws {
    let series = 500
    // A thousand, built for release, gave the numbers of docs/history.md.
    let nights = ProcessInfo.processInfo.environment["BENCH_HISTORY_NIGHTS"].flatMap { Int($0) } ?? 20
    let store = try RunStore(path: "\(fixture.directory.path)/volume.sqlite", busyTimeout: 1, isDurable: false)
    for number in 0..<nights {
      try store.add(Sample.night(number), Sample.values(number, series: series), recent: 30)
    }
    // Moves the log into the file.
    _ = try store.prune(Retention())
    let size = try FileManager.default.attributesOfItem(atPath: store.path)[.size] as? Int ?? 0
    let each = Double(size) / Double(series * nights)
    #expect(each > 30 && each < 1024)

    // The best of three, as other tests run at the same time; the threads are the store's own, so that their CPU time
    // cannot be told.
    func timed<Value>(_ body: () throws -> Value) throws -> (Value, Duration) {
      let tries = try (0..<3).map { _ in
        let start = ContinuousClock.now
        return (try body(), ContinuousClock.now - start)
      }
      return try #require(tries.min { $0.1 < $1.1 })
    }
    let (points, one) = try timed { try store.history(of: Sample.series(250)) }
    let (listed, list) = try timed { try store.historyListings() }
    let (matrix, all) = try timed {
      try store.historyMatrix(epoch: 1, series: (0..<series).map(Sample.series), nights: nights)
    }
    let (result, last) = try timed { try store.nightResult("latest") }
    #expect(points.count == nights && listed.count == series && result?.series.count == series)
    #expect(matrix.values[250] == points.map(\.value))
    #expect(one < .milliseconds(200) && all < .seconds(3))
    print(
      "\(series) series × \(nights) nights: \(each) bytes each; \(one) for one series, \(list) for the list, "
        + "\(all) for the matrix, \(last) for a result")
  }
}
