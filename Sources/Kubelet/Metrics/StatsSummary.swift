internal import APIMachinery
internal import Glibc
internal import KubeAPI

/// `/stats/summary`, as metrics-server and other collectors read it:
/// https://kubernetes.io/docs/reference/instrumentation/node-metrics/
struct StatsSummary {
    let usage: ResourceUsage
    let nodeName: String
    /// Lies on the file system that images and pods share.
    let dataDirectory: String

    func value() -> Value {
        var node: Value = [
            "nodeName": .string(nodeName), "startTime": .string(usage.nodeStartTime.description),
            "cpu": cpu(usage.node), "memory": memory(usage.node, available: usage.nodeMemoryBytes),
        ]
        if let disk = disk() {
            node["fs"] = disk
            node["runtime"] = ["imageFs": disk, "containerFs": disk]
        }
        return ["node": node, "pods": .array(usage.pods.map(pod))]
    }

    private func pod(_ pod: ResourceUsage.Pod) -> Value {
        [
            "podRef": [
                "name": .string(pod.key.name), "namespace": .string(pod.key.namespace), "uid": .string(pod.uid),
            ],
            "startTime": time(pod.startTime), "containers": .array(pod.containers.map(container)),
            "cpu": cpu(pod.amount), "memory": memory(pod.amount, available: nil),
            "ephemeral-storage": [
                "time": time(usage.time),
                "usedBytes": .int(Int64(clamping: pod.containers.reduce(UInt64(0)) { $0 + $1.diskBytes })),
            ],
        ]
    }

    private func container(_ container: ResourceUsage.Container) -> Value {
        [
            "name": .string(container.name), "startTime": time(container.startTime), "cpu": cpu(container.amount),
            "memory": memory(container.amount, available: nil),
            "rootfs": ["time": time(usage.time), "usedBytes": .int(Int64(clamping: container.diskBytes))],
        ]
    }

    private func cpu(_ amount: ResourceUsage.Amount) -> Value {
        [
            "time": time(usage.time), "usageNanoCores": .int(Int64(clamping: amount.nanoCores)),
            "usageCoreNanoSeconds": .int(Int64(clamping: amount.cpuNanoseconds)),
        ]
    }

    private func memory(_ amount: ResourceUsage.Amount, available total: UInt64?) -> Value {
        var memory: Value = ["time": time(usage.time)]
        if let total {
            memory["availableBytes"] = .int(Int64(clamping: total - min(total, amount.workingSetBytes)))
        }
        memory["usageBytes"] = .int(Int64(clamping: amount.usageBytes))
        memory["workingSetBytes"] = .int(Int64(clamping: amount.workingSetBytes))
        memory["rssBytes"] = .int(Int64(clamping: amount.rssBytes))
        return memory
    }

    private func disk() -> Value? {
        var facts = statvfs()
        guard statvfs(dataDirectory, &facts) == 0 else { return nil }
        let block = Int64(facts.f_frsize)
        let total = Int64(facts.f_blocks)
        return [
            "time": time(usage.time), "availableBytes": .int(Int64(facts.f_bavail) * block),
            "capacityBytes": .int(total * block), "usedBytes": .int((total - Int64(facts.f_bfree)) * block),
            "inodesFree": .int(Int64(facts.f_ffree)), "inodes": .int(Int64(facts.f_files)),
            "inodesUsed": .int(Int64(facts.f_files) - Int64(facts.f_ffree)),
        ]
    }

    private func time(_ time: Time?) -> Value { time.map { .string($0.description) } ?? .null }
}

/// The same figures for Prometheus: `/metrics/resource` and what of `/metrics/cadvisor` dashboards use most.
struct PrometheusFigures {
    let usage: ResourceUsage

