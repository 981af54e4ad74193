internal import CLinux

/// The CPUs that the calling thread may run on (sched_setaffinity(2)).
public enum CPUSet {
  /// In ascending order.
  public static func current() throws(SystemError) -> [Int] {
    var cpus = [Int32](repeating: 0, count: 1024)
    let count = try systemCall("sched_getaffinity") { clinux_get_affinity(&cpus, Int32(cpus.count)) }
    return cpus.prefix(Int(count)).map(Int.init)
  }

  /// Binds the calling thread, and the threads and processes it starts from now on, to `cpus`.
  public static func bind(to cpus: [Int]) throws(SystemError) {
    let numbers = cpus.map(Int32.init(clamping:))
    try systemCall("sched_setaffinity", on: "cpu \(cpus.map(String.init).joined(separator: ","))") {
      clinux_set_affinity(numbers, Int32(numbers.count))
    }
  }
}
