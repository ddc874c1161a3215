internal import APIMachinery

/// Ingresses: rules, backends, TLS.
struct IngressValidation {
    private static let classAnnotation = "kubernetes.io/ingress.class"
    private static let pathTypes = ["Exact", "ImplementationSpecific", "Prefix"]
    private static let forbiddenSequences = ["//", "/./", "/../", "%2f", "%2F"]
    private static let forbiddenSuffixes = ["/..", "/."]

    /// What was stored may have been let in by older rules.
    var allowsAnySecretName = false
    var allowsAnyWildcardRule = false

    init() {}

    init(stored: Value) {
        let spec = stored["spec"] ?? [:]
        allowsAnySecretName = spec.list("tls").contains { !Self.secretNameViolations($0.text("secretName")).isEmpty }
        allowsAnyWildcardRule = spec.list("rules").contains { rule in
            guard rule.text("host").contains("*") else { return false }
            var errors = FieldErrors()
            IngressValidation().paths(rule, .root(""), &errors)
            return !errors.isEmpty
        }
    }

    func validate(_ ingress: Value) -> [FieldError] {
        let spec = ingress["spec"] ?? [:]
        let path = FieldPath.root("spec")
        var errors = FieldErrors()
        let backend = spec.present("defaultBackend")
        if spec.list("rules").isEmpty, backend == nil {
            errors.invalid(path, Value.null, "either `defaultBackend` or `rules` must be specified")
        }
        if let backend { Self.backend(backend, path["defaultBackend"], &errors) }
        for (index, rule) in spec.list("rules").enumerated() { self.rule(rule, path["rules"][index], &errors) }
        for (index, tls) in spec.list("tls").enumerated() { self.tls(tls, path["tls"][index], &errors) }
        if let name = spec["ingressClassName"]?.string { errors.subdomain(path["ingressClassName"], name) }
        return errors.list
    }

    /// The class in the annotation from before the field must be the field's.
    static func classMismatch(_ ingress: Value) -> [FieldError] {
        guard let annotation = ingress.metadata["annotations"]?[classAnnotation]?.string,
            let name = ingress[path: "spec", "ingressClassName"]?.string, name != annotation
        else { return [] }
        return [
            .invalid(
                "annotations." + classAnnotation, annotation,
                "must match `ingressClassName` when both are specified")
        ]
    }

    static func createWarnings(_ ingress: Value) -> [String] {
        guard ingress.metadata["annotations"]?[classAnnotation] != nil else { return [] }
        return ["annotation \(quoted(classAnnotation)) is deprecated, please use 'spec.ingressClassName' instead"]
    }

    private func rule(_ rule: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let host = rule.text("host")
        if !host.isEmpty {
            if IPText(host) != nil { errors.invalid(path["host"], host, "must be a DNS name, not an IP address") }
            errors.violations(path["host"], host, DomainNames.hostViolations(host))
        }
        if allowsAnyWildcardRule, host.contains("*") { return }
        paths(rule, path, &errors)
    }

    private func paths(_ rule: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard let http = rule.present("http") else { return }
        let own = path["http"]["paths"]
        if http.list("paths").isEmpty { errors.required(own) }
        for (index, element) in http.list("paths").enumerated() { Self.path(element, own[index], &errors) }
    }

    private static func path(_ element: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard let type = element["pathType"]?.string else {
            return errors.required(path["pathType"], "pathType must be specified")
        }
        let text = element.text("path")
        switch type {
        case "Exact", "Prefix":
            if !text.hasPrefix("/") { errors.invalid(path["path"], text, "must be an absolute path") }
            for sequence in forbiddenSequences where text.contains(sequence) {
                errors.invalid(path["path"], text, "must not contain '\(sequence)'")
            }
            for suffix in forbiddenSuffixes where text.hasSuffix(suffix) {
                errors.invalid(path["path"], text, "cannot end with '\(suffix)'")
            }
        case "ImplementationSpecific":
            if !text.isEmpty, !text.hasPrefix("/") { errors.invalid(path["path"], text, "must be an absolute path") }
        default: errors.notSupported(path["pathType"], type, pathTypes)
        }
        backend(element["backend"] ?? [:], path["backend"], &errors)
    }

    private static func backend(_ backend: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        switch (backend.present("resource"), backend.present("service")) {
        case (.some, .some): errors.invalid(path, "", "cannot set both resource and service backends")
        case (let resource?, nil): typedReference(resource, path["resource"], &errors)
        case (nil, let service?): self.service(service, path, &errors)
        case (nil, nil): errors.invalid(path, "", "resource or service backend is required")
        }
    }

    private static func service(_ service: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let own = path["service"]
        let name = service.text("name")
        if name.isEmpty {
            errors.required(own["name"])
        } else {
            errors.violations(own["name"], name, NameValidation.dns1123Label(name))
        }
        let port = service["port"] ?? [:]
        switch (port.text("name"), port["number"]?.int ?? 0) {
        case ("", 0): errors.required(path, "port name or number is required")
        case ("", let number): errors.portNumber(own["port"]["number"], number)
        case (let name, 0): errors.violations(own["port"]["name"], name, NameValidation.portName(name))
        default: errors.invalid(path, "", "cannot set both port name & port number")
        }
    }

    /// A reference to an object of the same namespace.
    static func typedReference(_ reference: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        if let group = reference["apiGroup"]?.string { errors.subdomain(path["apiGroup"], group) }
        for part in ["kind", "name"] {
            let text = reference.text(part)
            if text.isEmpty { errors.required(path[part]) } else { errors.pathSegment(path[part], text) }
        }
    }

    private func tls(_ tls: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        for (index, host) in tls.list("hosts").enumerated() {
            let text = host.string ?? ""
            errors.violations(path["hosts"][index], text, DomainNames.hostViolations(text))
        }
        guard !allowsAnySecretName else { return }
        let name = tls.text("secretName")
        errors.violations(path["secretName"], name, Self.secretNameViolations(name))
    }

    private static func secretNameViolations(_ name: String) -> [String] {
        name.isEmpty ? [] : NameValidation.dns1123Subdomain(name)
    }

    static func status(_ ingress: Value, from old: Value) -> [FieldError] {
        let entries = ingress[path: "status", "loadBalancer", "ingress"]?.array ?? []
        let kept = (old[path: "status", "loadBalancer", "ingress"]?.array ?? []).map { $0.text("ip") }
        var errors = FieldErrors()
        for (index, entry) in entries.enumerated() {
            let path = FieldPath.root("status.loadBalancer.ingress")[index]
            let address = entry.text("ip")
            if !address.isEmpty { errors.append(AddressValidation.address(address, path["ip"].text, kept: kept)) }
            let host = entry.text("hostname")
            guard !host.isEmpty else { continue }
            errors.subdomain(path["hostname"], host)
            if IPText(host) != nil { errors.invalid(path["hostname"], host, "must be a DNS name, not an IP address") }
        }
        return errors.list
    }
}
