// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "skiff-tools",
    targets: [
        .executableTarget(name: "skiff-generate")
    ]
)
