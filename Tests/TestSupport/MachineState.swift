/// What Skiff could leave behind on a machine: links, mounts, processes, namespaces, rules,
/// routes, addresses and cgroups.
package struct MachineState: Sendable {
    /// One line each, the kind first.
    package let facts: Set<String>

    /// As it is now.
    package static func read() async throws -> MachineState {
        var facts: Set<String> = []
        for line in try await lines(["ip", "-o", "link"]) {
            let name = line.split(separator: " ").dropFirst().first.map(String.init) ?? ""
            facts.insert("link " + name.prefix { $0 != "@" && $0 != ":" })
        }
        for line in try await lines(["cat", "/proc/self/mountinfo"]) {
            let fields = line.split(separator: " ")
            if fields.count > 4 { facts.insert("mount \(fields[4])") }
        }
        for line in try await lines(["ps", "-eo", "comm,args"])
        where line.contains("skiff") || line.contains("containerd") {
            // The test runner's own build directory may be named after the project. A process that has ended and waits
            // for the machine's first process to collect it is no longer ours.
            if !line.contains("xctest") && !line.contains("swift") && !line.contains("<defunct>") {
                facts.insert("process \(line)")
            }
        }
        for line in try await lines(["ip", "netns", "list"]) { facts.insert("namespace \(line)") }
        for line in try await lines(["sh", "-c", "nft list tables 2>/dev/null || true"]) {
            facts.insert("rules \(line)")
        }
        for line in try await lines(["ip", "route"]) { facts.insert("route \(line)") }
        for line in try await lines(["ip", "-o", "-4", "address"]) {
            facts.insert("address \(line.split(separator: " ").dropFirst().prefix(3).joined(separator: " "))")
        }
        let cgroups = try await lines([
            "sh", "-c", "find /sys/fs/cgroup -maxdepth 3 -type d -name '*skiff*' 2>/dev/null || true",
        ])
        for line in cgroups { facts.insert("cgroup \(line)") }
        return MachineState(facts: facts)
    }

    /// What is there now and was not then.
    package func minus(_ earlier: MachineState) -> [String] {
        facts.subtracting(earlier.facts).sorted()
    }

    private static func lines(_ command: [String]) async throws -> [String] {
        try await Command.run(command).output.split(separator: "\n").map(String.init)
    }
}
