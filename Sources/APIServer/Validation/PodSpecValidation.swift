internal import APIMachinery

/// Upstream's ValidatePodSpec: the parts of a pod that are not containers or volumes.
enum PodSpecValidation {
    private static let dnsPolicies = ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]
    private static let effects = ["NoExecute", "NoSchedule", "PreferNoSchedule"]

    static func validate(
        _ spec: Value, _ field: String, restartPolicies: [String], claims: [String] = []
    ) -> [FieldError] {
        let (errorsOfVolumes, volumes) = VolumeValidation.validate(spec.list("volumes"), field + ".volumes")
        var errors = errorsOfVolumes
        errors += ContainerValidation.validateAll(spec, field, volumes: volumes.union(claims))
        let restart = spec.text("restartPolicy")
        if restart.isEmpty {
            errors.append(.required(field + ".restartPolicy"))
        } else if !restartPolicies.contains(restart) {
            errors.append(.notSupported(field + ".restartPolicy", restart, restartPolicies))
        }
        let dns = spec.text("dnsPolicy")
        if !dnsPolicies.contains(dns) { errors.append(.notSupported(field + ".dnsPolicy", dns, dnsPolicies)) }
        if dns == "None", (spec["dnsConfig"] ?? [:]).list("nameservers").isEmpty {
            errors.append(
                .required(
                    field + ".dnsConfig.nameservers",
                    "must provide at least one DNS nameserver when `dnsPolicy` is None"))
        }
        errors += ObjectMetaValidation.labelMap(spec["nodeSelector"], field + ".nodeSelector")
        for (name, rule) in [
            ("nodeName", NameRule.subdomain), ("serviceAccountName", .subdomain), ("priorityClassName", .subdomain),
        ] {
            let text = spec.text(name)
            guard !text.isEmpty else { continue }
            errors += rule.violations(text, isPrefix: false).map { .invalid(field + "." + name, text, $0) }
        }
        for name in ["hostname", "subdomain"] {
            let text = spec.text(name)
            guard !text.isEmpty else { continue }
            errors += NameValidation.dns1123Label(text).map { .invalid(field + "." + name, text, $0) }
        }
        errors += numbers(spec, field)
        errors += tolerations(spec.list("tolerations"), field + ".tolerations")
        errors += lists(spec, field)
        errors += SecurityContextValidation.pod(spec["securityContext"] ?? [:], field + ".securityContext")
        errors += AffinityValidation.validate(spec["affinity"] ?? [:], field + ".affinity")
        if let system = spec[path: "os", "name"]?.string, !["linux", "windows"].contains(system) {
            errors.append(.notSupported(field + ".os", system, ["linux", "windows"]))
        }
        return errors
    }

    private static func numbers(_ spec: Value, _ field: String) -> [FieldError] {
        var errors: [FieldError] = []
        if let seconds = spec["activeDeadlineSeconds"]?.int, !(1...Int64(Int32.max)).contains(seconds) {
            errors.append(
                .invalid(field + ".activeDeadlineSeconds", seconds, "must be between 1 and 2147483647, inclusive"))
        }
        let policy = spec.text("preemptionPolicy")
        if !policy.isEmpty, !["Never", "PreemptLowerPriority"].contains(policy) {
            errors.append(.notSupported(field + ".preemptionPolicy", policy, ["Never", "PreemptLowerPriority"]))
        }
        return errors
    }

    static func tolerations(_ tolerations: [Value], _ field: String) -> [FieldError] {
        var errors: [FieldError] = []
        for (index, toleration) in tolerations.enumerated() {
            let path = "\(field)[\(index)]"
            let key = toleration.text("key")
            if !key.isEmpty {
                errors += NameValidation.qualifiedName(key).map { .invalid(path + ".key", key, $0) }
            }
            let operation = toleration.text("operator")
            if key.isEmpty, operation != "Exists" {
                errors.append(
                    .invalid(
                        path + ".operator", operation,
                        "operator must be Exists when `key` is empty, which means \"match all values and all keys\""))
            }
            let effect = toleration.text("effect")
            if toleration.present("tolerationSeconds") != nil, effect != "NoExecute" {
                errors.append(
                    .invalid(
                        path + ".effect", effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"))
            }
            switch operation {
            case "", "Equal":
                let value = toleration.text("value")
                errors += NameValidation.labelValue(value).map { .invalid(path + ".operator", value, $0) }
            case "Exists":
                if !toleration.text("value").isEmpty {
                    errors.append(
                        .invalid(
                            path + ".operator", toleration.text("value"),
                            "value must be empty when `operator` is 'Exists'"))
                }
            default:
                errors.append(.notSupported(path + ".operator", operation, ["Equal", "Exists"]))
            }
            if !effect.isEmpty, !effects.contains(effect) {
                errors.append(.notSupported(path + ".effect", effect, effects))
            }
        }
        return errors
    }

    private static func lists(_ spec: Value, _ field: String) -> [FieldError] {
        var errors: [FieldError] = []
        for (index, secret) in spec.list("imagePullSecrets").enumerated() where secret.text("name").isEmpty {
            errors.append(.required("\(field).imagePullSecrets[\(index)].name"))
        }
        for (index, alias) in spec.list("hostAliases").enumerated() {
            let path = "\(field).hostAliases[\(index)]"
            errors += AddressValidation.address(alias.text("ip"), path + ".ip")
            for (number, name) in alias.list("hostnames").enumerated() {
                let text = name.string ?? ""
                errors += NameValidation.dns1123Subdomain(text).map {
                    .invalid("\(path).hostnames[\(number)]", text, $0)
                }
            }
        }
        var seen = Set<String>()
        for (index, constraint) in spec.list("topologySpreadConstraints").enumerated() {
            let path = "\(field).topologySpreadConstraints[\(index)]"
            if constraint["maxSkew"]?.int ?? 0 <= 0 {
                errors.append(.invalid(path + ".maxSkew", constraint["maxSkew"]?.int ?? 0, "must be greater than zero"))
            }
            let key = constraint.text("topologyKey")
            if key.isEmpty { errors.append(.required(path + ".topologyKey", "can not be empty")) }
            let action = constraint.text("whenUnsatisfiable")
            if !["DoNotSchedule", "ScheduleAnyway"].contains(action) {
                errors.append(.notSupported(path + ".whenUnsatisfiable", action, ["DoNotSchedule", "ScheduleAnyway"]))
            }
            if !seen.insert(key + "|" + action).inserted {
                errors.append(.duplicate(path + ".{topologyKey, whenUnsatisfiable}", "{\(key), \(action)}"))
            }
        }
        return errors
    }
}

/// IP addresses in fields.
enum AddressValidation {
    static func address(_ text: String, _ field: String) -> [FieldError] {
        if let octets = ipv4Octets(text) {
            if octets.contains(where: { $0.count > 1 && $0.hasPrefix("0") }) {
                return [.invalid(field, text, "must not have leading 0s")]
            }
            if octets.allSatisfy({ Int($0).map { $0 < 256 } ?? false }) { return [] }
        } else if isIPv6(text) {
            return []
        }
        return [.invalid(field, text, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")]
    }

    static func isAddress(_ text: String) -> Bool { address(text, "").isEmpty }

    private static func ipv4Octets(_ text: String) -> [Substring]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, parts.allSatisfy({ !$0.isEmpty && $0.count <= 4 && $0.allSatisfy(\.isNumber) })
        else { return nil }
        return parts
    }

    private static func isIPv6(_ text: String) -> Bool {
        guard text.contains(":"), text.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else { return false }
        let groups = text.split(separator: ":", omittingEmptySubsequences: false)
        return groups.count <= 9 && groups.allSatisfy { $0.count <= 4 || $0.contains(".") }
            && (text.contains("::") || groups.count == 8)
    }
}
