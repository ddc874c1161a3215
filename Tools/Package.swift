// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "skiff-tools",
    targets: [
        .systemLibrary(name: "CZlib"),
        .executableTarget(name: "skiff-generate", dependencies: ["CZlib"]),
    ]
)
