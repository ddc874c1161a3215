internal import APIMachinery

/// AppArmor profiles in annotations and in fields, which say the same for kubelets of any age.
enum PodAppArmor {
    static let deprecation = "deprecated since v1.30; use the \"appArmorProfile\" field instead"

    /// Fills in whichever of the two is missing.
    static func synchronise(_ pod: inout Value) {
        var spec = pod["spec"] ?? [:]
        let annotations = pod.metadata["annotations"] ?? [:]
        let podProfile = spec["securityContext"]?.present("appArmorProfile")
        let hasAnnotations = annotations.fields?.entries.contains { $0.key.hasPrefix(prefix) } ?? false
        let hasFields = podProfile != nil || containers(spec).contains { profile(of: $0) != nil }
        guard hasAnnotations || hasFields, spec["os"]?.text("name") != "windows" else { return }
        var added: [(String, Value)] = []
        for kind in kinds {
            spec.editEach(kind) { container in
                let key = prefix + container.text("name")
                if let annotation = annotations[key]?.string {
                    guard profile(of: container) == nil, let field = field(of: annotation), field != podProfile
                    else { return }
                    container.editObject("securityContext") { $0["appArmorProfile"] = field }
                } else if let field = profile(of: container) ?? podProfile, let text = annotation(of: field) {
                    added.append((key, .string(text)))
                }
            }
        }
        pod["spec"] = spec
        guard !added.isEmpty else { return }
        pod.editMetadata { metadata in
            metadata.editObject("annotations") { annotations in
                for (key, text) in added { annotations[key] = text }
            }
        }
    }

    /// About annotations from which `synchronise` made fields.
    static func warnings(_ pod: Value) -> [String] {
        let annotations = pod.metadata["annotations"] ?? [:]
        guard annotations.fields?.entries.contains(where: { $0.key.hasPrefix(prefix) }) ?? false,
            pod[path: "spec", "os", "name"]?.string != "windows"
        else { return [] }
        return containers(pod["spec"] ?? [:]).compactMap { container in
            let key = prefix + container.text("name")
            guard let text = annotations[key]?.string, let field = field(of: text), profile(of: container) == field
            else { return nil }
            return "metadata.annotations[\(key)]: \(deprecation)"
        }
    }

    private static let kinds = ["initContainers", "containers", "ephemeralContainers"]
    private static let prefix = PodAnnotationValidation.appArmor

    private static func containers(_ spec: Value) -> [Value] { kinds.flatMap { spec.list($0) } }

    private static func profile(of container: Value) -> Value? {
        container["securityContext"]?.present("appArmorProfile")
    }

    private static func field(of annotation: String) -> Value? {
        switch annotation {
        case "unconfined": return ["type": "Unconfined"]
        case "runtime/default": return ["type": "RuntimeDefault"]
        default:
            let name = annotation.dropFirst("localhost/".count)
            guard annotation.hasPrefix("localhost/"), !name.isEmpty else { return nil }
            return ["type": "Localhost", "localhostProfile": .string(String(name))]
        }
    }

    private static func annotation(of profile: Value) -> String? {
        switch profile.text("type") {
        case "Unconfined": "unconfined"
        case "RuntimeDefault": "runtime/default"
        case "Localhost":
            profile.text("localhostProfile").isEmpty ? nil : "localhost/" + profile.text("localhostProfile")
        default: nil
        }
    }
}

/// `matchLabelKeys`: the pod's own labels become part of the selectors that name their keys.
enum PodLabelKeys {
    static func resolve(_ pod: inout Value) {
        let labels = pod.metadata["labels"] ?? [:]
        pod.edit("spec") { spec in
            spec.edit("affinity") { affinity in
                for kind in ["podAffinity", "podAntiAffinity"] {
                    affinity.edit(kind) { pods in
                        pods.editEach("requiredDuringSchedulingIgnoredDuringExecution") { resolve(&$0, labels) }
                        pods.editEach("preferredDuringSchedulingIgnoredDuringExecution") { term in
                            term.edit("podAffinityTerm") { resolve(&$0, labels) }
                        }
                    }
                }
            }
            spec.editEach("topologySpreadConstraints") { resolve(&$0, labels) }
        }
    }

    private static func resolve(_ term: inout Value, _ labels: Value) {
        let wanted = [("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")].flatMap { field, condition in
            term.list(field).compactMap { key -> Value? in
                guard let key = key.string, let value = labels[key] else { return nil }
                return ["key": .string(key), "operator": .string(condition), "values": .array([value])]
            }
        }
        guard !wanted.isEmpty else { return }
        term.edit("labelSelector") { selector in
            for expression in wanted { selector.append(expression, to: "matchExpressions") }
        }
    }
}

/// Fields of features that are off by default: new objects lose them, as upstream's do.
enum PodFeatures {
    private static let projections = ["clusterTrustBundle", "podCertificate"]

    static func dropDisabled(_ spec: inout Value) {
        if spec["schedulingGroup"] != nil { spec["schedulingGroup"] = nil }
        let uses = spec.list("volumes").contains { volume in
            volume["projected"]?.list("sources").contains { source in
                projections.contains { source.present($0) != nil }
            } ?? false
        }
        guard uses else { return }
        spec.editEach("volumes") { volume in
            volume.edit("projected") { projected in
                projected.editEach("sources") { source in
                    for kind in projections { source[kind] = nil }
                }
            }
        }
    }
}
