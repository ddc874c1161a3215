internal import APIMachinery
internal import KubeAPI

/// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-conditions
extension PodStatusBuilder {
    private struct Finding {
        var isTrue: Bool
        var reason: String?
        var message: String?
    }

    func conditions(_ status: PodStatus, before: [PodCondition]) -> [PodCondition] {
        let isOver = status.phase == PodPhase.succeeded || status.phase == PodPhase.failed
        var made: [PodCondition] = []
        func add(_ type: String, _ finding: Finding) {
            var condition = PodCondition()
            condition.type = type
            condition.status = finding.isTrue ? "True" : "False"
            condition.reason = finding.reason
            condition.message = finding.message
            condition.observedGeneration = pod.metadata.generation
            made.append(timed(condition, before))
        }
        add("PodReadyToStartContainers", Finding(isTrue: seen.sandbox?.isReady == true && !isOver))
        add("Initialized", initialized(status))
        let containers = containersReady(status)
        add("Ready", ready(containers, before))
        add("ContainersReady", containers)
        if pod.canRestartAll { add("AllContainersRestarting", Finding(isTrue: isRestartingAll)) }
        made += resize.map { timed($0, before) }
        if let verdict, verdict.isDisruption, isOver {
            add(
                PodConditionType.disruptionTarget,
                Finding(isTrue: true, reason: "TerminationByKubelet", message: verdict.message))
        }
        if !before.contains(where: { $0.type == "PodScheduled" }) { add("PodScheduled", Finding(isTrue: true)) }
        // What others wrote stays; of ours, what does not hold any more goes.
        let ours = Self.ownConditions.union(made.map(\.type))
        return made + before.filter { !ours.contains($0.type) }
    }

    private func timed(_ condition: PodCondition, _ before: [PodCondition]) -> PodCondition {
        var condition = condition
        let old = before.first { $0.type == condition.type }
        condition.lastTransitionTime = old?.status == condition.status ? old?.lastTransitionTime : now
        return condition
    }

    private func initialized(_ status: PodStatus) -> Finding {
        if status.phase == PodPhase.succeeded { return Finding(isTrue: true, reason: "PodCompleted") }
        if seen.hasStartedMain(of: pod) { return Finding(isTrue: true) }
        let incomplete = zip(pod.spec.initContainers, status.initContainerStatuses).filter { container, status in
            container.isSidecar ? status.started != true : !status.ready
        }.map(\.0.name)
        let unknown = status.initContainerStatuses.isEmpty ? pod.spec.initContainers.map(\.name) : []
        guard !incomplete.isEmpty || !unknown.isEmpty else { return Finding(isTrue: true) }
        return Finding(
            isTrue: false, reason: "ContainersNotInitialized", message: Self.text(unknown, incomplete, "incomplete"))
    }

    private func containersReady(_ status: PodStatus) -> Finding {
        if status.phase == PodPhase.succeeded { return Finding(isTrue: false, reason: "PodCompleted") }
        if status.phase == PodPhase.failed { return Finding(isTrue: false, reason: "PodFailed") }
        let staying = pod.spec.initContainers.filter(\.isSidecar) + pod.spec.containers
        let statuses = status.initContainerStatuses + status.containerStatuses
        var unknown: [String] = []
        var unready: [String] = []
        for container in staying {
            switch statuses.first(where: { $0.name == container.name })?.ready {
            case nil: unknown.append(container.name)
            case false?: unready.append(container.name)
            case true?: break
            }
        }
        guard !unknown.isEmpty || !unready.isEmpty else { return Finding(isTrue: true) }
        return Finding(isTrue: false, reason: "ContainersNotReady", message: Self.text(unknown, unready, "unready"))
    }

    private func ready(_ containers: Finding, _ before: [PodCondition]) -> Finding {
        guard containers.isTrue else { return containers }
        let missing = pod.spec.readinessGates.compactMap { gate -> String? in
            let type = gate.conditionType
            guard let condition = before.first(where: { $0.type == type }) else {
                return "corresponding condition of pod readiness gate \"\(type)\" does not exist."
            }
            guard condition.status != "True" else { return nil }
            return "the status of pod readiness gate \"\(type)\" is not \"True\", but \(condition.status)"
        }
        guard !missing.isEmpty else { return containers }
        return Finding(isTrue: false, reason: "ReadinessGatesNotReady", message: missing.joined(separator: ", "))
    }

    private static func text(_ unknown: [String], _ lacking: [String], _ word: String) -> String {
        var parts: [String] = []
        if !unknown.isEmpty { parts.append("containers with unknown status: [\(unknown.joined(separator: " "))]") }
        if !lacking.isEmpty { parts.append("containers with \(word) status: [\(lacking.joined(separator: " "))]") }
        return parts.joined(separator: ", ")
    }
}
