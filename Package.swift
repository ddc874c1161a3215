// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

/// One of our libraries. Each may name only targets listed above it, and never one of its own level.
func library(_ name: String, _ ours: [Target.Dependency] = [], _ outside: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: ours + outside, swiftSettings: settings)
}

func tests(of name: String, _ others: [Target.Dependency] = []) -> Target {
    .testTarget(name: "\(name)Tests", dependencies: [.byName(name: name)] + others, swiftSettings: settings)
}

let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let grpc: [Target.Dependency] = [
    .product(name: "GRPCCore", package: "grpc-swift-2"),
    .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
    .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
    .product(name: "SwiftProtobuf", package: "swift-protobuf"),
]
let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOHTTP1", package: "swift-nio"),
    .product(name: "NIOWebSocket", package: "swift-nio"),
    .product(name: "NIOHTTP2", package: "swift-nio-http2"),
    .product(name: "NIOSSL", package: "swift-nio-ssl"),
]
let api: [Target.Dependency] = ["APIMachinery", "KubeAPI"]
let controlLoop: [Target.Dependency] = api + ["KubeClient"]

let package = Package(
    name: "skiff",
    products: [.executable(name: "skiff", targets: ["skiff"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.2"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf", from: "2.4.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // Level 0: no knowledge of anything of ours.
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3"),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
        .target(name: "CLinux"),
        library("APIMachinery", ["CYAML"]),

        // Level 1: one capability each.
        library("KubeAPI", ["APIMachinery"]),
        library("Storage", ["CSQLite"], [log]),
        library("Transport", ["CZlib"], nio + [log]),
        library(
            "PKI", ["APIMachinery"],
            [
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
            ]
        ),

        // Level 2: ways to reach something.
        library("KubeClient", api + ["Transport"], [log, lifecycle]),
        .target(name: "CRI", dependencies: grpc, exclude: ["Protos"], swiftSettings: settings),

        // Level 3: the parts of a cluster. They never import each other.
        library(
            "APIServer", api + ["Storage", "Transport", "PKI", "CZlib"],
            [log, .product(name: "Crypto", package: "swift-crypto")]
        ),
        library("Controllers", controlLoop + ["PKI"], [log, lifecycle]),
        library("Scheduler", controlLoop, [log, lifecycle]),
        library(
            "Kubelet", controlLoop + ["CRI", "Transport", "PKI", "CLinux"],
            [
                log, lifecycle, .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"), .product(name: "Crypto", package: "swift-crypto"),
            ]
        ),

        library(
            "ClusterDNS", controlLoop,
            [log, .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio")]
        ),
        library("ServiceProxy", controlLoop + ["Transport"], [log]),

        // Level 4 and 5: assembly and entry point.
        library(
            "Cluster",
            api + [
                "Storage", "Transport", "PKI", "KubeClient", "CRI", "APIServer", "Controllers", "Scheduler", "Kubelet",
                "ClusterDNS", "ServiceProxy", "CLinux",
            ],
            [log, lifecycle, .product(name: "UnixSignals", package: "swift-service-lifecycle")]
        ),
        .executableTarget(
            name: "skiff",
            dependencies: ["Cluster", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: settings
        ),

        .executableTarget(
            name: "skiff-benchmark",
            dependencies: [
                "APIMachinery", "Transport", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Benchmarks/Sources", swiftSettings: settings
        ),

        // Tests.
        tests(of: "APIMachinery"),
        tests(of: "KubeAPI", ["APIMachinery", "Transport"]),
        // Killed in the middle of writing by StorageTests.
        .executableTarget(
            name: "store-writer", dependencies: ["Storage", log], path: "Tests/store-writer", swiftSettings: settings
        ),
        tests(of: "Storage", ["store-writer", log]),
        tests(of: "Transport"),
        tests(of: "PKI"),
        // Starts and drives the whole binary.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: settings),
        tests(of: "Cluster", api + ["TestSupport", "PKI", "Transport", "KubeClient", "Kubelet"] + nio),
        .testTarget(
            name: "TutorialTests", dependencies: ["TestSupport"], path: "Tests/Tutorial", swiftSettings: settings),
        tests(of: "KubeClient", api + ["Transport"]),
        tests(of: "Controllers", controlLoop + ["APIServer", "Storage", "Transport", log]),
        tests(of: "Scheduler", controlLoop + ["APIServer", "Storage", "Transport", log]),
        tests(
            of: "ClusterDNS",
            controlLoop + [
                log, .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        tests(of: "ServiceProxy", controlLoop + [log]),
        tests(of: "APIServer", api + ["Storage", "Transport", "PKI", log]),
        tests(of: "Kubelet", ["CRI", "APIMachinery", "KubeAPI", "KubeClient", "Transport", log] + grpc),
    ]
)
