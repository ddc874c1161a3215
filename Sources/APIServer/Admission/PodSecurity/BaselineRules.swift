internal import APIMachinery

/// What the level `baseline` forbids: ways out of the container that are known.
enum BaselineRules {
    typealias Subject = PodSecurityCheck.Subject
    typealias Violation = PodSecurityViolation
    typealias Text = PodSecurityText

    /// Names of the containers for which `isBad`.
    private static func names(_ pod: Subject, where isBad: (_ security: Value, _ container: Value) -> Bool) -> [String]
    {
        pod.containers.filter { isBad($0["securityContext"] ?? .null, $0) }.map { $0.text("name") }
    }

    static let appArmor: PodSecurityCheck.Body = { pod in
        var values = Set<String>()
        func isBad(_ security: Value) -> Bool {
            guard let profile = security.present("appArmorProfile") else { return false }
            let type = profile.text("type")
            guard type != "RuntimeDefault", type != "Localhost" else { return false }
            values.insert(type)
            return true
        }
        let isPodBad = isBad(pod.security)
        let containers = names(pod) { security, _ in isBad(security) }
        let annotations = pod.annotations.compactMap { key, value -> String? in
            guard key.hasPrefix("container.apparmor.security.beta.kubernetes.io/"), !value.isEmpty,
                value != "runtime/default", !value.hasPrefix("localhost/")
            else { return nil }
            return "\(key)=\(quoted(value))"
        }
        var setters = isPodBad ? ["pod"] : []
        if !containers.isEmpty { setters.append(Text.containers(containers)) }
        if !annotations.isEmpty { setters.append(Text.plural("annotation", annotations.count)) }
        guard !setters.isEmpty else { return nil }
        let all = values.sorted() + annotations.sorted()
        return Violation(
            Text.plural("forbidden AppArmor profile", all.count),
            "\(setters.joined(separator: " and ")) must not set AppArmor profile type to \(Text.quote(all))")
    }

