internal import APIMachinery
internal import Glibc

/// What does not change about this node while Skiff runs.
struct NodeFacts: Sendable {
    let name: String
    let address: String
    let capacity: [String: Quantity]
    let allocatable: [String: Quantity]
    let memoryBytes: Int64
    let architecture: String
    let kernelVersion: String
    let osImage: String
    let machineID: String
    let systemUUID: String
    let bootID: String

    static let podsMax = 110

    /// Reads `/proc`, `/sys` and `/etc`. Blocks.
    init(name: String, address: String, dataDirectory: String) {
        self.name = name
        self.address = address
        let processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        memoryBytes = Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE)))
        var disk = statvfs()
        let diskBytes = statvfs(dataDirectory, &disk) == 0 ? Int64(disk.f_blocks) * Int64(disk.f_frsize) : 0
        capacity = [
            "cpu": Quantity(processors),
            "memory": Quantity(memoryBytes / 1024 * 1024, format: .binarySI),
            "ephemeral-storage": Quantity(diskBytes / 1024 * 1024, format: .binarySI),
            "pods": Quantity(Self.podsMax), "hugepages-1Gi": Quantity(0), "hugepages-2Mi": Quantity(0),
        ]
        allocatable = capacity
        var names = utsname()
        uname(&names)
        kernelVersion = withUnsafePointer(to: &names.release) {
            $0.withMemoryRebound(to: CChar.self, capacity: 65) { String(cString: $0) }
        }
        #if arch(arm64)
            architecture = "arm64"
        #else
            architecture = "amd64"
        #endif
        let release = FileSystem.text("/etc/os-release")?.split(separator: "\n") ?? []
        osImage =
            release.first { $0.hasPrefix("PRETTY_NAME=") }
            .map { $0.dropFirst(12).filter { $0 != "\"" } } ?? "Linux"
        machineID = FileSystem.text("/etc/machine-id") ?? ""
        systemUUID = FileSystem.text("/sys/class/dmi/id/product_uuid") ?? machineID
        bootID = FileSystem.text("/proc/sys/kernel/random/boot_id") ?? ""
    }
}
