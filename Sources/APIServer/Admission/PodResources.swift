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
    static func total(_ spec: Value, _ field: String, withOverhead: Bool = false) -> [String: Quantity] {
        var total: [String: Quantity] = [:]
        for container in spec.list("containers") { add(list(container["resources"] ?? [:], field), to: &total) }
        var sidecars: [String: Quantity] = [:]
        var initial: [String: Quantity] = [:]
        for container in spec.list("initContainers") {
            let own = list(container["resources"] ?? [:], field)
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
