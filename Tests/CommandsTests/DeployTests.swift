internal import Foundation
internal import LinuxKit
internal import TestSupport
internal import Testing

/// What `deploy/` offers to copy does with each exit code what it says it does. Formats are checked by `scripts/deploy.sh`.
@Suite("The wiring of the nightly job")
struct DeployTests {
  /// How a night can end, and whether somebody must hear of it.
  private static let ends: [(code: Int32, isRed: Bool)] = [
    (0, false), (1, true), (3, false), (64, true), (69, true), (70, true), (77, true), (130, true),
  ]
  static let workflows = ["deploy/github/nightly.yml", ".github/workflows/nightly.yml"]

  // MARK: - Workflows

  @Test("a workflow fails for all but a clean and an inconclusive night", arguments: workflows, ends)
  func workflow(_ file: String, _ end: (code: Int32, isRed: Bool)) throws {
    let place = try Self.place(endingWith: end.code)
    let step = try Self.script(of: "Measure and judge", in: file)
    let outcome = try place.run(
      program: "/bin/bash", ["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step],
      environment: [
        "PATH": "\(place.path("bin")):/usr/bin:/bin", "RUNNER_TEMP": place.path("temp"), "SUITE": "nightly",
        "GITHUB_STEP_SUMMARY": place.path("summary.md"), "STORE": place.path("store"),
      ])
    #expect(outcome.code == (end.isRed ? end.code : 0), "\(outcome.output)\(outcome.errors)")
    #expect(outcome.output.contains("::warning") == (end.code == 3), "\(outcome.output)")
    #expect(outcome.output.contains("said by bench"))
    // Whatever the end, the folder that is uploaded is there, and the runner's.
    #expect(try place.read("chowned").contains(place.path("temp")))
  }

  @Test("a workflow may read the repository, and no more", arguments: workflows)
  func permissions(_ file: String) throws {
    let text = try Self.text(file)
    #expect(text.contains("\npermissions:\n  contents: read\n\n"))
    #expect(text.contains("cancel-in-progress: false"))
    #expect(!text.contains("pull_request"))
  }

  @Test("actions are of the versions that the project's own checks use", arguments: workflows)
  func actions(_ file: String) throws {
    let known = Self.actions(in: try Self.text(".github/workflows/ci.yml"))
    for (action, version) in Self.actions(in: try Self.text(file)) {
      // A cache is the night's own.
      let expected = action.hasPrefix("actions/cache/") ? "v4" : try #require(known[action], "\(action)")
      #expect(version == expected, "\(action)")
    }
  }

  @Test("the project's night is built by the toolchain of its checks")
  func toolchain() throws {
    func version(_ file: String) throws -> String {
      String(try #require(try Self.text(file).firstMatch(of: /SWIFT_VERSION: (\S+)/)).1)
    }
    #expect(try version(".github/workflows/nightly.yml") == version(".github/workflows/ci.yml"))
  }

  // MARK: - GitLab

  @Test("a GitLab job ends with the code of the night, and allows an inconclusive one", arguments: ends)
  func gitlab(_ end: (code: Int32, isRed: Bool)) throws {
    let place = try Self.place(endingWith: end.code)
    let text = try Self.text("deploy/gitlab/nightly.yml")
    // A folded scalar: its lines are one.
    let block = try #require(text.firstMatch(of: /- >-\n((?: {6}.*\n)+)/)).1
    let command = block.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: " ")
    let outcome = try place.run(
      program: "/bin/bash", ["-e", "-o", "pipefail", "-c", command],
      environment: ["PATH": "\(place.path("bin")):/usr/bin:/bin", "SUITE": "nightly"])
    #expect(outcome.code == end.code, "\(outcome.errors)")
    let allowed = try #require(text.firstMatch(of: /exit_codes: \[([0-9, ]*)\]/)).1
    let codes = allowed.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    #expect((end.code != 0 && !codes.contains("\(end.code)")) == end.isRed)
  }

  // MARK: - cron

  @Test("cron has something to mail unless the night is clean", arguments: ends)
  func cron(_ end: (code: Int32, isRed: Bool)) throws {
    let place = try Self.place(endingWith: end.code)
    let lines = try Self.text("deploy/cron/bench-nightly").split(separator: "\n")
    let jobs = lines.filter { $0.wholeMatch(of: /[0-9*].*/) != nil }
    let job = try #require(jobs.first)
    #expect(jobs.count == 1)
    // cron(8) takes a bare % for the end of the line, and cuts long ones.
    #expect(!job.contains("%") && job.count < 998)
    let fields = job.split(separator: " ", maxSplits: 6).map(String.init)
    #expect(fields[5] == "root")
    let outcome = try place.run(
      program: "/bin/sh", ["-c", fields[6]], environment: ["PATH": "\(place.path("bin")):/usr/bin:/bin"])
    #expect(outcome.errors == "")
    #expect(outcome.output.isEmpty == (end.code == 0))
    if end.code != 0 {
      #expect(outcome.output.contains("said by bench"))
      #expect(outcome.output.contains("a warning of bench"))
    }
  }

  // MARK: - systemd

  @Test("units are installed with the program's place, enabled by nobody, and removed", .requiresProgram("make"))
  func units() throws {
    let place = try Workplace()
    let arguments = ["-C", Self.repository.path, "DESTDIR=\(place.path("root"))", "PREFIX=/opt/bench"]
    let installed = try place.run(program: "/usr/bin/make", arguments + ["install-nightly"])
    try #require(installed.code == 0, "\(installed.errors)")
    let units = "root/opt/bench/lib/systemd/system"
    #expect(place.names(in: units) == ["bench-nightly.service", "bench-nightly.timer"])
    #expect(place.names(in: "root/opt/bench/lib/systemd") == ["system"])
    #expect(!place.exists("root/etc"))
    let service = try place.read("\(units)/bench-nightly.service")
    #expect(!service.contains("/usr/local/bin"))
    #expect(service.contains("\nExecStart=/opt/bench/bin/bench nightly "))
    #expect(service.contains("\nExecStopPost=/opt/bench/bin/bench cleanup\n"))
    #expect(installed.output.contains("systemctl enable --now bench-nightly.timer"))

    let removed = try place.run(program: "/usr/bin/make", arguments + ["uninstall-nightly"])
    #expect(removed.code == 0, "\(removed.errors)")
    #expect(place.names(in: units).isEmpty)
  }

  @Test("the unit puts nothing on the path that is measured")
  func nativeStaysNative() throws {
    let keys = Set(
      try Self.text("deploy/systemd/bench-nightly.service").split(separator: "\n")
        .filter { !$0.hasPrefix("#") && $0.contains("=") }.map { String($0.prefix { $0 != "=" }) })
    #expect(keys.contains("ExecStart"))
    // systemd.exec(5): with each of these a system call filter is installed.
    let filters: Set = [
      "SystemCallFilter", "SystemCallArchitectures", "SystemCallLog", "RestrictAddressFamilies", "RestrictNamespaces",
      "RestrictRealtime", "RestrictSUIDSGID", "MemoryDenyWriteExecute", "LockPersonality", "PrivateDevices",
      "ProtectClock", "ProtectHostname", "ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables",
      "DynamicUser",
    ]
    // systemd.resource-control(5): with each of these a program sees every packet of the unit.
    let packets: Set = [
      "IPAddressAllow", "IPAddressDeny", "IPIngressFilterPath", "IPEgressFilterPath", "RestrictNetworkInterfaces",
      "SocketBindAllow", "SocketBindDeny",
    ]
    #expect(keys.isDisjoint(with: filters), "\(keys.intersection(filters))")
    #expect(keys.isDisjoint(with: packets), "\(keys.intersection(packets))")
    #expect(keys.isDisjoint(with: ["PrivateNetwork", "JoinsNamespaceOf", "NetworkNamespacePath", "CPUQuota"]))
  }

  // MARK: - Aids

  static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  static func text(_ file: String) throws -> String {
    String(decoding: try Data(contentsOf: repository.appending(path: file)), as: UTF8.self)
  }

  /// A workplace with a `bench` that says a line on stdout and one on stderr and ends with `code`, a `sudo` that only
  /// runs what it is given, and a `chown` that writes down what it was asked.
  private static func place(endingWith code: Int32) throws -> Workplace {
    let place = try Workplace()
    let bench = "#!/bin/sh\necho 'said by bench'\necho 'a warning of bench' >&2\nexit \(code)\n"
    for (name, script) in [
      ("bin/bench", bench), (".build/release/bench", bench), ("bin/sudo", "#!/bin/sh\nexec \"$@\"\n"),
      ("bin/chown", "#!/bin/sh\necho \"$@\" >>\"$DIRECTORY/chowned\"\n"),
    ] {
      let path = try place.write(script, to: name)
      // Not by this process: a file that it has open for writing while another test starts a child cannot be run.
      let command = #"cp "$0" "$0.new" && chmod 755 "$0.new" && mv "$0.new" "$0""#
      let copied = try place.run(program: "/bin/sh", ["-c", command, path])
      try #require(copied.code == 0, "\(copied.errors)")
    }
    return place
  }

  /// The text of a step's `run:`.
  private static func script(of step: String, in file: String) throws -> String {
    let lines = try text(file).split(separator: "\n", omittingEmptySubsequences: false)
    let start = try #require(lines.firstIndex { $0.hasSuffix("- name: \(step)") }, "\(file) has no step '\(step)'")
    let run = try #require(lines[start...].firstIndex { $0.hasSuffix(" run: |") })
    let depth = lines[run].prefix { $0 == " " }.count
    let body = lines[(run + 1)...].prefix { $0.isEmpty || $0.prefix { $0 == " " }.count > depth }
    return body.map { String($0.dropFirst(depth + 2)) }.joined(separator: "\n")
  }

  /// The actions that a workflow uses, with their versions.
  private static func actions(in text: String) -> [String: String] {
    Dictionary(
      text.matches(of: /- uses: ([^@\s]+)@(\S+)|^ +uses: ([^@\s]+)@(\S+)/.anchorsMatchLineEndings()).map { match in
        (String(match.1 ?? match.3 ?? ""), String(match.2 ?? match.4 ?? ""))
      }, uniquingKeysWith: { first, _ in first })
  }
}
