internal import APIMachinery

/// What a pod's spec asks for in all.
enum PodResources {
    /// The quantities of `resources.requests` or `.limits`.
    static func list(_ resources: Value, _ field: String) -> [String: Quantity] {
        var list: [String: Quantity] = [:]
        for (name, value) in resources.entries(field) { list[name] = Quantity(PodQuality.text(value)) }
        return list
    }

    /// The same, in an order that messages can rely on.
    static func sorted(_ object: Value, _ field: String) -> [(key: String, value: Quantity)] {
        list(object, field).sorted { $0.key < $1.key }
    }

    /// The sum over the containers and sidecars, or what an init container needs if that is more; what the pod itself
    /// says takes the place of the sum.
    ///
    /// `status`: of a running pod, whose containers count at what they were given where that is more than what the
    /// spec now says.
    static func total(
        _ spec: Value, _ field: String, withOverhead: Bool = false, status: Value = .null
    ) -> [String: Quantity] {
        var total: [String: Quantity] = [:]
        for container in spec.list("containers") { add(list(container, field, in: status), to: &total) }
        var sidecars: [String: Quantity] = [:]
        var initial: [String: Quantity] = [:]
        for container in spec.list("initContainers") {
            let own = list(container, field, in: status)
            var running = sidecars
            add(own, to: &running)
            if container.text("restartPolicy") == "Always" {
                add(own, to: &total)
                sidecars = running
            }
            raise(&initial, to: running)
        }
        raise(&total, to: initial)
        for (name, quantity) in list(spec["resources"] ?? [:], field) where isPodLevel(name) { total[name] = quantity }
        if withOverhead {
            for (name, quantity) in list(spec, "overhead") {
                // A limit that is not there stays away: the overhead alone bounds nothing.
                if field == "limits", total[name] == nil { continue }
                total[name] = (total[name] ?? .zero) + quantity
            }
        }
        return total
    }

    private static func list(_ container: Value, _ field: String, in status: Value) -> [String: Quantity] {
        var own = list(container["resources"] ?? [:], field)
        for statuses in ["containerStatuses", "initContainerStatuses"] {
            for given in status.list(statuses) where given.text("name") == container.text("name") {
                raise(&own, to: list(given["resources"] ?? [:], field))
                if field == "requests" { raise(&own, to: list(given, "allocatedResources")) }
            }
        }
        return own
    }

    /// Resources that a pod may ask for as a whole.
    static func isPodLevel(_ name: String) -> Bool {
        name == "cpu" || name == "memory" || name.hasPrefix("hugepages-")
    }

    private static func add(_ list: [String: Quantity], to total: inout [String: Quantity]) {
        for (name, quantity) in list { total[name] = total[name].map { $0 + quantity } ?? quantity }
    }

    private static func raise(_ total: inout [String: Quantity], to list: [String: Quantity]) {
        for (name, quantity) in list where total[name].map({ $0 < quantity }) ?? true { total[name] = quantity }
    }
}
