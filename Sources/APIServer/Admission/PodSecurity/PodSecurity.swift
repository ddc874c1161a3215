internal import APIMachinery
internal import Storage

/// Holds pods to the standard that their namespace's labels name, and warns of templates whose pods would be refused.
struct PodSecurity: AdmissionPlugin {
    let store: any Store
    /// `/registry/namespaces/`
    let namespaces: String
    /// `/registry/pods/`
    let pods: String

    /// Most pods looked at when the level of a namespace rises.
    private static let checkedPodsMax = 3000

    /// Where the kinds keep their pod template.
    private static let templates: [ResourceID: [String]] = [
        ResourceID(group: "", plural: "replicationcontrollers"): ["spec", "template"],
        ResourceID(group: "", plural: "podtemplates"): ["template"],
        ResourceID(group: "apps", plural: "deployments"): ["spec", "template"],
        ResourceID(group: "apps", plural: "replicasets"): ["spec", "template"],
        ResourceID(group: "apps", plural: "daemonsets"): ["spec", "template"],
        ResourceID(group: "apps", plural: "statefulsets"): ["spec", "template"],
        ResourceID(group: "batch", plural: "jobs"): ["spec", "template"],
        ResourceID(group: "batch", plural: "cronjobs"): ["spec", "jobTemplate", "spec", "template"],
    ]
    /// Writes below a pod that change what runs.
    private static let podSubresources: Set<String> = ["", "ephemeralcontainers", "resize"]

    func concerns(_ resource: Resource) -> Bool {
        Self.templates[resource.id] != nil
            || (resource.id.group.isEmpty && ["pods", "namespaces"].contains(resource.id.plural))
    }

    func validate(_ request: inout AdmissionRequest) async throws(APIError) {
        guard request.operation == .create || request.operation == .update else { return }
        if request.isFor("", "namespaces") { return try checkNamespace(&request) }
        if request.isFor("", "pods") { return try checkPod(&request) }
        guard request.subresource.isEmpty else { return }
        let policy = policy(of: request.namespace)
        guard policy.warn.level > .privileged, let path = Self.templates[request.resource.id] else { return }
        var template: Value? = request.object
        for key in path { template = template?[key] }
        guard let template, let spec = template.present("spec") else { return }
        warn(&request, policy, template.metadata, spec)
    }

    private func policy(of namespace: String) -> PodSecurityPolicy {
        guard let stored = store.get(namespaces + namespace) else { return PodSecurityPolicy(labels: [:]) }
        return PodSecurityPolicy(labels: MetadataScanner(json: stored.value).metadata.labels)
    }

    private func warn(_ request: inout AdmissionRequest, _ policy: PodSecurityPolicy, _ metadata: Value, _ spec: Value)
    {
        let found = PodSecurityChecks.violations(policy.warn, metadata: metadata, spec: spec)
        guard !found.isEmpty else { return }
        request.warnings.append("would violate PodSecurity \(quoted(policy.warn.description)): \(found.details)")
    }

    // MARK: Pods

    private func checkPod(_ request: inout AdmissionRequest) throws(APIError) {
        guard Self.podSubresources.contains(request.subresource) else { return }
        let policy = policy(of: request.namespace)
        guard !policy.isPrivileged else { return }
        if let old = request.old, !Self.isSignificant(request.object, old) { return }
        let metadata = request.object.metadata
        let spec = request.object["spec"] ?? [:]
        let found = PodSecurityChecks.violations(policy.enforce, metadata: metadata, spec: spec)
        guard found.isEmpty else {
            throw request.forbidden("violates PodSecurity \(quoted(policy.enforce.description)): \(found.details)")
        }
        warn(&request, policy, metadata, spec)
    }

    /// Most of a pod cannot change; of what can, only this matters here.
    private static func isSignificant(_ pod: Value, _ old: Value) -> Bool {
        let spec = pod["spec"] ?? [:]
        let oldSpec = old["spec"] ?? [:]
        let annotations = pod.metadata.stringMap("annotations")
        let oldAnnotations = old.metadata.stringMap("annotations")
        for list in ["containers", "initContainers", "ephemeralContainers"] {
            let containers = spec.list(list)
            let before = oldSpec.list(list)
            if containers.count != before.count { return true }
            for container in containers {
                let name = container.text("name")
                guard let match = before.first(where: { $0.text("name") == name }) else { return true }
                let key = "container.seccomp.security.alpha.kubernetes.io/" + name
                if container.text("image") != match.text("image") || annotations[key] != oldAnnotations[key] {
                    return true
                }
            }
        }
        return false
    }

    // MARK: Namespaces

    private func checkNamespace(_ request: inout AdmissionRequest) throws(APIError) {
        guard request.subresource.isEmpty else { return }
        let policy = PodSecurityPolicy(labels: request.object.metadata.stringMap("labels"))
        func refuse() throws(APIError) {
            throw .invalid(request.resource.kind, request.object.name, policy.errors)
        }
        guard let old = request.old else {
            if !policy.errors.isEmpty { try refuse() }
            return
        }
        let before = PodSecurityPolicy(labels: old.metadata.stringMap("labels"))
        if !policy.errors.isEmpty, policy.errors != before.errors { try refuse() }
        let enforce = policy.enforce
        guard enforce != before.enforce, enforce.level > .privileged,
            enforce.minor != before.enforce.minor || enforce.level > before.enforce.level
        else { return }
        request.warnings += warnings(of: request.object.name, enforce)
    }

    /// What the pods that are there already would be refused for.
    private func warnings(of namespace: String, _ standard: PodSecurityStandard) -> [String] {
        guard
            let list = try? store.list(
                prefix: pods + namespace + "/", startKey: nil, limit: Self.checkedPodsMax, at: nil)
        else { return [] }
        var first: [String: (pod: String, count: Int)] = [:]
        for object in list.objects {
            guard let pod = try? Value(json: object.value) else { continue }
            let found = PodSecurityChecks.violations(standard, metadata: pod.metadata, spec: pod["spec"] ?? [:])
            guard !found.isEmpty else { continue }
            let known = first[found.reasons]
            first[found.reasons] = (known?.pod ?? pod.name, (known?.count ?? 0) + 1)
        }
        var warnings: [String] = []
        if list.remaining > 0 {
            warnings.append(
                "new PodSecurity enforce level only checked against the first \(list.objects.count) of "
                    + "\(list.objects.count + list.remaining) existing pods")
        }
        guard !first.isEmpty else { return warnings }
        warnings.append(
            "existing pods in namespace \(quoted(namespace)) violate the new PodSecurity enforce level "
                + quoted(standard.description))
        let lines = first.map { reasons, seen in
            switch seen.count {
            case 1: "\(seen.pod): \(reasons)"
            case 2: "\(seen.pod) (and 1 other pod): \(reasons)"
            default: "\(seen.pod) (and \(seen.count - 1) other pods): \(reasons)"
            }
        }
        return warnings + lines.sorted()
    }
}
