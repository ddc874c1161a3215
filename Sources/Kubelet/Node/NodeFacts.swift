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

    private let settings: NodeSettings

    /// Reads `/proc`, `/sys` and `/etc`. Blocks.
    init(name: String, address: String, dataDirectory: String, settings: NodeSettings = NodeSettings()) {
        self.settings = settings
        self.name = name
        self.address = address
        let processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        memoryBytes = Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE)))
        var disk = statvfs()
        let diskBytes = statvfs(dataDirectory, &disk) == 0 ? Int64(disk.f_blocks) * Int64(disk.f_frsize) : 0
        let capacity = [
            "cpu": Quantity(processors),
            "memory": Quantity(memoryBytes / 1024 * 1024, format: .binarySI),
            "ephemeral-storage": Quantity(diskBytes / 1024 * 1024, format: .binarySI),
            "pods": Quantity(settings.podsMax),
            "hugepages-1Gi": Self.hugepages(kilobytes: 1 << 20), "hugepages-2Mi": Self.hugepages(kilobytes: 2 << 10),
        ]
        self.capacity = capacity
        allocatable = Dictionary(
            uniqueKeysWithValues: capacity.map { name, quantity in
                let kept = Quantity(settings.eviction.kept(name, of: quantity.value), format: .binarySI)
                return (name, max(.zero, Self.unreserved(name, capacity, settings) - kept))
            })
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

    /// The capacity less what is kept for the system and for Kubernetes.
    func unreserved(_ name: String) -> Quantity { Self.unreserved(name, capacity, settings) }

    private static func unreserved(
        _ name: String, _ capacity: [String: Quantity], _ settings: NodeSettings
    ) -> Quantity {
        var left = capacity[name] ?? .zero
        for reserved in [settings.systemReserved, settings.kubeReserved] {
            if let amount = reserved[name] { left -= amount }
        }
        return max(.zero, left)
    }

    private static func hugepages(kilobytes: Int64) -> Quantity {
        let count = FileSystem.text("/sys/kernel/mm/hugepages/hugepages-\(kilobytes)kB/nr_hugepages")
        return Quantity((count.flatMap { Int64($0) } ?? 0) * kilobytes * 1024, format: .binarySI)
    }
}
