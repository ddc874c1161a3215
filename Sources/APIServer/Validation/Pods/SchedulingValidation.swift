internal import APIMachinery

/// Parts of a pod's spec that decide where it runs and whom it finds.
enum SchedulingValidation {
    private static let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"]
    private static let nameserversMax = 3
    private static let searchPathsMax = 32
    private static let searchCharactersMax = 2048

    static func tolerations(_ tolerations: [Value], _ path: FieldPath, _ errors: inout FieldErrors) {
        for (index, toleration) in tolerations.enumerated() {
            let own = path[index]
            let (key, value) = (toleration.text("key"), toleration.text("value"))
            let (condition, effect) = (toleration.text("operator"), toleration.text("effect"))
            if !key.isEmpty { errors.violations(own["key"], key, NameValidation.qualifiedName(key)) }
            if key.isEmpty, condition != "Exists" {
                errors.invalid(
                    own["operator"], condition,
                    "operator must be Exists when `key` is empty, which means \"match all values and all keys\"")
            }
            if toleration.present("tolerationSeconds") != nil, effect != "NoExecute" {
                errors.invalid(
                    own["effect"], effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")
            }
            switch condition {
            case "", "Equal":
                let violations = NameValidation.labelValue(value)
                if !violations.isEmpty {
                    errors.invalid(own["operator"], value, violations.joined(separator: ";"))
                }
            case "Exists":
                if !value.isEmpty {
                    errors.invalid(own["operator"], value, "value must be empty when `operator` is 'Exists'")
                }
            default: errors.notSupported(own["operator"], condition, ["Equal", "Exists"])
            }
            if !effect.isEmpty { errors.oneOf(effects, own["effect"], effect) }
        }
    }

    /// `readinessGates` and `schedulingGates`.
    static func gates(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        for (index, gate) in spec.list("readinessGates").enumerated() {
            let type = gate.text("conditionType")
            errors.violations(
                path["readinessGates"][index]["conditionType"], type, NameValidation.qualifiedName(type))
        }
        var seen = Set<String>()
        for (index, gate) in spec.list("schedulingGates").enumerated() {
            let name = gate.text("name")
            errors.violations(path["schedulingGates"][index], name, NameValidation.qualifiedName(name))
            if !seen.insert(name).inserted { errors.duplicate(path["schedulingGates"][index], name) }
        }
    }

    static func dns(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let config = spec.present("dnsConfig")
        let servers = config?.list("nameservers") ?? []
        if spec.text("dnsPolicy") == "None" {
            guard config != nil else {
                return errors.required(path, "must provide `dnsConfig` when `dnsPolicy` is None")
            }
            guard !servers.isEmpty else {
                return errors.required(
                    path["nameservers"], "must provide at least one DNS nameserver when `dnsPolicy` is None")
            }
        }
        guard let config else { return }
        if servers.count > nameserversMax {
            errors.invalid(
                path["nameservers"], .array(servers), "must not have more than \(nameserversMax) nameservers")
        }
        for (index, server) in servers.enumerated() {
            errors.append(AddressValidation.address(server.string ?? "", path["nameservers"][index].text))
        }
        searches(config.list("searches").map { $0.string ?? "" }, path["searches"], &errors)
        for (index, option) in config.list("options").enumerated() where option.text("name").isEmpty {
            errors.required(path["options"][index], "must not be empty")
        }
    }

    private static func searches(_ searches: [String], _ path: FieldPath, _ errors: inout FieldErrors) {
        if searches.count > searchPathsMax {
            errors.invalid(path, .strings(searches), "must not have more than \(searchPathsMax) search paths")
        }
        if searches.reduce(searches.count - 1, { $0 + $1.utf8.count }) > searchCharactersMax {
            errors.invalid(
                path, .strings(searches),
                "must not have more than \(searchCharactersMax) characters (including spaces) in the search list")
        }
        for (index, search) in searches.enumerated() where search != "." {
            let name = search.hasSuffix(".") ? String(search.dropLast()) : search
            errors.violations(path[index], name, NameValidation.dns1123SubdomainWithUnderscore(name))
        }
    }

    static func spread(_ constraints: [Value], _ path: FieldPath, _ errors: inout FieldErrors) {
        for (index, constraint) in constraints.enumerated() {
            let own = path[index]
            let (key, action) = (constraint.text("topologyKey"), constraint.text("whenUnsatisfiable"))
            let skew = constraint["maxSkew"]?.int ?? 0
            if skew <= 0 { errors.invalid(own["maxSkew"], skew, "must be greater than zero") }
            if key.isEmpty { errors.required(own["topologyKey"], "can not be empty") }
            errors.oneOf(["DoNotSchedule", "ScheduleAnyway"], own["whenUnsatisfiable"], action)
            if constraints[(index + 1)...].contains(where: {
                $0.text("topologyKey") == key && $0.text("whenUnsatisfiable") == action
            }) {
                errors.duplicate(own["{topologyKey, whenUnsatisfiable}"], "{\(key), \(action)}")
            }
            if let domains = constraint["minDomains"]?.int {
                if domains <= 0 { errors.invalid(own["minDomains"], domains, "must be greater than zero") }
                if action != "DoNotSchedule" {
                    errors.invalid(
                        own["minDomains"], domains,
                        "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not \(action)")
                }
            }
            for policy in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
                guard let value = constraint.present(policy)?.string else { continue }
                errors.oneOf(["Honor", "Ignore"], own[policy], value)
            }
            let selector = constraint.present("labelSelector")
            AffinityValidation.labelKeys(constraint, selector, own, doubled: own["matchLabelKeys"], &errors)
            LabelSelectorValidation.validate(selector, own["labelSelector"], &errors)
        }
    }
}
