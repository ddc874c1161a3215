internal import APIMachinery
internal import Glibc
internal import KubeAPI
internal import Synchronization

/// `/metrics`: the node agent's own figures, under the kubelet's names where they are to be had for nothing.
struct KubeletFigures {
    let configuration: KubeletConfiguration
    let pods: [Pod]
    let index: PodRuntimeIndex

    func text() -> String {
        var text = PrometheusText()
        text.family("kubelet_node_name", .gauge, "The node's name. The count is always 1.") {
            $0.sample([("node", configuration.nodeName)], "1")
        }
        text.family("kubelet_running_pods", .gauge, "Pods that have a sandbox that runs") {
            $0.sample([], "\(pods.filter { index[$0.key]?.sandboxID != nil }.count)")
        }
        text.family("kubelet_running_containers", .gauge, "Containers by their state") { text in
            for (state, count) in containers { text.sample([("container_state", state)], "\(count)") }
        }
        text.family("kubelet_desired_pods", .gauge, "Pods that this node is to run") {
            $0.sample([("static", "")], "\(pods.count)")
        }
        text.family("kubernetes_build_info", .gauge, "The version. The value is always 1.") {
            $0.sample([("git_version", configuration.version), ("platform", "linux")], "1")
        }
        process(&text)
        return text.text
    }

    private var containers: [(String, Int)] {
        var counts = ["created": 0, "exited": 0, "running": 0, "unknown": 0]
        for pod in pods {
            for container in index[pod.key]?.containers.values ?? [:].values {
                counts[container.isRunning ? "running" : "exited", default: 0] += 1
            }
        }
        return counts.sorted { $0.key < $1.key }
    }

    /// The process is all of Skiff.
    private func process(_ text: inout PrometheusText) {
        var usage = rusage()
        getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
        let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
        let micros = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
        let total = Double(seconds) + Double(micros) / 1_000_000
        text.family("process_cpu_seconds_total", .counter, "CPU time of the whole process, in seconds") {
            $0.sample([], "\(total)")
        }
        let pages =
            FileSystem.text("/proc/self/statm")?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        text.family("process_resident_memory_bytes", .gauge, "Resident memory of the whole process, in bytes") {
            $0.sample([], "\(pages * sysconf(Int32(_SC_PAGESIZE)))")
        }
        text.family("process_open_fds", .gauge, "Open file descriptors of the whole process") {
            $0.sample([], "\(FileSystem.entries("/proc/self/fd").count)")
        }
    }
}

/// How often the probes of this node's containers ended in which way (`/metrics/probes`).
final class ProbeTotals: Sendable {
    private struct Key: Hashable {
        let namespace: String
        let pod: String
        let uid: String
        let container: String
        let kind: String
        let result: String
    }

    /// Series kept; containers beyond it are not counted until older pods are forgotten.
    private static let seriesMax = 8192

    private let totals = Mutex<[Key: Int]>([:])

    init() {}

    func count(_ outcome: ProbeOutcome, _ kind: ProbeKind, _ reference: ObjectReference) {
        let result =
            switch outcome {
            case .success, .warning: "successful"
            case .failure: "failed"
            case .unknown: "unknown"
            }
        // The field path is `spec.containers{NAME}`.
        let container = (reference.fieldPath ?? "").split(separator: "{").last?.dropLast() ?? ""
        let key = Key(
            namespace: reference.namespace ?? "", pod: reference.name ?? "", uid: reference.uid ?? "",
            container: String(container), kind: kind.rawValue, result: result)
        totals.withLock { totals in
            if totals[key] == nil, totals.count >= Self.seriesMax { return }
            totals[key, default: 0] += 1
        }
    }

    /// A pod is gone.
    func forget(pod uid: String) {
        totals.withLock { totals in
            if totals.isEmpty { return }
            totals = totals.filter { $0.key.uid != uid }
        }
    }

    func text() -> String {
        let totals = totals.withLock { $0 }.map { key, count in
            let labels = [
                ("container", key.container), ("namespace", key.namespace), ("pod", key.pod), ("pod_uid", key.uid),
                ("probe_type", key.kind), ("result", key.result),
            ]
            return (labels: labels, count: count, order: labels.map(\.1).joined(separator: "\u{0}"))
        }
        var text = PrometheusText()
        text.family("prober_probe_total", .counter, "Probes of containers by kind and result") { text in
            for entry in totals.sorted(by: { $0.order < $1.order }) { text.sample(entry.labels, "\(entry.count)") }
        }
        return text.text
    }
}
