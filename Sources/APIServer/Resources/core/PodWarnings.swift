internal import APIMachinery

/// Advice about pods, in upstream's words.
enum PodWarnings {
    private static let labels = [
        "beta.kubernetes.io/arch": "deprecated since v1.14; use \"kubernetes.io/arch\" instead",
        "beta.kubernetes.io/os": "deprecated since v1.14; use \"kubernetes.io/os\" instead",
        "failure-domain.beta.kubernetes.io/region":
            "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead",
        "failure-domain.beta.kubernetes.io/zone": "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead",
        "beta.kubernetes.io/instance-type": "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead",
    ]

    /// `field`: `spec` or `spec.template.spec`.
    static func spec(_ spec: Value, _ field: String) -> [String] {
        var warnings: [String] = []
        for (key, _) in spec.entries("nodeSelector") {
            if let text = labels[key] { warnings.append("\(field).nodeSelector[\(key)]: \(text)") }
        }
        for (index, volume) in spec.list("volumes").enumerated() {
            for (kind, text) in volumes where volume.present(kind) != nil {
                warnings.append("\(field).volumes[\(index)].\(kind): \(text)")
            }
        }
        for containers in ["initContainers", "containers"] {
            for (index, container) in spec.list(containers).enumerated() {
                warnings += environment(container, "\(field).\(containers)[\(index)]")
            }
        }
        return warnings
    }

    private static let volumes = [
        ("gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
        ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
        ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
        ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ]

    /// A variable set twice: only the last one counts.
    private static func environment(_ container: Value, _ field: String) -> [String] {
        var seen = Set<String>()
        var warnings: [String] = []
        for (index, variable) in container.list("env").enumerated() {
            let name = variable.text("name")
            guard !seen.insert(name).inserted else { continue }
            warnings.append(
                "\(field).env[\(index)]: hides previous definition of \"\(name)\", which may be dropped when using apply"
            )
        }
        return warnings
    }
}
