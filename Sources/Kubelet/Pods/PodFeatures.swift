internal import APIMachinery
internal import KubeAPI

/// What a pod asks for that this node cannot do, or does not allow.
enum PodFeatures {
    static func refusal(of pod: Pod, hasAppArmor: Bool = AppArmor.isEnabled) -> PodVerdict? {
        func refused(_ reason: String, _ message: String) -> PodVerdict {
            PodVerdict(reason: reason, message: "Pod was rejected: " + message)
        }
        if pod.spec.securityContext?.supplementalGroupsPolicy == "Strict" {
            return refused(
                "SupplementalGroupsPolicyNotSupported", "SupplementalGroupsPolicy=Strict is not supported in this node")
        }
        for sysctl in pod.spec.securityContext?.sysctls ?? [] {
            if let words = Sysctls.refusal(of: sysctl.name, pod) {
                return refused("SysctlForbidden", "forbidden sysctl: \(words)")
            }
        }
        if !hasAppArmor, AppArmor.isWanted(by: pod) {
            return refused("AppArmor", "Cannot enforce AppArmor: AppArmor is not enabled on the host")
        }
        return nil
    }
}

/// Kernel parameters that a pod may set:
/// https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/#safe-and-unsafe-sysctls
enum Sysctls {
    private static let safe: Set<String> = [
        "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_wmem",
    ]

    /// Why not; `nil` for one that is allowed.
    static func refusal(of name: String, _ pod: Pod) -> String? {
        let name = normal(name)
        guard safe.contains(name) else { return "\"\(name)\" not allowlisted" }
        if name.hasPrefix("net."), pod.spec.hostNetwork == true {
            return "\"\(name)\" not allowed with host net enabled"
        }
        if name.hasPrefix("kernel."), pod.spec.hostIPC == true {
            return "\"\(name)\" not allowed with host ipc enabled"
        }
        return nil
    }

    /// The kernel's name with dots, where it may be written with slashes too.
    static func normal(_ name: String) -> String {
        guard let first = name.first(where: { $0 == "." || $0 == "/" }), first == "/" else { return name }
        return String(name.map { $0 == "/" ? "." : $0 == "." ? "/" : $0 })
    }
}

/// https://kubernetes.io/docs/tutorials/security/apparmor/
enum AppArmor {
    static let isEnabled = FileSystem.text("/sys/module/apparmor/parameters/enabled") == "Y"

    /// A container's profile, or the pod's.
    static func profile(_ container: Container, _ pod: Pod) -> AppArmorProfile? {
        container.securityContext?.appArmorProfile ?? pod.spec.securityContext?.appArmorProfile
    }

    static func isWanted(by pod: Pod) -> Bool {
        let old = pod.metadata.annotations.contains { name, value in
            name.hasPrefix("container.apparmor.security.beta.kubernetes.io/") && value != "unconfined"
        }
        return old || pod.allContainers.contains { profile($0, pod).map { $0.type != "Unconfined" } ?? false }
    }
}
