internal import APIMachinery

/// Containers of all sorts.
enum ContainerValidation {
    private static let pullPolicies = ["Always", "IfNotPresent", "Never"]
    private static let messagePolicies = ["FallbackToLogsOnError", "File"]

    static func validateAll(_ spec: Value, _ field: String, volumes: Set<String>) -> [FieldError] {
        var errors: [FieldError] = []
        let containers = spec.list("containers")
        if containers.isEmpty { errors.append(.required(field + ".containers")) }
        var names = Set<String>()
        for (index, container) in containers.enumerated() {
            errors += validate(container, "\(field).containers[\(index)]", &names, volumes)
        }
        errors += hostPorts(containers, field + ".containers")
        for (index, container) in spec.list("initContainers").enumerated() {
            let path = "\(field).initContainers[\(index)]"
            errors += validate(container, path, &names, volumes)
            errors += initOnly(container, path)
        }
        for (index, container) in spec.list("ephemeralContainers").enumerated() {
            let path = "\(field).ephemeralContainers[\(index)]"
            errors += validate(container, path, &names, volumes)
            for name in ["ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "resources"]
            where !(container[name]?.isEmptyValue ?? true) {
                errors.append(.forbidden(path + "." + name, "cannot be set for an Ephemeral Container"))
            }
        }
        return errors
    }

    private static func initOnly(_ container: Value, _ path: String) -> [FieldError] {
        let policy = container["restartPolicy"]?.string
        guard policy != "Always" else { return [] }
        var errors: [FieldError] = []
        for name in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"]
        where container.present(name) != nil {
            errors.append(
                .forbidden(path + "." + name, "may not be set for init containers without restartPolicy=Always"))
        }
        return errors
    }

    private static func validate(
        _ container: Value, _ path: String, _ names: inout Set<String>, _ volumes: Set<String>
    ) -> [FieldError] {
        var errors: [FieldError] = []
        let name = container.text("name")
        if name.isEmpty {
            errors.append(.required(path + ".name"))
        } else {
            errors += NameValidation.dns1123Label(name).map { .invalid(path + ".name", name, $0) }
            if !names.insert(name).inserted { errors.append(.duplicate(path + ".name", name)) }
        }
        let image = container.text("image")
        if image.isEmpty {
            errors.append(.required(path + ".image"))
        } else if image != trimmed(image) {
            errors.append(.invalid(path + ".image", image, "must not have leading or trailing whitespace"))
        }
        let message = container.text("terminationMessagePolicy")
        if !messagePolicies.contains(message) {
            errors.append(.notSupported(path + ".terminationMessagePolicy", message, messagePolicies))
        }
        errors += ports(container.list("ports"), path + ".ports")
        errors += EnvironmentValidation.validate(container, path)
        errors += VolumeValidation.mounts(container, path, volumes: volumes)
        let pull = container.text("imagePullPolicy")
        if pull.isEmpty {
            errors.append(.required(path + ".imagePullPolicy"))
        } else if !pullPolicies.contains(pull) {
            errors.append(.notSupported(path + ".imagePullPolicy", pull, pullPolicies))
        }
        errors += ProbeValidation.probes(container, path)
        errors += ResourceValidation.validate(container["resources"] ?? [:], path + ".resources")
        errors += SecurityContextValidation.container(container["securityContext"] ?? [:], path + ".securityContext")
        return errors
    }

    private static func ports(_ ports: [Value], _ field: String) -> [FieldError] {
        var errors: [FieldError] = []
        var names = Set<String>()
        for (index, port) in ports.enumerated() {
            let path = "\(field)[\(index)]"
            let name = port.text("name")
            if !name.isEmpty {
                errors += PortValidation.name(name, path + ".name")
                if !names.insert(name).inserted { errors.append(.duplicate(path + ".name", name)) }
            }
            let number = port["containerPort"]?.int ?? 0
            if number == 0 {
                errors.append(.required(path + ".containerPort"))
            } else {
                errors += PortValidation.number(number, path + ".containerPort")
            }
            if let host = port["hostPort"]?.int, host != 0 {
                errors += PortValidation.number(host, path + ".hostPort")
            }
            let transport = port.text("protocol")
            if !PortValidation.protocols.contains(transport) {
                errors.append(.notSupported(path + ".protocol", transport, PortValidation.protocols))
            }
        }
        return errors
    }

    private static func hostPorts(_ containers: [Value], _ field: String) -> [FieldError] {
        var errors: [FieldError] = []
        var seen = Set<String>()
        for (index, container) in containers.enumerated() {
            for (number, port) in container.list("ports").enumerated() {
                guard let host = port["hostPort"]?.int, host != 0 else { continue }
                let key = "\(port.text("protocol"))/\(port.text("hostIP"))/\(host)"
                if !seen.insert(key).inserted {
                    errors.append(.duplicate("\(field)[\(index)].ports[\(number)].hostPort", key))
                }
            }
        }
        return errors
    }
}

/// Environment variables.
enum EnvironmentValidation {
    static func validate(_ container: Value, _ path: String) -> [FieldError] {
        var errors: [FieldError] = []
        for (index, variable) in container.list("env").enumerated() {
            let own = "\(path).env[\(index)]"
            let name = variable.text("name")
            if name.isEmpty {
                errors.append(.required(own + ".name"))
            } else {
                errors += nameViolations(name).map { .invalid(own + ".name", name, $0) }
            }
            errors += source(variable, own)
        }
        for (index, source) in container.list("envFrom").enumerated() {
            let own = "\(path).envFrom[\(index)]"
            let references = ["configMapRef", "secretRef"].filter { source.present($0) != nil }
            if references.isEmpty {
                errors.append(.invalid(own, "", "must specify one of: `configMapRef` or `secretRef`"))
            }
            for reference in references where (source[reference] ?? [:]).text("name").isEmpty {
                errors.append(.required("\(own).\(reference).name"))
            }
        }
        return errors
    }

