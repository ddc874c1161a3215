internal import APIMachinery
internal import CRI
internal import Glibc
internal import KubeAPI

/// What a container mounts: its volumes, `/etc/hosts` and the file for its last words.
struct ContainerMounts: Sendable {
    let pod: Pod
    let container: Container
    let podDirectory: String
    /// Paths on the node by volume name.
    let volumes: [String: String]
    let podIPs: [String]
    let variables: [String: String]
    /// The pod's domain within the cluster; empty where it has none.
    var domain = ""

    /// Where the runtime finds the container's termination message afterwards.
    static func terminationFile(_ podDirectory: String, _ container: String, _ restartCount: Int) -> String {
        "\(podDirectory)/containers/\(container)/termination-\(restartCount)"
    }

    /// Blocks.
    func make(restartCount: Int) throws -> [CRIMount] {
        var mounts = try container.volumeMounts.enumerated().map { index, wanted in try volume(wanted, at: index) }
        if !container.volumeMounts.contains(where: { $0.mountPath == "/etc/hosts" }) {
            mounts.append(try hosts())
        }
        let file = Self.terminationFile(podDirectory, container.name, restartCount)
        try FileSystem.createDirectory(FileSystem.directory(of: file))
        try FileSystem.write(file, [], mode: 0o666)
        var mount = CRIMount()
        mount.containerPath = container.terminationMessagePath ?? "/dev/termination-log"
        mount.hostPath = file
        mounts.append(mount)
        return mounts
    }

    /// The node's devices that the container gets: volumes used as blocks.
    func devices() throws -> [CRIDevice] {
        try container.volumeDevices.map { wanted in
            var device = CRIDevice()
            device.hostPath = try path(of: wanted.name)
            device.containerPath = wanted.devicePath
            device.permissions = claimIsReadOnly(wanted.name) ? "r" : "mrw"
            return device
        }
    }

    private func path(of volume: String) throws -> String {
        guard let path = volumes[volume] else {
            throw ConfigurationError(
                "cannot find volume \"\(volume)\" to mount into container \"\(container.name)\"")
        }
        return path
    }

    private func volume(_ wanted: VolumeMount, at index: Int) throws -> CRIMount {
        var path = try path(of: wanted.name)
        if let subPath = try subPath(of: wanted), !subPath.isEmpty {
            let target = "\(SubPath.directory(podDirectory))/\(wanted.name)/\(container.name)/\(index)"
            do {
                try SubPath(volume: path, subPath: subPath).mount(at: target)
            } catch {
                throw ConfigurationError(
                    "failed to prepare subPath for volumeMount \"\(wanted.name)\" of container "
                        + "\"\(container.name)\": \(error)")
            }
            path = target
        }
        var mount = CRIMount()
        mount.containerPath = wanted.mountPath.hasPrefix("/") ? wanted.mountPath : "/" + wanted.mountPath
        mount.hostPath = path
        mount.readonly = wanted.readOnly ?? false || isReadOnlyKind(wanted.name)
        // containerd's CRI tells since 2.0 whether it can; ours cannot. "IfPossible" then means plain read-only.
        guard wanted.recursiveReadOnly != "Enabled" else {
            throw ConfigurationError(
                "volume mount \"\(wanted.name)\" requested recursive read-only mode, but it is not supported by the "
                    + "runtime")
        }
        switch wanted.mountPropagation {
        case "HostToContainer": mount.propagation = .propagationHostToContainer
        case "Bidirectional": mount.propagation = .propagationBidirectional
        default: mount.propagation = .propagationPrivate
        }
        return mount
    }

    /// As written, or with the container's variables in it.
    private func subPath(of wanted: VolumeMount) throws -> String? {
        var missing: String?
        let expanded = wanted.subPathExpr.map { text in
            VariableExpansion.expand(text, variables) { missing = missing ?? $0 }
        }
        if let missing { throw ConfigurationError("missing value for \"\(missing)\"") }
        let subPath = expanded ?? wanted.subPath ?? ""
        guard !subPath.hasPrefix("/") else {
            throw ConfigurationError("subPath \"\(subPath)\" must not be an absolute path")
        }
        guard !subPath.split(separator: "/").contains("..") else {
            throw ConfigurationError("subPath \"\(subPath)\" must not contain \"..\"")
        }
        return subPath
    }

    /// Content from the API is never written by containers, nor are images.
    private func isReadOnlyKind(_ name: String) -> Bool {
        guard let volume = pod.spec.volumes.first(where: { $0.name == name }) else { return false }
        return volume.configMap != nil || volume.secret != nil || volume.downwardAPI != nil || volume.projected != nil
            || volume.image != nil || claimIsReadOnly(name)
    }

    private func claimIsReadOnly(_ name: String) -> Bool {
        pod.spec.volumes.first { $0.name == name }?.persistentVolumeClaim?.readOnly ?? false
    }

    /// https://kubernetes.io/docs/tasks/network/customize-hosts-file-for-pods/
    private func hosts() throws -> CRIMount {
        let file = podDirectory + "/etc-hosts"
        var text: String
        if pod.spec.hostNetwork == true {
            text = "# Kubernetes-managed hosts file (host network).\n" + (FileSystem.text("/etc/hosts") ?? "") + "\n"
        } else {
            text = """
                # Kubernetes-managed hosts file.
                127.0.0.1\tlocalhost
                ::1\tlocalhost ip6-localhost ip6-loopback
                fe00::\tip6-localnet
                fe00::\tip6-mcastprefix
                fe00::1\tip6-allnodes
                fe00::2\tip6-allrouters

                """
            let host = SandboxConfigBuilder.hostname(pod)
            let names = domain.isEmpty ? host : "\(host).\(domain)\t\(host)"
            for address in podIPs { text += "\(address)\t\(names)\n" }
        }
        if !pod.spec.hostAliases.isEmpty {
            text += "\n# Entries added by HostAliases.\n"
            for alias in pod.spec.hostAliases { text += ([alias.ip] + alias.hostnames).joined(separator: "\t") + "\n" }
        }
        try FileSystem.createDirectory(podDirectory, mode: 0o750)
        try FileSystem.write(file, text.utf8)
        var mount = CRIMount()
        mount.containerPath = "/etc/hosts"
        mount.hostPath = file
        return mount
    }
}