    /// https://kubernetes.io/docs/reference/instrumentation/metrics/
    func resource() -> String {
        var text = PrometheusText()
        text.family("node_cpu_usage_seconds_total", .counter, "CPU time used by the node, in core-seconds") {
            $0.sample([], Self.seconds(usage.node))
        }
        text.family("node_memory_working_set_bytes", .gauge, "Working set of the node, in bytes") {
            $0.sample([], "\(usage.node.workingSetBytes)")
        }
        text.family("container_cpu_usage_seconds_total", .counter, "CPU time used by a container, in core-seconds") {
            containers(&$0, labels: Self.names) { Self.seconds($0.amount) }
        }
        text.family("container_memory_working_set_bytes", .gauge, "Working set of a container, in bytes") {
            containers(&$0, labels: Self.names) { "\($0.amount.workingSetBytes)" }
        }
        text.family("container_start_time_seconds", .gauge, "Start of a container, in seconds since 1970") {
            containers(&$0, labels: Self.names) { "\($0.startTime?.seconds ?? 0)" }
        }
        text.family("pod_cpu_usage_seconds_total", .counter, "CPU time used by a pod, in core-seconds") {
            for pod in usage.pods { $0.sample(Self.names(pod), Self.seconds(pod.amount)) }
        }
        text.family("pod_memory_working_set_bytes", .gauge, "Working set of a pod, in bytes") {
            for pod in usage.pods { $0.sample(Self.names(pod), "\(pod.amount.workingSetBytes)") }
        }
        text.family("resource_scrape_error", .gauge, "1 if these figures could not be read") { $0.sample([], "0") }
        return text.text
    }

    func cadvisor() -> String {
        var text = PrometheusText()
        text.family("container_cpu_usage_seconds_total", .counter, "CPU time used, in core-seconds") {
            containers(&$0, labels: Self.all) { Self.seconds($0.amount) }
        }
        text.family("container_memory_working_set_bytes", .gauge, "Working set, in bytes") {
            containers(&$0, labels: Self.all) { "\($0.amount.workingSetBytes)" }
        }
        text.family("container_memory_usage_bytes", .gauge, "Memory in use, caches included, in bytes") {
            containers(&$0, labels: Self.all) { "\($0.amount.usageBytes)" }
        }
        text.family("container_memory_rss", .gauge, "Anonymous memory, in bytes") {
            containers(&$0, labels: Self.all) { "\($0.amount.rssBytes)" }
        }
        text.family("container_fs_usage_bytes", .gauge, "Bytes of the writable layer") {
            containers(&$0, labels: Self.all) { "\($0.diskBytes)" }
        }
        text.family("container_start_time_seconds", .gauge, "Start, in seconds since 1970") {
            containers(&$0, labels: Self.all) { "\($0.startTime?.seconds ?? 0)" }
        }
        text.family("machine_memory_bytes", .gauge, "Memory of the machine, in bytes") {
            $0.sample([], "\(usage.nodeMemoryBytes)")
        }
        return text.text
    }

    private typealias Labels = [(String, String)]

    private func containers(
        _ text: inout PrometheusText, labels: (ResourceUsage.Pod, ResourceUsage.Container) -> [(String, String)],
        _ value: (ResourceUsage.Container) -> String
    ) {
        for pod in usage.pods {
            for container in pod.containers { text.sample(labels(pod, container), value(container)) }
        }
    }

    private static func names(_ pod: ResourceUsage.Pod) -> Labels {
        [("namespace", pod.key.namespace), ("pod", pod.key.name)]
    }

    private static func names(_ pod: ResourceUsage.Pod, _ container: ResourceUsage.Container) -> Labels {
        [("container", container.name)] + names(pod)
    }

    private static func all(_ pod: ResourceUsage.Pod, _ container: ResourceUsage.Container) -> Labels {
        [("container", container.name), ("id", container.id), ("image", container.image), ("name", container.id)]
            + names(pod)
    }

    private static func seconds(_ amount: ResourceUsage.Amount) -> String {
        let fraction = String(1_000_000_000 + amount.cpuNanoseconds % 1_000_000_000).dropFirst()
        return "\(amount.cpuNanoseconds / 1_000_000_000).\(fraction)"
    }
}

/// Prometheus' text format: https://prometheus.io/docs/instrumenting/exposition_formats/
struct PrometheusText {
    enum Kind: String {
        case counter, gauge
    }

    private(set) var text = ""
    private var name = ""

    mutating func family(_ name: String, _ kind: Kind, _ help: String, _ samples: (inout PrometheusText) -> Void) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
        self.name = name
        samples(&self)
    }

    mutating func sample(_ labels: [(String, String)], _ value: String) {
        text += name
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",") + "}"
        }
        text += " \(value)\n"
    }

    private static func escaped(_ value: String) -> String {
        var result = ""
        for character in value {
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.append(character)
            }
        }
        return result
    }
}
