internal import KubeAPI

/// Whether a container lives again after its end: its rules decide first, then its own policy, then the pod's.
/// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy
extension Pod {
    /// Whether `container` gets a new life after an exit with `code`.
    func restarts(_ container: Container, afterExit code: Int32) -> Bool {
        if container.rule(for: code) != nil { return true }
        switch container.restartPolicy ?? spec.restartPolicy ?? "Always" {
        case "Never": return false
        case "OnFailure": return code != 0
        default: return true
        }
    }

    /// Whether an init container that failed with `code` takes the whole pod with it.
    func failsWith(_ container: Container, exit code: Int32) -> Bool {
        code != 0 && !container.isSidecar && !restarts(container, afterExit: code)
    }

    /// Whether a rule of some container starts the pod over.
    var canRestartAll: Bool {
        allContainers.contains { $0.restartPolicyRules.contains { $0.action == ContainerRestartAction.all } }
    }

    /// Every container, init containers first.
    var allContainers: [Container] { spec.initContainers + spec.containers }
}

extension Container {
    /// An init container that stays: https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
    var isSidecar: Bool { restartPolicy == "Always" }

    /// The first rule that speaks of an exit with `code`.
    func rule(for code: Int32) -> ContainerRestartRule? {
        restartPolicyRules.first { rule in
            guard let codes = rule.exitCodes else { return false }
            switch codes.operator {
            case "In": return codes.values.contains(code)
            case "NotIn": return !codes.values.contains(code)
            default: return false
            }
        }
    }
}

enum ContainerRestartAction {
    /// The whole pod starts over in its sandbox, init containers first.
    static let all = "RestartAllContainers"
}