    static let defaultCapabilities: Set<String> = [
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
        "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    ]

    static let capabilities: PodSecurityCheck.Body = { pod in
        var added = Set<String>()
        let containers = names(pod) { security, _ in
            let bad = (security["capabilities"]?.list("add") ?? []).compactMap(\.string).filter {
                !defaultCapabilities.contains($0)
            }
            added.formUnion(bad)
            return !bad.isEmpty
        }
        guard !containers.isEmpty else { return nil }
        return Violation(
            "non-default capabilities",
            "\(Text.containers(containers)) must not include \(Text.quote(added.sorted())) in "
                + "securityContext.capabilities.add")
    }

    static let hostNamespaces: PodSecurityCheck.Body = { pod in
        let used = ["hostNetwork", "hostPID", "hostIPC"].filter { pod.spec[$0]?.bool == true }
        guard !used.isEmpty else { return nil }
        return Violation("host namespaces", used.map { $0 + "=true" }.joined(separator: ", "))
    }

    static let hostPathVolumes: PodSecurityCheck.Body = { pod in
        let volumes = pod.spec.list("volumes").filter { $0.present("hostPath") != nil }.map { $0.text("name") }
        guard !volumes.isEmpty else { return nil }
        return Violation("hostPath volumes", Text.plural("volume", volumes.count) + " " + Text.quote(volumes))
    }

    static let hostPorts: PodSecurityCheck.Body = { pod in
        var ports = Set<String>()
        let containers = names(pod) { _, container in
            let own = container.list("ports").compactMap { $0["hostPort"]?.int }.filter { $0 != 0 }.map(String.init)
            ports.formUnion(own)
            return !own.isEmpty
        }
        guard !containers.isEmpty else { return nil }
        return Violation(
            "hostPort",
            "\(Text.containers(containers)) \(Text.plural("uses", containers.count, "use")) "
                + "\(Text.plural("hostPort", ports.count)) \(ports.sorted().joined(separator: ", "))")
    }

    static let probeHosts: PodSecurityCheck.Body = { pod in
        var hosts = Set<String>()
        let containers = names(pod) { _, container in
            let lifecycle = container["lifecycle"] ?? .null
            let handlers =
                ["livenessProbe", "readinessProbe", "startupProbe"].compactMap { container.present($0) }
                + ["postStart", "preStop"].compactMap { lifecycle.present($0) }
            let own = handlers.flatMap { handler in
                ["httpGet", "tcpSocket"].compactMap { handler[path: $0, "host"]?.string }.filter { !$0.isEmpty }
            }
            hosts.formUnion(own)
            return !own.isEmpty
        }
        guard !containers.isEmpty else { return nil }
        return Violation(
            "probe or lifecycle host",
            "\(Text.containers(Set(containers).sorted())) \(Text.plural("uses", containers.count, "use")) "
                + "\(Text.plural("probe or lifecycle host", hosts.count)) \(Text.quote(hosts.sorted()))")
    }

    static let privileged: PodSecurityCheck.Body = { pod in
        let containers = names(pod) { security, _ in security["privileged"]?.bool == true }
        guard !containers.isEmpty else { return nil }
        return Violation("privileged", "\(Text.containers(containers)) must not set securityContext.privileged=true")
    }

    static let procMount: PodSecurityCheck.Body = { pod in
        var types = Set<String>()
        let containers = names(pod) { security, _ in
            guard let type = security["procMount"]?.string, type != "Default" else { return false }
            types.insert(type)
            return true
        }
        guard !containers.isEmpty else { return nil }
        return Violation(
            "procMount",
            "\(Text.containers(containers)) must not set securityContext.procMount to \(Text.quote(types.sorted()))")
    }

    static let seLinuxTypes: Set<String> = ["", "container_t", "container_init_t", "container_kvm_t"]

    static func seLinux(_ pod: Subject, _ allowed: Set<String>) -> Violation? {
        var types = Set<String>()
        var setsUser = false
        var setsRole = false
        func isBad(_ security: Value) -> Bool {
            guard let options = security.present("seLinuxOptions") else { return false }
            let type = options.text("type")
            let isUserSet = !options.text("user").isEmpty
            let isRoleSet = !options.text("role").isEmpty
            if !allowed.contains(type) { types.insert(type) }
            setsUser = setsUser || isUserSet
            setsRole = setsRole || isRoleSet
            return !allowed.contains(type) || isUserSet || isRoleSet
        }
        let isPodBad = isBad(pod.security)
        let containers = names(pod) { security, _ in isBad(security) }
        guard isPodBad || !containers.isEmpty else { return nil }
        var data: [String] = []
        if !types.isEmpty { data.append(Text.plural("type", types.count) + " " + Text.quote(types.sorted())) }
        if setsUser { data.append("user may not be set") }
        if setsRole { data.append("role may not be set") }
        return Violation(
            "seLinuxOptions",
            "\(Text.setters(pod: isPodBad, containers)) set forbidden securityContext.seLinuxOptions: "
                + data.joined(separator: "; "))
    }

    /// Before there were fields for it.
    static let seccompAnnotations: PodSecurityCheck.Body = { pod in
        func isValid(_ value: String) -> Bool {
            value == "runtime/default" || value == "docker/default" || value.hasPrefix("localhost/")
        }
        var keys = ["seccomp.security.alpha.kubernetes.io/pod"]
        keys += pod.containers.map { "container.seccomp.security.alpha.kubernetes.io/" + $0.text("name") }
        let found = keys.compactMap { key -> String? in
            guard let value = pod.annotations[key], !isValid(value) else { return nil }
            return "\(key)=\(quoted(value))"
        }
        guard !found.isEmpty else { return nil }
        return Violation(
            "seccompProfile", "forbidden \(Text.plural("annotation", found.count)) \(found.joined(separator: ", "))")
    }

    static func isAllowedSeccomp(_ type: String) -> Bool { type == "RuntimeDefault" || type == "Localhost" }

    static let seccomp: PodSecurityCheck.Body = { pod in
        var types = Set<String>()
        func isBad(_ security: Value) -> Bool {
            guard let type = security.present("seccompProfile")?.text("type"), !isAllowedSeccomp(type) else {
                return false
            }
            types.insert(type)
            return true
        }
        let isPodBad = isBad(pod.security)
        let containers = names(pod) { security, _ in isBad(security) }
        guard isPodBad || !containers.isEmpty else { return nil }
        return Violation(
            "seccompProfile",
            "\(Text.setters(pod: isPodBad, containers)) must not set securityContext.seccompProfile.type to "
                + Text.quote(types.sorted()))
    }

    /// The sysctls that were found safe, release by release.
    static let sysctlVersions: [(minor: Int, allowed: Set<String>)] = {
        let steps: [(Int, [String])] = [
            (
                0,
                [
                    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies",
                    "net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start",
                ]
            ),
            (27, ["net.ipv4.ip_local_reserved_ports"]),
            (
                29,
                [
                    "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
                    "net.ipv4.tcp_keepalive_probes",
                ]
            ),
            (32, ["net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"]),
        ]
        var allowed = Set<String>()
        return steps.map { minor, added in
            allowed.formUnion(added)
            return (minor, allowed)
        }
    }()

    static func sysctls(_ pod: Subject, _ allowed: Set<String>) -> Violation? {
        let bad = pod.security.list("sysctls").map { $0.text("name") }.filter { !allowed.contains($0) }
        return bad.isEmpty ? nil : Violation("forbidden sysctls", bad.joined(separator: ", "))
    }

    static let hostProcess: PodSecurityCheck.Body = { pod in
        func isBad(_ security: Value) -> Bool { security[path: "windowsOptions", "hostProcess"]?.bool == true }
        let isPodBad = isBad(pod.security)
        let containers = names(pod) { security, _ in isBad(security) }
        guard isPodBad || !containers.isEmpty else { return nil }
        return Violation(
            "hostProcess",
            "\(Text.setters(pod: isPodBad, containers)) must not set securityContext.windowsOptions.hostProcess=true")
    }
}
