internal import APIMachinery

/// Containers of all three sorts.
struct ContainerValidation {
    static let pullPolicies = ["Always", "IfNotPresent", "Never"]
    private static let messagePolicies = ["File", "FallbackToLogsOnError"]
    private static let restartPolicies = ["Always", "Never", "OnFailure"]
    private static let initOnly = "may not be set for init containers without restartPolicy=Always"
    private static let ephemeralOnly = "cannot be set for an Ephemeral Container"

    /// The volumes that may be mounted.
    let volumes: [String: Value]
    /// Names in `spec.resourceClaims`.
    let claims: Set<String>
    let podRestartPolicy: String
    let gracePeriodSeconds: Int64?
    let hostUsers: Bool
    let os: String

    func regular(_ containers: [Value], _ path: FieldPath, _ errors: inout FieldErrors) {
        guard !containers.isEmpty else { return errors.required(path) }
        var names = Set<String>()
        for (index, container) in containers.enumerated() {
            let own = path[index]
            common(container, own, &errors)
            let name = container.text("name")
            if !names.insert(name).inserted { errors.duplicate(own["name"], name) }
            hooksAndProbes(container, own, &errors)
            restart(container, own, &errors)
        }
        hostPorts(containers, path, &errors)
    }

    func initial(
        _ containers: [Value], besides regular: [Value], _ path: FieldPath, _ errors: inout FieldErrors
    ) {
        guard !containers.isEmpty else { return }
        var names = Set(regular.map { $0.text("name") })
        for (index, container) in containers.enumerated() {
            let own = path[index]
            common(container, own, &errors)
            restart(container, own, &errors)
            let name = container.text("name")
            if names.contains(name) {
                errors.duplicate(own["name"], name)
            } else if !name.isEmpty {
                names.insert(name)
            }
            // They run one by one, so each is looked at alone, as the first of a list.
            hostPorts([container], path, &errors)
            if container.text("restartPolicy") == "Always" {
                hooksAndProbes(container, own, &errors)
            } else {
                for field in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"]
                where container.present(field) != nil {
                    errors.forbidden(own[field], Self.initOnly)
                }
            }
        }
    }

    func ephemeral(_ containers: [Value], besides others: [Value], _ path: FieldPath, _ errors: inout FieldErrors) {
        guard !containers.isEmpty else { return }
        let targets = Set(others.map { $0.text("name") })
        var names = targets
        for (index, container) in containers.enumerated() {
            let own = path[index]
            common(container, own, &errors)
            Self.imageSpace(container, own, &errors)
            let name = container.text("name")
            if !names.insert(name).inserted { errors.duplicate(own["name"], name) }
            let target = container.text("targetContainerName")
            if !target.isEmpty, !targets.contains(target) { errors.notFound(own["targetContainerName"], target) }
            for field in [
                "ports", "resources", "resizePolicy", "restartPolicy", "restartPolicyRules", "livenessProbe",
                "readinessProbe", "startupProbe", "lifecycle",
            ] where !(container[field]?.isEmptyValue ?? true) {
                errors.forbidden(own[field], Self.ephemeralOnly)
            }
            for (number, mount) in container.list("volumeMounts").enumerated() {
                for field in ["subPath", "subPathExpr"] where !mount.text(field).isEmpty {
                    errors.forbidden(own["volumeMounts"][number][field], Self.ephemeralOnly)
                }
            }
        }
    }

    /// What templates are spared for the sake of old ones.
    static func imageSpace(_ container: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let image = container.text("image")
        if image != trimmed(image) {
            errors.invalid(path["image"], image, "must not have leading or trailing whitespace")
        }
    }

    private func common(_ container: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let name = container.text("name")
        if name.isEmpty {
            errors.required(path["name"])
        } else {
            errors.violations(path["name"], name, NameValidation.dns1123Label(name))
        }
        if container.text("image").isEmpty { errors.required(path["image"]) }
        errors.requiredOneOf(
            Self.messagePolicies, path["terminationMessagePolicy"], container.text("terminationMessagePolicy"))
        ports(container.list("ports"), path["ports"], &errors)
        EnvironmentValidation(volumes: volumes).validate(container, path, &errors)
        MountValidation(volumes: volumes).validate(container, path, &errors)
        errors.requiredOneOf(Self.pullPolicies, path["imagePullPolicy"], container.text("imagePullPolicy"))
        if let resources = container.present("resources") {
            ResourceRequirementsValidation(claims: claims).container(resources, path["resources"], &errors)
        }
        resizePolicy(container.list("resizePolicy"), path["resizePolicy"], &errors)
        if let context = container.present("securityContext") {
            SecurityContextValidation.container(context, path["securityContext"], hostUsers: hostUsers, &errors)
        }
    }

