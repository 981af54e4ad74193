internal import LinuxKit

/// Why a workload could not go on, in words for the report.
public struct WorkloadError: Error, Sendable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
  init(_ error: SystemError) { description = error.description }
}

/// Turns the failure of a system call in `body` into a workload's error.
func explained<Result: ~Copyable>(_ body: () throws(SystemError) -> Result) throws(WorkloadError) -> Result {
  do throws(SystemError) { return try body() } catch { throw WorkloadError(error) }
}
