internal import APIMachinery

/// What the level `restricted` asks for besides the baseline: what hardened pods do without.
enum RestrictedRules {
    typealias Violation = PodSecurityViolation
    typealias Text = PodSecurityText

    private static func names(_ pod: PodSecurityCheck.Subject, where isBad: (Value) -> Bool) -> [String] {
        pod.containers.filter { isBad($0["securityContext"] ?? .null) }.map { $0.text("name") }
    }

    static let privilegeEscalation: PodSecurityCheck.Body = { pod in
        let containers = names(pod) { $0["allowPrivilegeEscalation"]?.bool != false }
        guard !containers.isEmpty else { return nil }
        return Violation(
            "allowPrivilegeEscalation != false",
            "\(Text.containers(containers)) must set securityContext.allowPrivilegeEscalation=false")
    }

    static let capabilities: PodSecurityCheck.Body = { pod in
        let keeping = names(pod) { !($0["capabilities"]?.list("drop") ?? []).contains("ALL") }
        var added = Set<String>()
        let adding = names(pod) { security in
            let bad = (security["capabilities"]?.list("add") ?? []).compactMap(\.string).filter {
                $0 != "NET_BIND_SERVICE"
            }
            added.formUnion(bad)
            return !bad.isEmpty
        }
        var details: [String] = []
        if !keeping.isEmpty {
            details.append("\(Text.containers(keeping)) must set securityContext.capabilities.drop=[\"ALL\"]")
        }
        if !adding.isEmpty {
            details.append(
                "\(Text.containers(adding)) must not include \(Text.quote(added.sorted())) in "
                    + "securityContext.capabilities.add")
        }
        return details.isEmpty ? nil : Violation("unrestricted capabilities", details.joined(separator: "; "))
    }

    private static let volumeTypes: Set<String> = [
        "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected",
        "secret",
    ]

    static let volumes: PodSecurityCheck.Body = { pod in
        var types = Set<String>()
        var bad: [String] = []
        for volume in pod.spec.list("volumes") {
            let sources = (volume.fields?.entries ?? []).filter { $0.key != "name" && !$0.value.isNull }.map(\.key)
            guard !sources.contains(where: { volumeTypes.contains($0) }) else { continue }
            bad.append(volume.text("name"))
            types.formUnion(sources.isEmpty ? ["unknown"] : sources)
        }
        guard !bad.isEmpty else { return nil }
        return Violation(
            "restricted volume types",
            "\(Text.plural("volume", bad.count)) \(Text.quote(bad)) \(Text.plural("uses", bad.count, "use")) "
                + "\(Text.plural("restricted volume type", types.count)) \(Text.quote(types.sorted()))")
    }

    static let runAsNonRoot: PodSecurityCheck.Body = { pod in
        let forPod = pod.security["runAsNonRoot"]?.bool
        let explicit = names(pod) { $0["runAsNonRoot"]?.bool == false }
        let reason = "runAsNonRoot != true"
        if forPod == false || !explicit.isEmpty {
            return Violation(
                reason,
                "\(Text.setters(pod: forPod == false, explicit)) must not set securityContext.runAsNonRoot=false")
        }
        let implicit = names(pod) { $0["runAsNonRoot"]?.bool == nil && forPod != true }
        guard !implicit.isEmpty else { return nil }
        return Violation(reason, "pod or \(Text.containers(implicit)) must set securityContext.runAsNonRoot=true")
    }

    static let runAsUser: PodSecurityCheck.Body = { pod in
        let isPodBad = pod.security["runAsUser"]?.int == 0
        let containers = names(pod) { $0["runAsUser"]?.int == 0 }
        guard isPodBad || !containers.isEmpty else { return nil }
        return Violation("runAsUser=0", "\(Text.setters(pod: isPodBad, containers)) must not set runAsUser=0")
    }

    static let seccomp: PodSecurityCheck.Body = { pod in
        var types = Set<String>()
        func type(_ security: Value) -> String? { security.present("seccompProfile")?.text("type") }
        func isBad(_ security: Value) -> Bool {
            guard let type = type(security), !BaselineRules.isAllowedSeccomp(type) else { return false }
            types.insert(type)
            return true
        }
        let isPodBad = isBad(pod.security)
        let explicit = names(pod, where: isBad)
        if isPodBad || !explicit.isEmpty {
            return Violation(
                "seccompProfile",
                "\(Text.setters(pod: isPodBad, explicit)) must not set securityContext.seccompProfile.type to "
                    + Text.quote(types.sorted()))
        }
        let isPodSet = type(pod.security) != nil
        let implicit = names(pod) { type($0) == nil && !isPodSet }
        guard !implicit.isEmpty else { return nil }
        return Violation(
            "seccompProfile",
            "pod or \(Text.containers(implicit)) must set securityContext.seccompProfile.type to \"RuntimeDefault\" or "
                + "\"Localhost\"")
    }
}
