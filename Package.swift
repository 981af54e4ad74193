// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours: warnings are errors, imports do not leak, existentials are spelled out.
let strict: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("ExistentialAny"),
]

/// The worker must be the same file in every environment, also where there is no file system but its
/// own: it is linked wholly statically. `-static-executable` has no spelling of its own in SwiftPM.
let staticExecutable = ["-static-executable", "-use-ld=lld"]

let package = Package(
  name: "bench",
  products: [
    .executable(name: "bench", targets: ["bench"]),
    .executable(name: "bench-worker", targets: ["bench-worker"]),
    // For the package in Benchmarks/, which times them; nobody else is meant to build on these.
    .library(name: "Environments", targets: ["Environments"]),
    .library(name: "Analysis", targets: ["Analysis"]),
    .library(name: "Capture", targets: ["Capture"]),
    .library(name: "Model", targets: ["Model"]),
    .library(name: "NightSimulation", targets: ["NightSimulation"]),
    .library(name: "Regression", targets: ["Regression"]),
    .library(name: "Reports", targets: ["Reports"]),
    .library(name: "Statistics", targets: ["Statistics"]),
    .library(name: "Store", targets: ["Store"]),
    .library(name: "WorkerProtocol", targets: ["WorkerProtocol"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
  ],
  targets: [
    // Commands. `bench` is a handful of lines over `Commands`, so that tests can drive the whole.
    .executableTarget(name: "bench", dependencies: ["Commands"], swiftSettings: strict),
    .target(
      name: "Commands",
      dependencies: [
        "Analysis", "Capture", "Doctor", "Environments", "Harness", "LinuxKit", "Model", "Nightly", "PlainText",
        "Regression", "Reports", "Scenarios", "Store",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "bench-worker",
      dependencies: ["LinuxKit", "WorkerProtocol", "Workloads"],
      swiftSettings: strict + [.unsafeFlags(staticExecutable)],
      linkerSettings: [.unsafeFlags(staticExecutable)]),

    // From measurement to report. Imports point downward only.
    .target(
      name: "Reports", dependencies: ["Model", "PlainText", .product(name: "Mustache", package: "swift-mustache")],
      resources: [.embedInCode("Templates")], swiftSettings: strict),
    .target(
      name: "Doctor",
      dependencies: [
        "Capture", "CLinux", "Environments", "Harness", "LinuxKit", "Model", "PlainText", "Statistics",
      ],
      swiftSettings: strict),
    .target(
      name: "Nightly",
      dependencies: ["Analysis", "Environments", "Harness", "LinuxKit", "Model", "Regression", "Store"],
      swiftSettings: strict),
    .target(
      name: "Harness",
      dependencies: [
        "Analysis", "Capture", "Environments", "LinuxKit", "Model", "Statistics", "Store", "WorkerProtocol",
      ],
      swiftSettings: strict),
    .target(
      name: "Capture", dependencies: ["CLibpcap", "LinuxKit", "Model", "WorkerProtocol"], swiftSettings: strict),
    .target(
      name: "Environments", dependencies: ["LinuxKit", "Model", "NetlinkKit", "NftablesKit", "WorkerProtocol"],
      swiftSettings: strict),
    .target(
      name: "Store", dependencies: ["Model", .product(name: "GRDB", package: "GRDB.swift")], swiftSettings: strict),
    .target(
      name: "Scenarios", dependencies: ["Model", .product(name: "Yams", package: "Yams")], swiftSettings: strict),
    .target(name: "Analysis", dependencies: ["Model", "Statistics"], swiftSettings: strict),
    .target(name: "Regression", dependencies: ["Model", "Statistics"], swiftSettings: strict),
    .target(name: "Statistics", swiftSettings: strict),
    .target(name: "Model", swiftSettings: strict),
    .target(name: "PlainText", swiftSettings: strict),

    // What runs inside the environments: no Foundation below this line.
    .target(
      name: "Workloads", dependencies: ["CLiburing", "CLinux", "CSQLite", "LinuxKit", "WorkerProtocol"],
      swiftSettings: strict),
    .target(name: "WorkerProtocol", swiftSettings: strict),
    .target(name: "NetlinkKit", dependencies: ["CLibnl", "LinuxKit"], swiftSettings: strict),
    .target(name: "NftablesKit", dependencies: ["CLibnftables", "LinuxKit"], swiftSettings: strict),
    .target(name: "LinuxKit", dependencies: ["CLinux"], swiftSettings: strict),

    // C at the edge.
    .target(name: "CLinux", cSettings: [.treatAllWarnings(as: .error)]),
    .systemLibrary(
      name: "CLibnl", pkgConfig: "libnl-route-3.0", providers: [.apt(["libnl-3-dev", "libnl-route-3-dev"])]),
    .systemLibrary(name: "CLibnftables", pkgConfig: "libnftables", providers: [.apt(["libnftables-dev"])]),
    .systemLibrary(name: "CLibpcap", pkgConfig: "libpcap", providers: [.apt(["libpcap-dev"])]),
    // Both end up in the worker, out of their static archives.
    .systemLibrary(name: "CLiburing", pkgConfig: "liburing", providers: [.apt(["liburing-dev"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),

    // Tests
    .target(name: "TestSupport", dependencies: ["LinuxKit"], path: "Tests/TestSupport", swiftSettings: strict),
    .testTarget(
      name: "StatisticsTests", dependencies: ["Statistics", "TestSupport"], resources: [.copy("Goldens")],
      swiftSettings: strict),
    // Made-up nights, judged by the rules of Regression: a few for the tests, thousands for Benchmarks/run.sh.
    .target(
      name: "NightSimulation", dependencies: ["Regression", "Statistics"], path: "Tests/NightSimulation",
      swiftSettings: strict),
    .testTarget(
      name: "RegressionTests", dependencies: ["Regression", "Model", "NightSimulation", "Statistics"],
      swiftSettings: strict),
    .testTarget(
      name: "NetlinkKitTests", dependencies: ["NetlinkKit", "LinuxKit", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "NftablesKitTests", dependencies: ["NftablesKit", "NetlinkKit", "LinuxKit", "TestSupport"],
      swiftSettings: strict),
    // Damaged captures, made from a seed: for the tests, and for as long as anybody likes (`make fuzz`).
    .target(
      name: "CaptureMutation", dependencies: ["Capture", "LinuxKit", "Statistics"], path: "Tests/CaptureMutation",
      swiftSettings: strict),
    .executableTarget(
      name: "capture-fuzz", dependencies: ["Capture", "CaptureMutation", "LinuxKit"], path: "Tests/CaptureFuzz",
      swiftSettings: strict),
    .testTarget(
      name: "CaptureTests",
      dependencies: ["Capture", "CaptureMutation", "LinuxKit", "Model", "TestSupport", "WorkerProtocol"],
      swiftSettings: strict),
    .testTarget(
      name: "ScenariosTests", dependencies: ["Scenarios", "Model", "TestSupport"], resources: [.copy("Fixtures")],
      swiftSettings: strict),
    // Writes nights until it is killed: for the tests of the store.
    .executableTarget(
      name: "night-writer", dependencies: ["Model", "Store"], path: "Tests/NightWriter", swiftSettings: strict),
    .testTarget(
      name: "StoreTests", dependencies: ["Store", "LinuxKit", "Model", "TestSupport", "night-writer"],
      exclude: ["Fixtures"], swiftSettings: strict),
    .testTarget(
      name: "ReportsTests",
      dependencies: ["Reports", "LinuxKit", "Model", "PlainText", "Statistics", "TestSupport"],
      resources: [.copy("Browser"), .copy("Goldens"), .copy("Readers")], swiftSettings: strict),
    .testTarget(name: "LinuxKitTests", dependencies: ["LinuxKit", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "WorkloadsTests", dependencies: ["Workloads", "WorkerProtocol", "LinuxKit", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "DoctorTests",
      dependencies: [
        "Capture", "Doctor", "Environments", "Harness", "LinuxKit", "Model", "PlainText", "Statistics", "TestSupport",
      ], swiftSettings: strict),
    .testTarget(name: "ModelTests", dependencies: ["Model"], swiftSettings: strict),
    .testTarget(
      name: "AnalysisTests", dependencies: ["Analysis", "Model", "Statistics", "Store"], swiftSettings: strict),
    .testTarget(
      name: "EnvironmentsTests",
      dependencies: [
        "Environments", "LinuxKit", "Model", "NetlinkKit", "NftablesKit", "TestSupport", "WorkerProtocol",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "NightlyTests", dependencies: ["Environments", "Harness", "Model", "Nightly"], swiftSettings: strict),
    .testTarget(
      name: "HarnessTests",
      dependencies: [
        "Analysis", "Capture", "Harness", "Environments", "LinuxKit", "Model", "NetlinkKit", "Scenarios", "Store",
        "TestSupport", "WorkerProtocol",
      ],
      exclude: ["Fixtures"], swiftSettings: strict),
    .testTarget(
      name: "CommandsTests", dependencies: ["Commands", "Model", "Store", "LinuxKit", "TestSupport"],
      resources: [.copy("Goldens")],
      swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
