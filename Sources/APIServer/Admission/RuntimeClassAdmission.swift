internal import APIMachinery
internal import Storage

/// Pods take over what their RuntimeClass says of overhead and of nodes that have the runtime.
struct RuntimeClassAdmission: AdmissionPlugin {
    let store: any Store
    /// `/registry/runtimeclasses/`
    let prefix: String

    private static let mismatch = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"

    func concerns(_ resource: Resource) -> Bool { resource.id == ResourceID(group: "", plural: "pods") }

    func mutate(_ request: inout AdmissionRequest) async throws(APIError) {
        guard request.operation == .create, request.subresource.isEmpty, let found = try runtimeClass(request) else {
            return
        }
        let spec = request.object["spec"] ?? [:]
        if let overhead = found[path: "overhead", "podFixed"], !overhead.isEmptyValue {
            let own = PodResources.list(spec, "overhead")
            if !own.isEmpty, own != PodResources.list(["overhead": overhead], "overhead") {
                throw request.forbidden(Self.mismatch)
            }
            request.object.edit("spec") { $0["overhead"] = overhead }
        }
        guard let scheduling = found.present("scheduling") else { return }
        try addScheduling(scheduling, &request)
    }

    func validate(_ request: inout AdmissionRequest) async throws(APIError) {
        guard request.operation == .create, request.subresource.isEmpty else { return }
        let own = PodResources.list(request.object["spec"] ?? [:], "overhead")
        guard let overhead = try runtimeClass(request)?.present("overhead") else {
            guard own.isEmpty else {
                throw request.forbidden(
                    "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead")
            }
            return
        }
        if own != PodResources.list(overhead, "podFixed") { throw request.forbidden(Self.mismatch) }
    }

    private func runtimeClass(_ request: AdmissionRequest) throws(APIError) -> Value? {
        guard let name = request.object[path: "spec", "runtimeClassName"]?.string else { return nil }
        guard let stored = store.get(prefix + name), let found = try? Value(json: stored.value) else {
            throw request.forbidden("pod rejected: RuntimeClass \(quoted(name)) not found")
        }
        return found
    }

    private func addScheduling(_ scheduling: Value, _ request: inout AdmissionRequest) throws(APIError) {
        let spec = request.object["spec"] ?? [:]
        let own = spec.stringMap("nodeSelector")
        let wanted = scheduling.entries("nodeSelector").sorted { $0.key < $1.key }
        for (key, value) in wanted {
            guard let present = own[key], present != value.string else { continue }
            throw request.forbidden(
                "conflict: runtimeClass.scheduling.nodeSelector[\(key)] = \(value.string ?? ""); "
                    + "pod.spec.nodeSelector[\(key)] = \(present)")
        }
        request.object.edit("spec") { spec in
            for (key, value) in wanted { spec.editObject("nodeSelector") { $0[key] = value } }
            let merged = Tolerations.merged(spec.list("tolerations"), scheduling.list("tolerations"))
            if !merged.isEmpty { spec["tolerations"] = .array(merged) }
        }
    }
}

/// Lists of tolerations without those that others make redundant.
enum Tolerations {
    static func merged(_ first: [Value], _ second: [Value]) -> [Value] {
        let all = first + second
        var merged: [Value] = []
        for (index, toleration) in all.enumerated() {
            let isRedundant =
                merged.contains { covers($0, toleration) }
                || all[(index + 1)...].contains { $0 != toleration && covers($0, toleration) }
            if !isRedundant { merged.append(toleration) }
        }
        return merged
    }

    /// Whether `wide` tolerates all that `narrow` does.
    private static func covers(_ wide: Value, _ narrow: Value) -> Bool {
        if wide == narrow { return true }
        let exists = wide.text("operator") == "Exists"
        // An empty key that exists stands for all keys, an empty effect for all effects.
        if wide.text("key") != narrow.text("key"), !wide.text("key").isEmpty || !exists { return false }
        if wide.text("effect") != narrow.text("effect"), !wide.text("effect").isEmpty { return false }
        if wide.text("effect") == "NoExecute", let seconds = wide["tolerationSeconds"]?.int {
            guard let other = narrow["tolerationSeconds"]?.int, other <= seconds else { return false }
        }
        switch wide.text("operator") {
        case "Exists": return true
        case "Equal", "": return narrow.text("operator") == "Equal" && narrow.text("value") == wide.text("value")
        default: return false
        }
    }
}
