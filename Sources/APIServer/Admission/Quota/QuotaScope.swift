internal import APIMachinery

/// Which objects a quota with scopes is about.
enum QuotaScope {
    /// All scopes of a quota, those without an operator being about existence.
    static func selectors(_ quota: Value) -> [Value] {
        let spec = quota["spec"] ?? [:]
        return spec.list("scopes").map { ["scopeName": $0, "operator": "Exists"] }
            + (spec["scopeSelector"]?.list("matchExpressions") ?? [])
    }

    static func matches(_ quota: Value, _ object: Value, _ evaluator: QuotaEvaluator) -> Bool {
        selectors(quota).allSatisfy { selector in
            switch evaluator {
            case .pods: matchesPod(selector, object)
            case .claims: matchesClaim(selector, object)
            default: false
            }
        }
    }

    private static func matchesPod(_ selector: Value, _ pod: Value) -> Bool {
        let spec = pod["spec"] ?? [:]
        switch selector.text("scopeName") {
        case "Terminating": return isTerminating(spec)
        case "NotTerminating": return !isTerminating(spec)
        case "BestEffort": return PodQuality.of(spec) == "BestEffort"
        case "NotBestEffort": return PodQuality.of(spec) != "BestEffort"
        case "PriorityClass":
            let name = spec.text("priorityClassName")
            return matches(selector, name.isEmpty ? [] : [name])
        case "CrossNamespacePodAffinity": return crossesNamespaces(spec)
        default: return false
        }
    }

    private static func matchesClaim(_ selector: Value, _ claim: Value) -> Bool {
        guard selector.text("scopeName") == "VolumeAttributesClass" else { return false }
        let names = [
            claim[path: "spec", "volumeAttributesClassName"], claim[path: "status", "currentVolumeAttributesClassName"],
            claim[path: "status", "modifyVolumeStatus", "targetVolumeAttributesClassName"],
        ]
        return matches(selector, names.compactMap { $0?.string }.filter { !$0.isEmpty })
    }

    private static func matches(_ selector: Value, _ names: [String]) -> Bool {
        let values = selector.list("values").compactMap(\.string)
        switch selector.text("operator") {
        case "Exists": return !names.isEmpty
        case "DoesNotExist": return names.isEmpty
        case "In": return names.contains { values.contains($0) }
        case "NotIn": return names.isEmpty || names.contains { !values.contains($0) }
        default: return false
        }
    }

    private static func isTerminating(_ spec: Value) -> Bool { (spec["activeDeadlineSeconds"]?.int ?? -1) >= 0 }

    private static func crossesNamespaces(_ spec: Value) -> Bool {
        for kind in ["podAffinity", "podAntiAffinity"] {
            guard let affinity = spec["affinity"]?.present(kind) else { continue }
            let terms =
                affinity.list("requiredDuringSchedulingIgnoredDuringExecution")
                + affinity.list("preferredDuringSchedulingIgnoredDuringExecution").compactMap { $0["podAffinityTerm"] }
            if terms.contains(where: { !$0.list("namespaces").isEmpty || $0.present("namespaceSelector") != nil }) {
                return true
            }
        }
        return false
    }
}
