internal import APIMachinery

/// What Windows has and Linux has not, and the other way round.
enum WindowsValidation {
    private static let credentialKiBMax = 64
    private static let domainBytesMax = 256
    private static let userBytesMax = 104

    static func options(_ context: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard let options = context.present("windowsOptions") else { return }
        if let name = options.present("gmsaCredentialSpecName")?.string {
            errors.violations(path["gmsaCredentialSpecName"], name, NameValidation.dns1123Subdomain(name))
        }
        if let credential = options.present("gmsaCredentialSpec")?.string {
            if credential.isEmpty {
                errors.invalid(
                    path["gmsaCredentialSpec"], credential, "gmsaCredentialSpec cannot be an empty string")
            } else if credential.utf8.count > credentialKiBMax * 1024 {
                errors.invalid(
                    path["gmsaCredentialSpec"], credential,
                    "gmsaCredentialSpec size must be under \(credentialKiBMax) KiB")
            }
        }
        guard let user = options.present("runAsUserName")?.string else { return }
        for problem in problems(of: user) { errors.invalid(path["runAsUserName"], user, problem) }
    }

    /// `DOMAIN\user` or `user`.
    private static func problems(of name: String) -> [String] {
        if name.isEmpty { return ["runAsUserName cannot be an empty string"] }
        if name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) {
            return ["runAsUserName cannot contain control characters"]
        }
        let parts = name.split(separator: "\\", omittingEmptySubsequences: false)
        if parts.count > 2 { return ["runAsUserName cannot contain more than one backslash"] }
        var problems: [String] = []
        if parts.count == 2 {
            if parts[0].utf8.count >= domainBytesMax {
                problems.append("runAsUserName's Domain length must be under \(domainBytesMax) characters")
            }
            if !isNetBIOS(parts[0]), !isDomain(parts[0]) {
                problems.append("runAsUserName's Domain doesn't match the NetBios nor the DNS format")
            }
        }
        let user = parts.last ?? ""
        if user.isEmpty {
            problems.append("runAsUserName's User cannot be empty")
        } else if user.utf8.count > userBytesMax {
            problems.append("runAsUserName's User length must not be longer than \(userBytesMax) characters")
        }
        if !user.isEmpty, user.allSatisfy({ $0 == "." || $0 == " " }) {
            problems.append("runAsUserName's User cannot contain only periods or spaces")
        }
        if user.contains(where: { "\"/\\:;|=,+*?<>@[]".contains($0) }) {
            problems.append(#"runAsUserName's User cannot contain the following characters: "/\:;|=,+*?<>@[]"#)
        }
        return problems
    }

    private static func isNetBIOS(_ domain: Substring) -> Bool {
        (1...15).contains(domain.count) && domain.first != "." && !domain.contains { "\\/:*?\"<>|".contains($0) }
    }

    private static func isDomain(_ domain: Substring) -> Bool {
        domain.split(separator: ".", omittingEmptySubsequences: false).allSatisfy {
            $0.count <= 63 && NameValidation.dns1123Label($0.lowercased()).isEmpty
        }
    }

    /// HostProcess containers: all or none, and on the host's network.
    static func hostProcess(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        func wish(_ owner: Value) -> Bool? {
            owner["securityContext"]?["windowsOptions"]?["hostProcess"]?.bool
        }
        let pod = wish(spec)
        var count = 0
        var total = 0
        PodContainers.visit(spec, path) { container, own in
            total += 1
            let own1 = wish(container)
            if let pod, let own1, pod != own1 {
                errors.invalid(
                    own["securityContext"]["windowsOptions"]["hostProcess"], .bool(own1),
                    "pod hostProcess value must be identical if both are specified, was \(pod)")
            }
            if own1 ?? pod ?? false { count += 1 }
        }
        guard count > 0 else { return }
        if count != total {
            errors.invalid(
                path, "",
                "If pod contains any hostProcess containers then all containers must be HostProcess containers")
        }
        if spec["hostNetwork"]?.bool != true {
            errors.invalid(
                path["hostNetwork"], .bool(false),
                "hostNetwork must be true if pod contains any hostProcess containers")
        }
    }

    /// `spec.os`: what its name excludes.
    static func os(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard let os = spec.present("os") else { return }
        switch os.text("name") {
        case "": errors.required(path["os"]["name"], "cannot be empty")
        case "linux": linux(spec, path, &errors)
        case "windows": windows(spec, path, &errors)
        case let name: errors.notSupported(path["os"], name, ["linux", "windows"])
        }
    }

    private static func linux(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        func check(_ owner: Value, _ own: FieldPath) {
            guard owner["securityContext"]?.present("windowsOptions") != nil else { return }
            errors.forbidden(
                own["securityContext"]["windowsOptions"], "windows options cannot be set for a linux pod")
        }
        check(spec, path)
        PodContainers.visit(spec, path, check)
    }

    /// In upstream's order; those with a leading dot are members of the spec itself.
    private static let podFields = [
        "appArmorProfile", "seLinuxOptions", ".hostUsers", ".hostPID", ".hostIPC", "seccompProfile", "fsGroup",
        "fsGroupChangePolicy", "sysctls", ".shareProcessNamespace", "runAsUser", "runAsGroup", "supplementalGroups",
        "supplementalGroupsPolicy", "seLinuxChangePolicy",
    ]
    private static let containerFields = [
        "appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem", "privileged",
        "allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup",
    ]

    private static func windows(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let cannot = "cannot be set for a windows pod"
        let context = spec["securityContext"] ?? [:]
        for field in podFields {
            if field.hasPrefix(".") {
                let name = String(field.dropFirst())
                guard let value = spec.present(name) else { continue }
                let isOff = value.bool == false && (name == "hostPID" || name == "hostIPC")
                if !isOff { errors.forbidden(path[name], cannot) }
            } else if let value = context.present(field), field != "sysctls" || !value.isEmptyValue {
                errors.forbidden(path["securityContext"][field], cannot)
            }
        }
        PodContainers.visit(spec, path) { container, own in
            guard let context = container.present("securityContext") else { return }
            for field in containerFields where context.present(field) != nil {
                errors.forbidden(own["securityContext"][field], cannot)
            }
        }
    }
}

/// All containers of a pod in upstream's order: init, regular, ephemeral.
enum PodContainers {
    static func visit(_ spec: Value, _ path: FieldPath, _ body: (Value, FieldPath) -> Void) {
        for kind in ["initContainers", "containers", "ephemeralContainers"] {
            for (index, container) in spec.list(kind).enumerated() { body(container, path[kind][index]) }
        }
    }
}
