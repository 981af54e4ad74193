// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nobody who builds or installs bench fetches the benchmark library.

/// The settings of the root package's own targets.
let strict: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("ExistentialAny"),
]

/// A module of the root package, whatever the folder is named that it was cloned into.
func ours(_ module: String) -> Target.Dependency { .product(name: module, package: "bench") }

let package = Package(
  name: "bench-benchmarks",
  dependencies: [
    .package(name: "bench", path: ".."),
    // Without its traits it interposes neither malloc nor the Swift runtime: nothing but our code is measured.
    .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
  ],
  targets: [
    .executableTarget(
      name: "HotPaths",
      dependencies: [
        ours("Analysis"), ours("Capture"), ours("Model"), ours("Regression"), ours("Reports"), ours("Statistics"),
        ours("Store"), ours("WorkerProtocol"),
        .product(name: "Benchmark", package: "benchmark"),
      ],
      path: "HotPaths", swiftSettings: strict, plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
    .executableTarget(
      name: "bench-topology", dependencies: [ours("Environments"), ours("Model")], path: "peers/bench-topology",
      swiftSettings: strict),
    .executableTarget(
      name: "bench-changepoints", dependencies: [ours("Statistics")], path: "peers/bench-changepoints",
      swiftSettings: strict),
    .executableTarget(
      name: "night-simulation", dependencies: [ours("NightSimulation"), ours("Regression")], path: "NightSimulation",
      swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
