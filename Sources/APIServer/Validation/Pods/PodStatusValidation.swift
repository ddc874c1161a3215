internal import APIMachinery

/// `pods/status`: what a kubelet may report.
enum PodStatusValidation {
    private static let status = FieldPath.root("status")
    private static let systemConditions: Set<String> = ["PodScheduled", "Ready", "Initialized"]

    static func validate(_ pod: Value, from old: Value) -> [FieldError] {
        var errors = FieldErrors()
        let metadata = FieldPath.root("metadata")
        PodAnnotationValidation.validateUpdate(pod, from: old, metadata["annotations"], &errors)
        let (new, kept) = (pod["status"] ?? [:], old["status"] ?? [:])
        let spec = old["spec"] ?? [:]
        for (index, condition) in new.list("conditions").enumerated() {
            let type = condition.text("type")
            guard !systemConditions.contains(type) else { continue }
            errors.violations(metadata["conditions"][index]["Type"], type, NameValidation.qualifiedName(type))
        }
        let node = new.text("nominatedNodeName")
        if node != kept.text("nominatedNodeName"), !node.isEmpty {
            errors.violations(status["nominatedNodeName"], node, NameValidation.dns1123Subdomain(node))
        }
        if new["qosClass"] != kept["qosClass"] {
            errors.invalid(status["qosClass"], new["qosClass"], "field is immutable")
        }
        transitions(new, kept, spec, &errors)
        claims(new, spec, &errors)
        addresses(new, "podIPs", &errors)
        addresses(new, "hostIPs", &errors)
        for kind in statusKinds { users(new.list(kind), spec, status[kind], &errors) }
        for (index, container) in new.list("ephemeralContainerStatuses").enumerated()
        where !container.list("allocatedResourcesStatus").isEmpty {
            errors.forbidden(
                status["ephemeralContainerStatuses"][index]["allocatedResourcesStatus"],
                "must not be specified in container status")
        }
        return errors.list
    }

    private static let statusKinds = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"]

    /// What has ended for good does not run again.
    private static func transitions(_ new: Value, _ kept: Value, _ spec: Value, _ errors: inout FieldErrors) {
        let startsOver = (spec.list("initContainers") + spec.list("containers")).contains { container in
            container.list("restartPolicyRules").contains { $0.text("action") == "RestartAllContainers" }
        }
        for kind in statusKinds where !startsOver || kind == "ephemeralContainerStatuses" {
            let policy = kind == "ephemeralContainerStatuses" ? "Never" : spec.text("restartPolicy")
            guard policy != "Always" else { continue }
            let containers = kind == "initContainerStatuses" ? spec.list("initContainers") : spec.list("containers")
            for (index, old) in kept.list(kind).enumerated() {
                guard let ended = old["state"]?.present("terminated") else { continue }
                if policy == "OnFailure", ended["exitCode"]?.int ?? 0 != 0 { continue }
                let name = old.text("name")
                let own = containers.first { $0.text("name") == name }
                if kind != "ephemeralContainerStatuses", mayRestart(own, ended) { continue }
                for status in new.list(kind)
                where status.text("name") == name && status["state"]?.present("terminated") == nil {
                    errors.forbidden(
                        Self.status[kind][index]["state"], "may not be transitioned to non-terminated state")
                }
            }
        }
    }

    /// A container's own policy and rules come before the pod's.
    private static func mayRestart(_ container: Value?, _ ended: Value) -> Bool {
        guard let container, let policy = container.present("restartPolicy")?.string else { return false }
        return policy == "Always" || policy == "OnFailure" && ended["exitCode"]?.int ?? 0 != 0
            || !container.list("restartPolicyRules").isEmpty
    }

    private static func claims(_ new: Value, _ spec: Value, _ errors: inout FieldErrors) {
        let known = spec.list("resourceClaims").map { $0.text("name") }
        var seen = Set<String>()
        for (index, claim) in new.list("resourceClaimStatuses").enumerated() {
            let own = status["resourceClaimStatuses"][index]["name"]
            let name = claim.text("name")
            if !known.contains(name) {
                errors.invalid(own, name, "must match the name of an entry in `spec.resourceClaims`")
            }
            if !seen.insert(name).inserted { errors.duplicate(own, name) }
            guard let object = claim.present("resourceClaimName")?.string else { continue }
            errors.violations(own, object, NameValidation.dns1123Subdomain(object))
        }
    }

    private static func addresses(_ new: Value, _ kind: String, _ errors: inout FieldErrors) {
        let list = new.list(kind)
        guard !list.isEmpty else { return }
        let texts = list.map { $0.text("ip") }
        if kind == "hostIPs", new.text("hostIP") != texts[0] {
            errors.invalid(status[kind][0]["ip"], texts[0], "must be equal to `hostIP`")
        }
        for (index, text) in texts.enumerated() {
            errors.append(AddressValidation.address(text, status[kind][index].text))
        }
        guard texts.count > 1 else { return }
        func shown(_ address: Value) -> Value { ["IP": .string(address.text("ip"))] }
        let isDual = texts.contains { $0.contains(":") } && texts.contains { !$0.contains(":") }
        if !isDual || texts.count > 2 {
            errors.invalid(
                status[kind], .array(list.map(shown)), "may specify no more than one IP for each IP family")
        }
        var seen = Set<String>()
        for (index, text) in texts.enumerated() where !seen.insert(text).inserted {
            errors.duplicate(status[kind][index], shown(list[index]))
        }
    }

    private static func users(
        _ statuses: [Value], _ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors
    ) {
        for (index, container) in statuses.enumerated() {
            guard let user = container["user"]?.present("linux") else { continue }
            let own = path[index]["linux"]
            if spec["os"]?.text("name") == "windows" {
                errors.forbidden(own, "cannot be set for a windows pod")
                continue
            }
            SecurityContextValidation.identity(user["uid"]?.int, own["uid"], &errors)
            SecurityContextValidation.identity(user["gid"]?.int, own["gid"], &errors)
            for (number, group) in user.list("supplementalGroups").enumerated() {
                SecurityContextValidation.identity(group.int, own["supplementalGroups"][number], &errors)
            }
        }
    }
}
