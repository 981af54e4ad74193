internal import LinuxKit

/// What may change the speed of the CPUs while they are measured.
enum FrequencyControl {
  static func findings(cpus: [Int], isVirtual: Bool) -> [Finding] {
    let governors = cpus.map { cpu in
      (cpu: cpu, name: SmallFile.line("/sys/devices/system/cpu/cpu\(cpu)/cpufreq/scaling_governor"))
    }
    var findings = [governor(governors, isVirtual: isVirtual)]
    if let turbo = turbo(
      noTurbo: SmallFile.line("/sys/devices/system/cpu/intel_pstate/no_turbo"),
      boost: SmallFile.line("/sys/devices/system/cpu/cpufreq/boost"))
    {
      findings.append(turbo)
    }
    return findings
  }

  static func governor(_ governors: [(cpu: Int, name: String?)], isVirtual: Bool) -> Finding {
    let slow = governors.filter { $0.name != nil && $0.name != "performance" }
    let status: Finding.Status
    let detail: String
    if governors.contains(where: { $0.name == nil }) && slow.isEmpty {
      status = .note
      detail =
        isVirtual
        ? "not visible in this virtual machine: the hypervisor sets the frequency"
        : "the kernel shows no frequency control: the firmware sets the frequency"
    } else if slow.isEmpty {
      status = .ok
      detail = "performance on CPU \(governors.map { "\($0.cpu)" }.listed)"
    } else {
      status = .warning
      detail = slow.map { "\($0.name ?? "unknown") on CPU \($0.cpu)" }.listed
    }
    return Finding(
      id: "governor", title: "Frequency governor", status: status, detail: detail,
      why: "A CPU that changes its clock in the middle of a window changes what is measured.",
      remedy: status == .warning
        ? "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor" : nil,
      affects: Affected.latencies)
  }

  /// - Parameters:
  ///   - noTurbo: `1` if Intel's driver keeps turbo off.
  ///   - boost: `1` if the generic driver allows it.
  /// - Returns: nil where the kernel does not tell.
  static func turbo(noTurbo: String?, boost: String?) -> Finding? {
    let isOn: Bool
    let remedy: String
    if let noTurbo {
      isOn = noTurbo == "0"
      remedy = "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo"
    } else if let boost {
      isOn = boost == "1"
      remedy = "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost"
    } else {
      return nil
    }
    return Finding(
      id: "turbo", title: "Turbo", status: isOn ? .note : .ok,
      detail: isOn ? "on: the clock depends on heat and on how many cores are busy" : "off",
      why: "Blocks are interleaved, so it biases no comparison, but it widens the intervals.",
      remedy: isOn ? remedy : nil, affects: Affected.latencies)
  }
}