    private func hooksAndProbes(_ container: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let probes = ProbeValidation(gracePeriodSeconds: gracePeriodSeconds, os: os)
        if let lifecycle = container.present("lifecycle") {
            probes.lifecycle(lifecycle, path["lifecycle"], &errors)
        }
        for kind in ["livenessProbe", "readinessProbe", "startupProbe"] {
            guard let probe = container.present(kind) else { continue }
            probes.probe(probe, kind, path[kind], &errors)
        }
    }

    private func ports(_ ports: [Value], _ path: FieldPath, _ errors: inout FieldErrors) {
        var names: [String] = []
        for (index, port) in ports.enumerated() {
            let own = path[index]
            let name = port.text("name")
            if !name.isEmpty {
                let violations = NameValidation.portName(name)
                errors.violations(own["name"], name, violations)
                if violations.isEmpty, names.contains(name) { errors.duplicate(own["name"], name) }
                if violations.isEmpty { names.append(name) }
            }
            let number = port["containerPort"]?.int ?? 0
            if number == 0 {
                errors.required(own["containerPort"])
            } else {
                PortNumber.check(number, own["containerPort"], &errors)
            }
            if let host = port["hostPort"]?.int, host != 0 { PortNumber.check(host, own["hostPort"], &errors) }
            errors.requiredOneOf(PortNumber.protocols, own["protocol"], port.text("protocol"))
        }
    }

    private func hostPorts(_ containers: [Value], _ path: FieldPath, _ errors: inout FieldErrors) {
        var seen = Set<String>()
        for (index, container) in containers.enumerated() {
            for (number, port) in container.list("ports").enumerated() {
                guard let host = port["hostPort"]?.int, host != 0 else { continue }
                let key = "\(port.text("protocol"))/\(port.text("hostIP"))/\(host)"
                if !seen.insert(key).inserted { errors.duplicate(path[index]["ports"][number]["hostPort"], key) }
            }
        }
    }

    private func resizePolicy(_ policies: [Value], _ path: FieldPath, _ errors: inout FieldErrors) {
        var seen = Set<String>()
        for (index, policy) in policies.enumerated() {
            let (resource, restart) = (policy.text("resourceName"), policy.text("restartPolicy"))
            if !seen.insert(resource).inserted { errors.duplicate(path[index], resource) }
            errors.requiredOneOf(["cpu", "memory"], path, resource)
            errors.requiredOneOf(["NotRequired", "RestartContainer"], path, restart)
            if podRestartPolicy == "Never", restart != "NotRequired" {
                errors.invalid(path, restart, "must be 'NotRequired' when `restartPolicy` is 'Never'")
            }
        }
    }

    private static let rulesMax = 20
    private static let exitCodesMax = 255

    private func restart(_ container: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let rules = container.list("restartPolicyRules")
        if let policy = container.present("restartPolicy")?.string {
            errors.oneOf(Self.restartPolicies, path["restartPolicy"], policy)
        } else if !rules.isEmpty {
            errors.required(path["restartPolicy"], "must specify restartPolicy when restart rules are used")
        }
        let own = path["restartPolicyRules"]
        if rules.count > Self.rulesMax {
            errors.append(.tooMany(own.text, rules.count, max: Self.rulesMax))
        }
        for (index, rule) in rules.enumerated() {
            errors.oneOf(["Restart", "RestartAllContainers"], own[index]["action"], rule.text("action"))
            guard let codes = rule.present("exitCodes") else {
                errors.required(own[index]["exitCodes"], "must be specified")
                continue
            }
            errors.oneOf(["In", "NotIn"], own[index]["exitCodes"]["operator"], codes.text("operator"))
            let values = codes.list("values")
            guard values.count > Self.exitCodesMax else { continue }
            errors.append(
                .tooMany(own[index]["exitCodes"]["values"].text, values.count, max: Self.exitCodesMax))
        }
    }
}

/// Ports by number or name.
enum PortNumber {
    static let protocols = ["SCTP", "TCP", "UDP"]

    static func check(_ number: Int64, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard !(1...65535).contains(number) else { return }
        errors.invalid(path, number, "must be between 1 and 65535, inclusive")
    }

    static func orName(_ value: Value?, _ path: FieldPath, _ errors: inout FieldErrors) {
        if let name = value?.string {
            errors.violations(path, name, NameValidation.portName(name))
        } else {
            check(value?.int ?? 0, path, &errors)
        }
    }
}
