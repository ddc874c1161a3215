internal import APIMachinery

/// Requests and limits.
struct ResourceRequirementsValidation {
    /// Names in `spec.resourceClaims`.
    let claims: Set<String>

    func container(_ resources: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        validate(resources, path, &errors, ResourceNameRule.checkContainer)
    }

    /// `spec.overhead`, which upstream checks as if it were limits.
    func overhead(_ overhead: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        validate(["limits": overhead], path, &errors, ResourceNameRule.checkContainer)
    }

    /// `spec.resources`: requirements of the pod as a whole.
    func pod(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard let resources = spec.present("resources") else { return }
        if resources.present("claims") != nil {
            errors.forbidden(path["claims"], "claims cannot be set for Resources at pod-level")
        }
        validate(resources, path, &errors, ResourceNameRule.checkPod)
        let requested = resources["requests"] ?? [:]
        for (name, sum) in PodRequests.sum(spec).sorted(by: { $0.key < $1.key }) {
            let own = requested[name].flatMap { Quantity(PodQuality.text($0)) } ?? .zero
            guard own < sum else { continue }
            errors.invalid(
                path["requests"].key(name), own.description,
                "must be greater than or equal to aggregate container requests of \(sum)")
        }
        let limits = resources["limits"] ?? [:]
        for (index, container) in spec.list("containers").enumerated() {
            for (name, value) in sorted(container["resources"]?["limits"]) {
                guard let own = Quantity(PodQuality.text(value)),
                    let limit = limits[name].flatMap({ Quantity(PodQuality.text($0)) }), limit < own
                else { continue }
                errors.invalid(
                    path["containers"][index].key(name)["limits"], own.description,
                    "must be less than or equal to pod limits of \(limit)")
            }
        }
    }

    private func sorted(_ value: Value?) -> [(key: String, value: Value)] { value?.fields?.sorted().entries ?? [] }

    private func validate(
        _ resources: Value, _ path: FieldPath, _ errors: inout FieldErrors,
        _ checkName: (String, FieldPath, inout FieldErrors) -> Void
    ) {
        var hasComputeResource = false
        var hasHugePages = false
        let limits = resources["limits"] ?? [:]
        for section in ["limits", "requests"] {
            for (name, value) in sorted(resources[section]) {
                guard let quantity = Quantity(PodQuality.text(value)) else { continue }
                checkName(name, path[section].key(name), &errors)
                amount(name, quantity, path[section].key(name), &errors)
                if section == "requests" {
                    let limit = limits[name].flatMap { Quantity(PodQuality.text($0)) }
                    request(name, quantity, limit: limit, path, &errors)
                }
                if ResourceNameRule.isHugePages(name) {
                    hasHugePages = true
                    if !ResourceNameRule.isDivisible(name, quantity) {
                        errors.invalid(
                            path[section].key(name), quantity.description,
                            "\(quantity) is not positive integer multiple of \(name)")
                    }
                }
                if name == "cpu" || name == "memory" { hasComputeResource = true }
            }
        }
        if hasHugePages, !hasComputeResource { errors.forbidden(path, "HugePages require cpu or memory") }
        claimNames(resources.list("claims"), path["claims"], &errors)
    }

    private func amount(_ name: String, _ quantity: Quantity, _ path: FieldPath, _ errors: inout FieldErrors) {
        if quantity.sign < 0 {
            errors.invalid(path, quantity.description, "must be greater than or equal to 0")
        }
        if ResourceNameRule.isCounted(name), quantity.milliValue % 1000 != 0 {
            errors.invalid(path, quantity.description, "must be an integer")
        }
    }

    private func request(
        _ name: String, _ quantity: Quantity, limit: Quantity?, _ path: FieldPath, _ errors: inout FieldErrors
    ) {
        let mayOvercommit = ResourceNameRule.mayOvercommit(name)
        guard let limit else {
            if !mayOvercommit {
                errors.required(path["limits"], "Limit must be set for non overcommitable resources")
            }
            return
        }
        if !mayOvercommit, quantity != limit {
            errors.invalid(
                path["requests"], quantity.description, "must be equal to \(name) limit of \(limit)")
        } else if limit < quantity {
            errors.invalid(
                path["requests"], quantity.description, "must be less than or equal to \(name) limit of \(limit)")
        }
    }