    /// Any printable ASCII but `=`.
    private static func nameViolations(_ name: String) -> [String] {
        name.utf8.allSatisfy { (0x20...0x7e).contains($0) && $0 != UInt8(ascii: "=") }
            ? []
            : [
                "a valid environment variable name must consist only of printable ASCII characters other than '=' "
                    + "(regex used for validation is '[ -<>-~]+')"
            ]
    }

    private static func source(_ variable: Value, _ path: String) -> [FieldError] {
        guard let source = variable.present("valueFrom") else { return [] }
        let own = path + ".valueFrom"
        let kinds = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"]
            .filter { source.present($0) != nil }
        var errors: [FieldError] = []
        if kinds.isEmpty {
            errors.append(
                .invalid(
                    own, "",
                    "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
                ))
        } else if !variable.text("value").isEmpty {
            errors.append(.invalid(own, "", "may not be specified when `value` is not empty"))
        } else if kinds.count > 1 {
            errors.append(.invalid(own, "", "may not have more than one field specified at a time"))
        }
        for kind in kinds where kind.hasSuffix("KeyRef") && kind != "fileKeyRef" {
            let reference = source[kind] ?? [:]
            if reference.text("name").isEmpty { errors.append(.required("\(own).\(kind).name")) }
            if reference.text("key").isEmpty {
                errors.append(.required("\(own).\(kind).key"))
            } else {
                errors += NameValidation.configMapKey(reference.text("key")).map {
                    .invalid("\(own).\(kind).key", reference.text("key"), $0)
                }
            }
        }
        if let field = source.present("fieldRef"), field.text("fieldPath").isEmpty {
            errors.append(.required(own + ".fieldRef.fieldPath"))
        }
        return errors
    }
}

/// Probes and hooks.
enum ProbeValidation {
    static func probes(_ container: Value, _ path: String) -> [FieldError] {
        var errors: [FieldError] = []
        for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
            guard let probe = container.present(name) else { continue }
            let own = path + "." + name
            errors += handler(probe, own, ["exec", "httpGet", "tcpSocket", "grpc"])
            errors += WorkloadValidation.nonnegative(
                probe,
                ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"], own)
            if name != "readinessProbe", let threshold = probe["successThreshold"]?.int, threshold != 1 {
                errors.append(.invalid(own + ".successThreshold", threshold, "must be 1"))
            }
            guard let grace = probe["terminationGracePeriodSeconds"]?.int else { continue }
            if name == "readinessProbe" {
                errors.append(
                    .invalid(own + ".terminationGracePeriodSeconds", grace, "must not be set for readinessProbes"))
            } else if grace <= 0 {
                errors.append(.invalid(own + ".terminationGracePeriodSeconds", grace, "must be greater than 0"))
            }
        }
        for hook in ["postStart", "preStop"] {
            guard let handler = container["lifecycle"]?.present(hook) else { continue }
            errors += self.handler(handler, "\(path).lifecycle.\(hook)", ["exec", "httpGet", "tcpSocket", "sleep"])
        }
        return errors
    }

