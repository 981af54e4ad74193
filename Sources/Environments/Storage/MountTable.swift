/// The kernel's table of mounts (proc(5), /proc/PID/mountinfo).
enum MountTable {
  /// "ext4 mounted with rw,relatime"; nil if nothing is mounted at `point`. Where an overlay's directories are is left out.
  static func phrase(for point: String, in table: String) -> String? {
    let escaped = point.replacing("\\", with: "\\134").replacing(" ", with: "\\040").replacing("\t", with: "\\011")
      .replacing("\n", with: "\\012")
    let line = table.split(separator: "\n").last { line in
      line.split(separator: " ").dropFirst(4).first.map(String.init) == escaped
    }
    guard let fields = line?.split(separator: " "), let dash = fields.firstIndex(of: "-"), fields.count > dash + 3
    else { return nil }
    var options: [Substring] = []
    for option in fields[5].split(separator: ",") + fields[dash + 3].split(separator: ",")
    where !options.contains(option) && !["lowerdir", "upperdir", "workdir"].contains(where: { option.hasPrefix($0) }) {
      options.append(option)
    }
    return "\(fields[dash + 1]) mounted with \(options.joined(separator: ","))"
  }
}
