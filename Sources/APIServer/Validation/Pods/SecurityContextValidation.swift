internal import APIMachinery

/// Users, groups and privileges.
enum SecurityContextValidation {
    private static let profileTypes = ["Localhost", "RuntimeDefault", "Unconfined"]
    private static let localhostProfileBytesMax = 4095

    static func pod(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let context = spec["securityContext"] ?? [:]
        for field in ["fsGroup", "runAsUser", "runAsGroup"] {
            identity(context[field]?.int, path[field], &errors)
        }
        for (index, group) in context.list("supplementalGroups").enumerated() {
            identity(group.int, path["supplementalGroups"][index], &errors)
        }
        if spec["shareProcessNamespace"]?.bool == true, spec["hostPID"]?.bool == true {
            errors.invalid(
                path["shareProcessNamespace"], .bool(true),
                "ShareProcessNamespace and HostPID cannot both be enabled")
        }
        sysctls(context.list("sysctls"), spec, path["sysctls"], &errors)
        if let policy = context["fsGroupChangePolicy"]?.string {
            errors.oneOf(["Always", "OnRootMismatch"], path["fsGroupChangePolicy"], policy)
        }
        seccomp(context, path["seccompProfile"], &errors)
        WindowsValidation.options(context, path["windowsOptions"], &errors)
        appArmor(context, path["appArmorProfile"], &errors)
        if let policy = context["supplementalGroupsPolicy"]?.string {
            errors.oneOf(["Merge", "Strict"], path["supplementalGroupsPolicy"], policy)
        }
        if let policy = context["seLinuxChangePolicy"]?.string {
            errors.oneOf(["MountOption", "Recursive"], path["seLinuxChangePolicy"], policy)
        }
    }

    static func container(_ context: Value, _ path: FieldPath, hostUsers: Bool, _ errors: inout FieldErrors) {
        identity(context["runAsUser"]?.int, path["runAsUser"], &errors)
        identity(context["runAsGroup"]?.int, path["runAsGroup"], &errors)
        if let mount = context["procMount"]?.string {
            errors.oneOf(["Default", "Unmasked"], path["procMount"], mount)
            if hostUsers, mount == "Unmasked" {
                errors.invalid(path["procMount"], mount, "`hostUsers` must be false to use `Unmasked`")
            }
        }
        seccomp(context, path["seccompProfile"], &errors)
        if context["allowPrivilegeEscalation"]?.bool == false {
            let cannot = "cannot set `allowPrivilegeEscalation` to false and "
            func contradiction(_ other: String) {
                errors.invalid(path, GoShape.value(context, "SecurityContext"), cannot + other)
            }
            if context["privileged"]?.bool == true { contradiction("`privileged` to true") }
            for capability in context["capabilities"]?.list("add") ?? [] where capability.string == "CAP_SYS_ADMIN" {
                contradiction("`capabilities.Add` CAP_SYS_ADMIN")
            }
        }
        WindowsValidation.options(context, path["windowsOptions"], &errors)
        appArmor(context, path["appArmorProfile"], &errors)
    }

    static func identity(_ id: Int64?, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard let id, !(0...Int64(Int32.max)).contains(id) else { return }
        errors.invalid(path, id, "must be between 0 and 2147483647, inclusive")
    }

    private static func seccomp(_ context: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard let profile = context.present("seccompProfile") else { return }
        let type = profile.text("type")
        if type.isEmpty {
            errors.required(path["type"], "type is required when seccompProfile is set")
        } else {
            errors.oneOf(profileTypes, path["type"], type)
        }
        let place = profile.present("localhostProfile")?.string
        guard type == "Localhost" else {
            if place != nil {
                errors.invalid(
                    path["localhostProfile"], GoShape.value(profile, "SeccompProfile"),
                    "can only be set when seccomp type is Localhost")
            }
            return
        }
        if let place {
            PathValidation.descending(place, path["localhostProfile"], &errors)
        } else {
            errors.required(path["localhostProfile"], "must be set when seccomp type is Localhost")
        }
    }

    private static func appArmor(_ context: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard let profile = context.present("appArmorProfile") else { return }
        let own = path["localhostProfile"]
        let place = profile.present("localhostProfile")?.string
        switch profile.text("type") {
        case "Localhost":
            guard let place else { return errors.required(own, "must be set when AppArmor type is Localhost") }
            if place != trimmed(place) {
                errors.invalid(own, place, "must not be padded with whitespace")
            } else if place.isEmpty {
                errors.required(own, "must be set when AppArmor type is Localhost")
            }
            if place.utf8.count > localhostProfileBytesMax {
                errors.append(.tooLong(own.text, max: localhostProfileBytesMax))
            }
        case "RuntimeDefault", "Unconfined":
            if let place { errors.invalid(own, place, "can only be set when AppArmor type is Localhost") }
        case "": errors.required(path["type"], "type is required when appArmorProfile is set")
        case let type: errors.notSupported(path["type"], type, profileTypes)
        }
    }
}

/// Kernel settings.
extension SecurityContextValidation {
    private static let sysctlBytesMax = 253
    private static let sysctlPattern = #"^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"#

    private static func sysctls(
        _ sysctls: [Value], _ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors
    ) {
        var seen = Set<String>()
        for (index, sysctl) in sysctls.enumerated() {
            let name = sysctl.text("name")
            let own = path[index]["name"]
            if name.isEmpty {
                errors.required(own)
            } else if !isSysctl(name) {
                errors.invalid(
                    own, name, "must have at most \(sysctlBytesMax) characters and match regex \(sysctlPattern)")
            } else if seen.contains(name) {
                errors.duplicate(own, name)
            }
            for (host, prefixes) in hostNamespaces
            where spec[host]?.bool == true && prefixes.contains(where: dotted(name).hasPrefix) {
                errors.invalid(own, name, "may not be specified when '\(host)' is true")
                break
            }
            seen.insert(name)
        }
    }

    /// Settings that belong to a namespace, which a pod may share with the host.
    private static let hostNamespaces = [
        ("hostNetwork", ["net."]), ("hostIPC", ["kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue."]),
    ]

    /// `net/ipv4/x` is another spelling of `net.ipv4.x`.
    private static func dotted(_ name: String) -> String {
        guard let separator = name.first(where: { $0 == "." || $0 == "/" }), separator == "/" else { return name }
        return String(name.map { $0 == "/" ? "." : $0 == "." ? "/" : $0 })
    }

    private static func isSysctl(_ name: String) -> Bool {
        guard name.utf8.count <= sysctlBytesMax else { return false }
        return name.utf8.split(omittingEmptySubsequences: false, whereSeparator: { $0 == 0x2e || $0 == 0x2f })
            .allSatisfy { segment in
                guard let first = segment.first, let last = segment.last else { return false }
                return isLowerOrDigit(first) && isLowerOrDigit(last)
                    && segment.allSatisfy { isLowerOrDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
            }
    }

    private static func isLowerOrDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
