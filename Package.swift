// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// One list for every Swift target: what the compiler can prove, no reviewer has to look for.
let houseSettings: [SwiftSetting] = [
    // A protocol used as a type shows its cost in the source (`any Sink`).
    .enableUpcomingFeature("ExistentialAny"),
    // An import does not leak into the files that import us.
    .enableUpcomingFeature("InternalImportsByDefault"),
    // A member is only visible where its module is imported.
    .enableUpcomingFeature("MemberImportVisibility"),
    // An async function stays on its caller's executor unless it says otherwise.
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    // `grep -rn "unsafe " Sources` is the audit list of every C boundary.
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "fleet-edge-gateway",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "gateway", targets: ["Gateway"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .executableTarget(
            name: "Gateway",
            dependencies: [
                "CSystemd", "ContractShim", "JSONShim", "KafkaMock", "KafkaShim", "LineEditShim",
                "MQTTShim", "PayloadShim", "SparkplugProtocol",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Yams", package: "Yams"),
            ],
            // The binary is installed alone: what it serves is compiled in.
            resources: [.embedInCode("Operations/openapi.yaml")],
            swiftSettings: houseSettings
        ),
        .target(
            name: "MQTTShim",
            cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])],
            linkerSettings: [
                .linkedLibrary("mosquitto"), .linkedLibrary("ssl"), .linkedLibrary("crypto"),
            ]
        ),
        .target(
            name: "KafkaShim",
            cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])],
            linkerSettings: [.linkedLibrary("rdkafka")]
        ),
        .target(
            name: "KafkaMock",
            cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])],
            linkerSettings: [.linkedLibrary("rdkafka")]
        ),
        .target(
            name: "JSONShim",
            cxxSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror", "-O2"])],
            linkerSettings: [.linkedLibrary("simdjson")]
        ),
        .target(
            name: "ContractShim",
            cxxSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror", "-O2"])],
            linkerSettings: [.linkedLibrary("simdjson")]
        ),
        .target(
            name: "LineEditShim",
            cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])],
            linkerSettings: [.linkedLibrary("edit")]
        ),
        .target(
            name: "PayloadShim",
            cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror", "-O2"])],
            cxxSettings: [
                .define("MSGPACK_NO_BOOST"),
                .unsafeFlags(["-Wall", "-Wextra", "-Werror", "-O2"]),
            ],
            linkerSettings: [
                .linkedLibrary("cbor"), .linkedLibrary("z"), .linkedLibrary("zstd"),
            ]
        ),
        // Generated code, which follows its generator's settings: scripts/generate-sparkplug.sh.
        .target(
            name: "SparkplugProtocol",
            dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
            exclude: ["sparkplug_b.proto"],
            swiftSettings: [.enableUpcomingFeature("InternalImportsByDefault")]
        ),
        .systemLibrary(
            name: "CSystemd",
            pkgConfig: "libsystemd",
            providers: [.apt(["libsystemd-dev"])]
        ),
        .testTarget(
            name: "GatewayTests",
            dependencies: [
                "Gateway", "KafkaShim", "SparkplugProtocol",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            swiftSettings: houseSettings
        ),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "DepotTesting", "KafkaShim", "SparkplugProtocol",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            swiftSettings: houseSettings
        ),
        .testTarget(
            name: "FaultTests",
            dependencies: ["DepotTesting"],
            swiftSettings: houseSettings
        ),
        // A depot on loopback, for the tests that need real servers.
        .target(
            name: "DepotTesting",
            dependencies: [
                "Gateway", .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/DepotTesting",
            swiftSettings: houseSettings
        ),
    ],
    cxxLanguageStandard: .cxx17
)