    private static func handler(_ handler: Value, _ path: String, _ kinds: [String]) -> [FieldError] {
        let given = kinds.filter { handler.present($0) != nil }
        guard let kind = given.first else { return [.required(path, "must specify a handler type")] }
        var errors = given.dropFirst().map {
            FieldError.forbidden(path + "." + $0, "may not specify more than 1 handler type")
        }
        let action = handler[kind] ?? [:]
        let own = path + "." + kind
        switch kind {
        case "exec" where action.list("command").isEmpty: errors.append(.required(own + ".command"))
        case "httpGet":
            if action.text("path").isEmpty { errors.append(.required(own + ".path")) }
            errors += PortValidation.numberOrName(action["port"], own + ".port")
            if !["HTTP", "HTTPS"].contains(action.text("scheme")) {
                errors.append(.notSupported(own + ".scheme", action.text("scheme"), ["HTTP", "HTTPS"]))
            }
        case "tcpSocket": errors += PortValidation.numberOrName(action["port"], own + ".port")
        case "grpc": errors += PortValidation.number(action["port"]?.int ?? 0, own + ".port")
        default: break
        }
        return errors
    }
}

/// Requests and limits.
enum ResourceValidation {
    private static let standard: Set<String> = ["cpu", "memory", "ephemeral-storage", "storage"]

    static func validate(_ resources: Value, _ path: String) -> [FieldError] {
        var errors: [FieldError] = []
        let limits = resources["limits"] ?? [:]
        for section in ["limits", "requests"] {
            for (name, value) in resources.entries(section) {
                let own = "\(path).\(section)[\(name)]"
                errors += nameErrors(name, "\(path).\(section)")
                let text = PodQuality.text(value)
                guard let quantity = Quantity(text) else { continue }
                if quantity.sign < 0 {
                    errors.append(.invalid(own, text, "must be greater than or equal to 0"))
                }
                guard section == "requests", let limit = limits[name].flatMap({ Quantity(PodQuality.text($0)) }),
                    limit < quantity
                else { continue }
                errors.append(
                    .invalid("\(path).requests", text, "must be less than or equal to \(name) limit of \(limit)"))
            }
        }
        return errors
    }

    private static func nameErrors(_ name: String, _ field: String) -> [FieldError] {
        let own = "\(field)[\(name)]"
        var errors: [FieldError] = NameValidation.qualifiedName(name).map { .invalid(own, name, $0) }
        if errors.isEmpty, !name.contains("/"), !standard.contains(name), !name.hasPrefix("hugepages-") {
            errors.append(.invalid(own, name, "must be a standard resource for containers"))
            errors.append(.invalid(own, name, "must be a standard resource type or fully qualified"))
        }
        return errors
    }
}
