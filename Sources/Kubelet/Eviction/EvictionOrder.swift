internal import APIMachinery
internal import KubeAPI

/// Which pod goes first, and what is said about it:
/// https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#pod-selection-for-kubelet-eviction
struct EvictionOrder: Sendable {
    let signal: EvictionSignal
    let usages: [String: PodUsage]

    /// First those that use more than they asked for, then by priority, then by how much more they use.
    func sorted(_ pods: [Pod]) -> [Pod] {
        pods.map { ($0, rank($0)) }.sorted { left, right in
            let (one, other) = (left.1, right.1)
            if one.isOver != other.isOver { return one.isOver }
            if one.priority != other.priority { return one.priority < other.priority }
            if one.excess != other.excess { return one.excess > other.excess }
            return left.0.key.description < right.0.key.description
        }.map(\.0)
    }

    private func rank(_ pod: Pod) -> (isOver: Bool, priority: Int32, excess: Int64) {
        let priority = pod.spec.priority ?? 0
        // A pod of which nothing is known goes first.
        guard let usage = usages[pod.metadata.uid ?? ""] else { return (true, priority, .max) }
        switch signal.resource {
        case "pids": return (false, priority, usage.processes)
        case "inodes": return (false, priority, usage.inodes)
        default:
            let used = signal.resource == "memory" ? usage.memory : usage.diskBytes
            let excess = used - (PodFacts.requests(pod)[signal.resource]?.value ?? 0)
            return (excess > 0, priority, excess)
        }
    }

    /// The pod's `status.message`, and the text of its event.
    func message(for pod: Pod, _ threshold: EvictionThreshold, _ reading: SignalReading?) -> String {
        let resource = signal.resource
        var text = "The node was low on resource: \(resource). "
        if let reading {
            func quantity(_ amount: Int64) -> Quantity {
                Quantity(amount, format: resource == "pids" || resource == "inodes" ? .decimalSI : .binarySI)
            }
            let bound: Quantity =
                switch threshold.amount {
                case .quantity(let given): given
                case .share: quantity(threshold.amount.bytes(of: reading.capacity))
                }
            text += "Threshold quantity: \(bound), available: \(Self.shown(reading.available, resource)). "
        }
        guard let usage = usages[pod.metadata.uid ?? ""] else { return text }
        for container in pod.runnableContainers {
            guard let used = usage.containers[container.name] else { continue }
            let amount: Int64
            switch resource {
            case "memory": amount = used.memory
            case "ephemeral-storage": amount = used.layer.bytes + used.logs.bytes
            default: continue
            }
            let request = container.resources.requests[resource] ?? .zero
            guard Quantity(amount) > request else { continue }
            text +=
                "Container \(container.name) was using \(Self.shown(amount, resource)), request is \(request), "
                + "has larger consumption of \(resource). "
        }
        return text
    }

    /// As upstream prints what it measured: bytes in the largest binary unit that divides them.
    private static func shown(_ amount: Int64, _ resource: String) -> String {
        Quantity(amount, format: resource == "pids" || resource == "inodes" ? .decimalSI : .binarySI).description
    }
}
