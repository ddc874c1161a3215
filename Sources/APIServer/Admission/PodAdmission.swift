internal import APIMachinery
internal import Storage

/// Pods stay for five minutes on a node that is not ready or cannot be reached.
struct DefaultTolerationSeconds: AdmissionPlugin {
    private static let seconds: Int64 = 300

    func concerns(_ resource: Resource) -> Bool { resource.id == ResourceID(group: "", plural: "pods") }

    func mutate(_ request: inout AdmissionRequest) async throws(APIError) {
        guard request.operation != .delete, request.isFor("", "pods"), request.subresource.isEmpty else { return }
        request.object.edit("spec") { spec in
            for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
                let isTolerated = spec.list("tolerations").contains { toleration in
                    let own = toleration.text("key")
                    let effect = toleration.text("effect")
                    return (own == key || own.isEmpty) && (effect == "NoExecute" || effect.isEmpty)
                }
                guard !isTolerated else { continue }
                spec.append(
                    [
                        "key": .string(key), "operator": "Exists", "effect": "NoExecute",
                        "tolerationSeconds": .int(Self.seconds),
                    ], to: "tolerations")
            }
        }
    }
}

/// Resolves `priorityClassName` to the number that the scheduler compares.
struct PriorityAdmission: AdmissionPlugin {
    let store: any Store
    /// `/registry/priorityclasses/`
    let prefix: String

    func concerns(_ resource: Resource) -> Bool {
        resource.id == ResourceID(group: "", plural: "pods")
            || resource.id == ResourceID(group: "scheduling.k8s.io", plural: "priorityclasses")
    }

    func mutate(_ request: inout AdmissionRequest) async throws(APIError) {
        guard request.isForMain("", "pods") else { return }
        if let old = request.old { return keep(&request, from: old) }
        try resolve(&request)
    }

    /// There is one default at most.
    func validate(_ request: inout AdmissionRequest) async throws(APIError) {
        guard request.operation != .delete, request.isForMain("scheduling.k8s.io", "priorityclasses"),
            request.object["globalDefault"]?.bool == true, let found = defaultClass(),
            request.operation == .create || found.name != request.object.name
        else { return }
        throw request.forbidden("PriorityClass \(found.name) is already marked as default. Only one default can exist")
    }

    /// What was computed once stays, also where an update leaves it out.
    private func keep(_ request: inout AdmissionRequest, from old: Value) {
        let before = old["spec"] ?? [:]
        request.object.edit("spec") { spec in
            for field in ["priority", "preemptionPolicy"] {
                if let value = before.present(field) { spec.setDefault(field, value) }
            }
        }
    }

    private func resolve(_ request: inout AdmissionRequest) throws(APIError) {
        let spec = request.object["spec"] ?? [:]
        var name = spec.text("priorityClassName")
        var priority: Int64 = 0
        var preemption = "PreemptLowerPriority"
        if name.isEmpty, let found = defaultClass() {
            name = found.name
            priority = found["value"]?.int ?? 0
            preemption = found["preemptionPolicy"]?.string ?? preemption
        } else if !name.isEmpty {
            guard let stored = store.get(prefix + name), let found = try? Value(json: stored.value) else {
                throw request.forbidden("no PriorityClass with name \(name) was found")
            }
            priority = found["value"]?.int ?? 0
            preemption = found["preemptionPolicy"]?.string ?? preemption
        }
        if let wanted = spec["priority"]?.int, wanted != priority {
            throw request.forbidden(
                "the integer value of priority (\(wanted)) must not be provided in pod spec; priority admission "
                    + "controller computed \(priority) from the given PriorityClass name")
        }
        if let wanted = spec["preemptionPolicy"]?.string, wanted != preemption {
            throw request.forbidden(
                "the string value of PreemptionPolicy (\(wanted)) must not be provided in pod spec; priority "
                    + "admission controller computed \(preemption) from the given PriorityClass name")
        }
        request.object.edit("spec") { spec in
            if !name.isEmpty { spec["priorityClassName"] = .string(name) }
            spec["priority"] = .int(priority)
            spec["preemptionPolicy"] = .string(preemption)
        }
    }

    /// The class marked `globalDefault`, the lowest if there are several.
    private func defaultClass() -> Value? {
        guard let list = try? store.list(prefix: prefix, startKey: nil, limit: 0, at: nil) else { return nil }
        let defaults = list.objects.compactMap { object -> Value? in
            guard MetadataScanner(json: object.value).string(at: ["globalDefault"]) == "true" else { return nil }
            return try? Value(json: object.value)
        }
        return defaults.min { ($0["value"]?.int ?? 0) < ($1["value"]?.int ?? 0) }
    }
}

/// A new node gets no pods until its life-cycle controller has seen it ready.
struct TaintNodesByCondition: AdmissionPlugin {
    private static let notReady = "node.kubernetes.io/not-ready"

    func concerns(_ resource: Resource) -> Bool { resource.id == ResourceID(group: "", plural: "nodes") }

    func mutate(_ request: inout AdmissionRequest) async throws(APIError) {
        guard request.operation == .create, request.isFor("", "nodes"), request.subresource.isEmpty else { return }
        request.object.editObject("spec") { spec in
            let isTainted = spec.list("taints").contains {
                $0.text("key") == Self.notReady && $0.text("effect") == "NoSchedule"
            }
            guard !isTainted else { return }
            spec.append(["key": .string(Self.notReady), "effect": "NoSchedule"], to: "taints")
        }
    }
}
