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

    /// Where the runtime finds the container's termination message afterwards.
    static func terminationFile(_ podDirectory: String, _ container: String, _ restartCount: Int) -> String {
        "\(podDirectory)/containers/\(container)/termination-\(restartCount)"
    }

    /// Blocks.
    func make(restartCount: Int) throws -> [CRIMount] {
        var mounts = try container.volumeMounts.map(mount)
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

    private func mount(_ wanted: VolumeMount) throws -> CRIMount {
        guard var path = volumes[wanted.name] else {
            throw ConfigurationError(
                "cannot find volume \"\(wanted.name)\" to mount into container \"\(container.name)\"")
        }
        let subPath = wanted.subPathExpr.map { VariableExpansion.expand($0, variables) } ?? wanted.subPath ?? ""
        if !subPath.isEmpty {
            guard !subPath.hasPrefix("/"), !subPath.split(separator: "/").contains("..") else {
                throw ConfigurationError("subPath \"\(subPath)\" must stay within the volume")
            }
            path = try Self.resolved(subPath, in: path)
        }
        var mount = CRIMount()
        mount.containerPath = wanted.mountPath.hasPrefix("/") ? wanted.mountPath : "/" + wanted.mountPath
        mount.hostPath = path
        mount.readonly = wanted.readOnly ?? false || isReadOnlyKind(wanted.name)
        switch wanted.mountPropagation {
        case "HostToContainer": mount.propagation = .propagationHostToContainer
        case "Bidirectional": mount.propagation = .propagationBidirectional
        default: mount.propagation = .propagationPrivate
        }
        return mount
    }

    /// Content from the API is never written by containers.
    private func isReadOnlyKind(_ name: String) -> Bool {
        guard let volume = pod.spec.volumes.first(where: { $0.name == name }) else { return false }
        return volume.configMap != nil || volume.secret != nil || volume.downwardAPI != nil || volume.projected != nil
    }

    /// The path below the volume, made as a directory where it is missing; links must not lead out of the volume.
    private static func resolved(_ subPath: String, in volume: String) throws -> String {
        let path = volume + "/" + subPath
        if !FileSystem.exists(path) { try FileSystem.createDirectory(path, mode: 0o750) }
        guard let root = realpath(volume, nil), let real = realpath(path, nil) else {
            throw SystemError("resolve \(path)")
        }
        defer {
            free(root)
            free(real)
        }
        let (rootText, text) = (String(cString: root), String(cString: real))
        guard text == rootText || text.hasPrefix(rootText + "/") else {
            throw ConfigurationError("subPath \"\(subPath)\" leads out of the volume")
        }
        return text
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
            for address in podIPs { text += "\(address)\t\(SandboxConfigBuilder.hostname(pod))\n" }
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