    /// Each names a claim of the pod, or one request of it, once.
    private func claimNames(_ references: [Value], _ path: FieldPath, _ errors: inout FieldErrors) {
        var seen = Set<String>()
        for (index, reference) in references.enumerated() {
            let (name, request) = (reference.text("name"), reference.text("request"))
            guard !name.isEmpty else {
                errors.required(path[index])
                continue
            }
            if seen.contains(name) {
                errors.duplicate(path[index], name)
            } else {
                let key = request.isEmpty ? name : name + "/" + request
                if !request.isEmpty {
                    errors.violations(path[index]["request"], request, NameValidation.dns1123Label(request))
                }
                if seen.contains(key) {
                    errors.duplicate(path[index], key)
                } else if request.isEmpty {
                    for other in seen where other.hasPrefix(name + "/") { errors.duplicate(path[index], name) }
                }
                seen.insert(key)
            }
            guard !claims.contains(name) else { continue }
            let known = claims.isEmpty ? " which is empty" : ": " + claims.sorted().joined(separator: ", ")
            errors.append(
                .notFound(path[index].text, name, "must be one of the names in pod.spec.resourceClaims" + known))
        }
    }
}

/// What the name of a resource says about it.
enum ResourceNameRule {
    private static let hugePages = "hugepages-"
    private static let standard: Set<String> = [
        "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.ephemeral-storage",
        "limits.cpu", "limits.memory", "limits.ephemeral-storage", "pods", "resourcequotas", "services",
        "replicationcontrollers", "secrets", "configmaps", "persistentvolumeclaims", "storage", "requests.storage",
        "services.nodeports", "services.loadbalancers",
    ]
    private static let counted: Set<String> = [
        "pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "configmaps",
        "persistentvolumeclaims", "services.nodeports", "services.loadbalancers",
    ]

    static func isHugePages(_ name: String) -> Bool { name.hasPrefix(hugePages) }

    /// Kubernetes' own, as opposed to what a vendor names.
    static func isNative(_ name: String) -> Bool { !name.contains("/") || name.contains("kubernetes.io/") }

    static func mayOvercommit(_ name: String) -> Bool { isNative(name) && !isHugePages(name) }

    static func isExtended(_ name: String) -> Bool {
        !isNative(name) && !name.hasPrefix("requests.") && NameValidation.qualifiedName("requests." + name).isEmpty
    }

    /// Resources of which there are no fractions.
    static func isCounted(_ name: String) -> Bool { counted.contains(name) || isExtended(name) }

    static func isDivisible(_ name: String, _ quantity: Quantity) -> Bool {
        guard let page = Quantity(name.dropFirst(hugePages.count)), page.sign > 0, page.isInteger, page.value > 0
        else { return false }
        return quantity.value % page.value == 0
    }

    /// A name that any kind of object may use.
    static func check(_ name: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        let violations = NameValidation.qualifiedName(name)
        errors.violations(path, name, violations)
        guard violations.isEmpty, !name.contains("/"), !standard.contains(name), !isHugePages(name),
            !name.hasPrefix("requests." + hugePages)
        else { return }
        errors.invalid(path, name, "must be a standard resource type or fully qualified")
    }

    static func checkContainer(_ name: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        if name == "cpu" || name == "memory" { return }
        check(name, path, &errors)
        if !name.contains("/") {
            guard name != "ephemeral-storage", !isHugePages(name) else { return }
            errors.invalid(path, name, "must be a standard resource for containers")
        } else if !isNative(name), !isExtended(name) {
            errors.invalid(path, name, "doesn't follow extended resource name standard")
        }
    }

    static func checkPod(_ name: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        let before = errors.count
        check(name, path, &errors)
        guard errors.count == before, name != "cpu", name != "memory", !isHugePages(name) else { return }
        errors.notSupported(path, name, ["cpu", "memory"])
    }
}

/// What the containers of a pod request together.
enum PodRequests {
    /// Regular containers and sidecars run at the same time; other init containers one by one before them.
    static func sum(_ spec: Value) -> [String: Quantity] {
        var total: [String: Quantity] = [:]
        for container in spec.list("containers") { add(container, to: &total) }
        var sidecars: [String: Quantity] = [:]
        var peak: [String: Quantity] = [:]
        for container in spec.list("initContainers") {
            if container.text("restartPolicy") == "Always" {
                add(container, to: &total)
                add(container, to: &sidecars)
                peak.merge(sidecars) { max($0, $1) }
            } else {
                var needed = sidecars
                add(container, to: &needed)
                peak.merge(needed) { max($0, $1) }
            }
        }
        return total.merging(peak) { max($0, $1) }
    }

    private static func max(_ left: Quantity, _ right: Quantity) -> Quantity { left < right ? right : left }

    private static func add(_ container: Value, to total: inout [String: Quantity]) {
        for (name, value) in container["resources"]?.entries("requests") ?? [] {
            guard let quantity = Quantity(PodQuality.text(value)) else { continue }
            total[name] = (total[name] ?? .zero) + quantity
        }
    }
}
