internal import APIMachinery

/// Rows of the core group's kinds, pods apart.
enum CoreRows {
    static func configMap(_ object: PrintedObject) -> PrintedRow {
        PrintedRow([object.name, .int(object.count("data") + object.count("binaryData")), object.age])
    }

    static func secret(_ object: PrintedObject) -> PrintedRow {
        PrintedRow([object.name, .string(object.string("type")), .int(object.count("data")), object.age])
    }

    static func namespace(_ object: PrintedObject) -> PrintedRow {
        PrintedRow([object.name, .string(object.string("status", "phase")), object.age])
    }

    /// Name and age: service accounts, and every kind that has nothing else to show.
    static func nameAndAge(_ object: PrintedObject) -> PrintedRow {
        PrintedRow([object.name, object.age])
    }

    /// Name and the time of creation: roles, limit ranges, definitions.
    static func nameAndCreation(_ object: PrintedObject) -> PrintedRow {
        PrintedRow([object.name, .string(object.string("metadata", "creationTimestamp"))])
    }

    static func componentStatus(_ object: PrintedObject) -> PrintedRow {
        let condition = object.list("conditions").first { $0["type"]?.string == "Healthy" }
        let status = condition?["status"]?.string == "True" ? "Healthy" : condition == nil ? "Unknown" : "Unhealthy"
        return PrintedRow([
            object.name, .string(status), condition?["message"] ?? "", condition?["error"] ?? "",
        ])
    }

    static func podTemplate(_ object: PrintedObject) -> PrintedRow {
        PrintedRow(
            [object.name] + object.containers("template", "spec", "containers")
                + [object.labels("template", "metadata", "labels")]
        )
    }

    static func resourceQuota(_ object: PrintedObject) -> PrintedRow {
        var requests: [String] = []
        var limits: [String] = []
        for (name, hard) in object.map("status", "hard") {
            let text = "\(name): \(object.value[path: "status", "used"]?[name]?.string ?? "0")/\(hard)"
            if name.hasPrefix("limits") { limits.append(text) } else { requests.append(text) }
        }
        return PrintedRow([
            object.name, .string(requests.joined(separator: ", ")), .string(limits.joined(separator: ", ")),
            object.age,
        ])
    }

    static func node(_ object: PrintedObject) -> PrintedRow {
        var states: [String] = []
        if let ready = object.condition("Ready") {
            states.append(ready["status"]?.string == "True" ? "Ready" : "NotReady")
        } else {
            states.append("Unknown")
        }
        if object["spec", "unschedulable"]?.bool == true { states.append("SchedulingDisabled") }
        var kernel = object.string("status", "nodeInfo", "kernelVersion")
        if kernel.isEmpty { kernel = "<unknown>" }
        let architecture = object.string("status", "nodeInfo", "architecture")
        if !architecture.isEmpty { kernel += " (\(architecture))" }
        return PrintedRow([
            object.name, .string(states.joined(separator: ",")), .string(roles(object)), object.age,
            .string(object.string("status", "nodeInfo", "kubeletVersion")), address(object, "InternalIP"),
            address(object, "ExternalIP"), object.string("status", "nodeInfo", "osImage", or: "<unknown>"),
            .string(kernel), object.string("status", "nodeInfo", "containerRuntimeVersion", or: "<unknown>"),
        ])
    }

    private static func roles(_ node: PrintedObject) -> String {
        let prefix = "node-role.kubernetes.io/"
        var roles: Set<String> = []
        for (key, value) in node.map("metadata", "labels") {
            if key.hasPrefix(prefix), key.count > prefix.count { roles.insert(String(key.dropFirst(prefix.count))) }
            if key == "kubernetes.io/role", !value.isEmpty { roles.insert(value) }
        }
        return roles.isEmpty ? "<none>" : roles.sorted().joined(separator: ",")
    }

    private static func address(_ node: PrintedObject, _ type: String) -> Value {
        node.list("status", "addresses").first { $0["type"]?.string == type }?["address"] ?? "<none>"
    }

    /// Events of both groups: `events.k8s.io` has other names for the same fields.
    static func event(_ object: PrintedObject) -> PrintedRow {
        func field(_ core: String, _ new: String) -> Value? { object.value[core] ?? object.value[new] }
        var first = object.since(field("firstTimestamp", "deprecatedFirstTimestamp"))
        if first == "<unknown>" { first = object.since(object["eventTime"]) }
        var last = object.since(field("lastTimestamp", "deprecatedLastTimestamp"))
        if last == "<unknown>" { last = first }
        var count = field("count", "deprecatedCount")?.int ?? 0
        if let series = object["series"], !series.isNull {
            last = object.since(series["lastObservedTime"])
            count = series["count"]?.int ?? 0
        } else if count == 0 {
            count = 1
        }
        let about = field("involvedObject", "regarding")
        let target = [about?["kind"]?.string?.lowercased() ?? "", about?["name"]?.string ?? ""]
        let message = field("message", "note")?.string ?? ""
        return PrintedRow([
            .string(last), .string(object.string("type")), .string(object.string("reason")),
            .string(target.filter { !$0.isEmpty }.joined(separator: "/")), about?["fieldPath"] ?? "",
            .string(source(of: object, field("source", "deprecatedSource"))), .string(trimmed(message)),
            .string(first), .int(count), object.name,
        ])
    }

    private static func source(of event: PrintedObject, _ source: Value?) -> String {
        func first(_ old: Value?, _ new: String...) -> String {
            if let text = old?.string, !text.isEmpty { return text }
            return new.lazy.map { event.string($0) }.first { !$0.isEmpty } ?? ""
        }
        let component = first(source?["component"], "reportingComponent", "reportingController")
        let host = first(source?["host"], "reportingInstance")
        return host.isEmpty ? component : component + ", " + host
    }

    private static func trimmed(_ text: String) -> String {
        let scalars = text.unicodeScalars
        guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
            let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
        else { return "" }
        return String(scalars[first...last])
    }
}
