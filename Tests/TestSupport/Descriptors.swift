internal import Glibc
internal import LinuxKit

/// How many descriptors this process has open. Two readings tell of a leak only while nothing else runs: take them in
/// an exit test (`#expect(processExitsWith:)`), whose process is the test's own.
public func descriptorCount() throws -> Int {
  guard let directory = opendir("/proc/self/fd") else {
    throw SystemError(call: "opendir", subject: "/proc/self/fd", code: errno)
  }
  defer { closedir(directory) }
  var count = 0
  while let entry = readdir(directory) {
    // Not "." and "..".
    if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
  }
  // Not the one that reads.
  return count - 1
}
