internal import APIMachinery
internal import CRI
internal import KubeAPI

/// Turns a container of a pod into what the runtime needs to create it.
struct ContainerConfigBuilder: Sendable {
    let pod: Pod
    let container: Container
    let restartCount: Int
    let variables: ContainerEnvironment.Variables
    let mounts: [CRIMount]
    var devices: [CRIDevice] = []
    /// The image's reference as the runtime resolved it.
    let image: CRIImage
    let node: NodeFacts
    /// Id of a container whose process namespace this one joins.
    let target: String?
    /// Where the node keeps seccomp profiles that pods name.
    let seccompDirectory: String

    func build() throws(ConfigurationError) -> CRIContainerConfig {
        var config = CRIContainerConfig()
        config.metadata.name = container.name
        config.metadata.attempt = UInt32(restartCount)
        config.image.image = image.id
        config.image.userSpecifiedImage = container.image ?? ""
        config.command = container.command.map { VariableExpansion.expand($0, variables.values) }
        config.args = container.args.map { VariableExpansion.expand($0, variables.values) }
        config.workingDir = container.workingDir ?? ""
        config.envs = variables.entries
        config.mounts = mounts
        config.devices = devices
        config.labels = RuntimeLabels.labels(of: pod, container: container.name)
        config.annotations = [
            RuntimeLabels.containerHash: RuntimeLabels.hash(of: container),
            RuntimeLabels.restartCount: String(restartCount),
            RuntimeLabels.terminationMessagePath: container.terminationMessagePath ?? "/dev/termination-log",
            RuntimeLabels.terminationMessagePolicy: container.terminationMessagePolicy ?? "File",
        ]
        config.logPath = "\(container.name)/\(restartCount).log"
        config.stdin = container.stdin ?? false
        config.stdinOnce = container.stdinOnce ?? false
        config.tty = container.tty ?? false
        config.linux.resources = ContainerLimits(pod: pod, container: container, node: node).resources()
        config.linux.securityContext = try security()
        return config
    }

    /// https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
    private func security() throws(ConfigurationError) -> CRILinuxContainerSecurityContext {
        var security = CRILinuxContainerSecurityContext()
        let (own, shared) = (container.securityContext, pod.spec.securityContext)
        security.namespaceOptions = SandboxConfigBuilder.namespaces(pod)
        if let target, security.namespaceOptions.pid == .container {
            security.namespaceOptions.pid = .target
            security.namespaceOptions.targetID = target
        }
        security.privileged = own?.privileged ?? false
        security.readonlyRootfs = own?.readOnlyRootFilesystem ?? false
        security.noNewPrivs = own?.allowPrivilegeEscalation == false
        if let selinux = own?.seLinuxOptions ?? shared?.seLinuxOptions {
            security.selinuxOptions.user = selinux.user ?? ""
            security.selinuxOptions.role = selinux.role ?? ""
            security.selinuxOptions.type = selinux.type ?? ""
            security.selinuxOptions.level = selinux.level ?? ""
        }
        security.capabilities.addCapabilities = own?.capabilities?.add ?? []
        security.capabilities.dropCapabilities = own?.capabilities?.drop ?? []
        security.supplementalGroups = (shared?.supplementalGroups ?? []) + (shared?.fsGroup.map { [$0] } ?? [])
        if let group = own?.runAsGroup ?? shared?.runAsGroup { security.runAsGroup.value = group }
        if let user = own?.runAsUser ?? shared?.runAsUser {
            security.runAsUser.value = user
        } else if image.hasUid {
            security.runAsUser.value = image.uid.value
        } else if !image.username.isEmpty {
            security.runAsUsername = image.username
        } else if security.hasRunAsGroup {
            // A group needs a user beside it.
            security.runAsUser.value = 0
        }
        try checkNonRoot(security, own?.runAsNonRoot ?? shared?.runAsNonRoot ?? false)
        security.seccomp = profile(own?.seccompProfile ?? shared?.seccompProfile)
        if AppArmor.isEnabled { security.apparmor = Self.profile(AppArmor.profile(container, pod)) }
        if !security.privileged, own?.procMount != "Unmasked" {
            security.maskedPaths = Self.maskedPaths
            security.readonlyPaths = Self.readonlyPaths
        }
        return security
    }

    private func checkNonRoot(
        _ security: CRILinuxContainerSecurityContext, _ isWanted: Bool
    ) throws(ConfigurationError) {
        guard isWanted else { return }
        let pod =
            "\"\(self.pod.metadata.name ?? "")_\(self.pod.metadata.namespace ?? "")(\(self.pod.metadata.uid ?? ""))\""
        if security.hasRunAsUser, security.runAsUser.value == 0 {
            let isOwn = (container.securityContext?.runAsUser ?? self.pod.spec.securityContext?.runAsUser) != nil
            throw ConfigurationError(
                isOwn
                    ? "container's runAsUser breaks non-root policy (pod: \(pod), container: \(container.name))"
                    : "container has runAsNonRoot and image will run as root (pod: \(pod), container: \(container.name))"
            )
        }
        if !security.runAsUsername.isEmpty {
            throw ConfigurationError(
                "container has runAsNonRoot and image has non-numeric user (\(security.runAsUsername)), cannot verify "
                    + "user is non-root (pod: \(pod), container: \(container.name))"
            )
        }
        if !security.hasRunAsUser {
            throw ConfigurationError(
                "container has runAsNonRoot and image will run as root (pod: \(pod), container: \(container.name))"
            )
        }
    }

    private static func profile(_ profile: AppArmorProfile?) -> CRISecurityProfile {
        var result = CRISecurityProfile()
        switch profile?.type {
        case "Unconfined": result.profileType = .unconfined
        case "Localhost":
            result.profileType = .localhost
            result.localhostRef = profile?.localhostProfile ?? ""
        default: result.profileType = .runtimeDefault
        }
        return result
    }

    private func profile(_ profile: SeccompProfile?) -> CRISecurityProfile {
        var result = CRISecurityProfile()
        switch profile?.type {
        case "RuntimeDefault": result.profileType = .runtimeDefault
        case "Localhost":
            result.profileType = .localhost
            result.localhostRef = seccompDirectory + "/" + (profile?.localhostProfile ?? "")
        default: result.profileType = .unconfined
        }
        return result
    }

    private static let maskedPaths = [
        "/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
        "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
    ]
    private static let readonlyPaths = [
        "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
    ]
}
