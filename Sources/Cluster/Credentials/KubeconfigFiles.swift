internal import APIMachinery
internal import Glibc
internal import PKI

/// The kubeconfig files that know this cluster: our own, and the user's into which it was merged.
struct KubeconfigFiles {
    private let configuration: ResolvedConfiguration
    private var name: String { configuration.paths.contextName }

    init(_ configuration: ResolvedConfiguration) {
        self.configuration = configuration
    }

    /// Writes the cluster's own file, whole.
    func writeOwn(_ credentials: Credentials) throws {
        var content = try Kubeconfig(yaml: [])
        try set(&content, credentials)
        try PrivateFile.write(content.yaml, to: configuration.ownKubeconfig, mode: configuration.kubeconfigMode)
    }

    /// Rewrites our own file, and every user's file that has our entry still.
    func refresh(_ credentials: Credentials) throws {
        try writeOwn(credentials)
        for path in merged {
            guard let known = try PrivateFile.read(path) else { continue }
            var content = try Kubeconfig(yaml: known)
            guard content.contains(name) else { continue }
            let current = content.value["current-context"]
            try set(&content, credentials)
            content.setCurrent(current?.string ?? "")
            try Self.replace(path, with: content)
        }
    }

    /// Merges the cluster into the caller's own configuration and makes its context current. Returns the file's path.
    func merge(_ credentials: Credentials) throws(ClusterError) -> String {
        let path = try Self.userPath()
        do {
            var content = try Kubeconfig(yaml: try PrivateFile.read(path) ?? [])
            try set(&content, credentials)
            try Self.replace(path, with: content)
            try remember(path)
        } catch {
            throw .kubeconfig(path: path, reason: "\(error)")
        }
        return path
    }

    /// Takes the cluster out of every file it was merged into. A file that held nothing else goes.
    func removeMerged() throws(ClusterError) {
        var paths = merged
        if let own = try? Self.userPath(), !paths.contains(own) { paths.append(own) }
        for path in paths {
            do {
                guard let known = try PrivateFile.read(path) else { continue }
                var content = try Kubeconfig(yaml: known)
                guard content.contains(name) else { continue }
                content.remove(name)
                if content.isEmpty { unlink(path) } else { try Self.replace(path, with: content) }
            } catch {
                throw .kubeconfig(path: path, reason: "\(error)")
            }
        }
    }

    private func set(_ content: inout Kubeconfig, _ credentials: Credentials) throws {
        let admin = try credentials.adminCertificate()
        content.set(
            name, server: configuration.serverURL, caPEM: credentials.ca.certificatePEM,
            certificatePEM: admin.certificatePEM, keyPEM: admin.privateKeyPEM
        )
    }

    // MARK: Which files

    private var merged: [String] {
        guard let content = try? PrivateFile.read(configuration.paths.mergedKubeconfigs) else { return [] }
        return content.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    }

    private func remember(_ path: String) throws {
        let known = merged
        if known.contains(path) { return }
        let text = (known + [path]).joined(separator: "\n") + "\n"
        try PrivateFile.write(Array(text.utf8), to: configuration.paths.mergedKubeconfigs)
    }

    /// Where kubectl would write: the first file of `$KUBECONFIG`, else `~/.kube/config`. Links are followed, so that
    /// the file behind is changed and the link stays.
    private static func userPath() throws(ClusterError) -> String {
        let named = environment("KUBECONFIG")?.split(separator: ":").first.map(String.init)
        let path: String
        if let named {
            path = named.hasPrefix("/") ? named : (workingDirectory ?? "") + "/" + named
        } else {
            guard let home = environment("HOME"), !home.isEmpty else {
                throw .kubeconfig(path: "~/.kube/config", reason: "neither KUBECONFIG nor HOME is set")
            }
            path = home + "/.kube/config"
        }
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }

    private static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    private static var workingDirectory: String? {
        guard let path = getcwd(nil, 0) else { return nil }
        defer { free(path) }
        return String(cString: path)
    }

    /// Writes the file, keeping its owner and mode; a new one gets its directory's owner (`sudo` in a user's home).
    private static func replace(_ path: String, with content: Kubeconfig) throws {
        let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "/"
        var parent = stat()
        if stat(directory, &parent) != 0 {
            try Directories.create(directory, mode: 0o750)
            let above = directory.lastIndex(of: "/").map { String(directory[..<$0]) } ?? "/"
            if stat(above.isEmpty ? "/" : above, &parent) == 0 { chown(directory, parent.st_uid, parent.st_gid) }
        }
        var known = stat()
        let isKnown = stat(path, &known) == 0
        try PrivateFile.write(content.yaml, to: path, mode: isKnown ? known.st_mode & 0o777 : 0o600)
        let owner = isKnown ? known : parent
        if chown(path, owner.st_uid, owner.st_gid) != 0 { throw Directories.failure("change the owner of", path) }
    }
}
