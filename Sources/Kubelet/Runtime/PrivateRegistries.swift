internal import APIMachinery
internal import Glibc

/// Mirrors of and credentials for image registries, in the format of k3s's `registries.yaml`:
/// https://docs.k3s.io/installation/private-registry
///
/// Mirrors become containerd's `hosts.toml` files, credentials a part of its configuration; both serve every pod of
/// the node. Pods' own secrets are tried as well.
package struct PrivateRegistries: Equatable, Sendable {
    struct Mirror: Equatable, Sendable {
        /// The registry that images name, such as `docker.io`; `_default` for all that have no mirror of their own.
        let registry: String
        /// `http://127.0.0.1:5000`, tried in this order before the registry itself.
        let endpoints: [String]
    }

    struct Login: Equatable, Sendable {
        /// Host and port.
        let registry: String
        /// `username`, `password`, `auth` and `identitytoken`, as containerd names them.
        let fields: [(name: String, value: String)]

        static func == (lhs: Login, rhs: Login) -> Bool {
            lhs.registry == rhs.registry && lhs.fields.elementsEqual(rhs.fields, by: ==)
        }
    }

    struct Security: Equatable, Sendable {
        var certificateAuthority: String?
        var certificate: String?
        var key: String?
        var skipsVerification = false
    }

    private(set) var mirrors: [Mirror] = []
    private(set) var logins: [Login] = []
    private(set) var security: [String: Security] = [:]

    package init() {}

    /// Reads the file at `path`; one that is absent means no mirrors and no credentials.
    package init(path: String) throws(RuntimeError) {
        self.init()
        guard FileSystem.exists(path) else { return }
        do {
            self = try PrivateRegistries(try Value(yaml: try FileSystem.read(path, bytesMax: 1 << 20)))
        } catch let error as Problem {
            throw .registries(path: path, problem: error.text)
        } catch {
            throw .registries(path: path, problem: "\(error)")
        }
    }

    /// What is wrong with the file.
    struct Problem: Error, Equatable {
        let text: String
    }

    init(_ file: Value) throws(Problem) {
        for (section, content) in try Self.members(file, "the file") {
            switch section {
            case "mirrors":
                for (registry, mirror) in try Self.members(content, section) { try addMirror(registry, mirror) }
            case "configs":
                for (registry, config) in try Self.members(content, section) { try addConfig(registry, config) }
            default: throw Problem(text: "unknown section \(section); there are mirrors and configs")
            }
        }
    }

    private mutating func addMirror(_ registry: String, _ mirror: Value) throws(Problem) {
        var endpoints: [String] = []
        for (name, value) in try Self.members(mirror, "mirrors.\(registry)") {
            guard name == "endpoint" else {
                throw Problem(text: "mirrors.\(registry).\(name) is not supported by containerd; only endpoint is")
            }
            for element in value.array ?? [value] {
                guard let url = element.string, let endpoint = Self.endpoint(url) else {
                    throw Problem(text: "mirrors.\(registry).endpoint must be URLs such as http://127.0.0.1:5000")
                }
                endpoints.append(endpoint)
            }
        }
        mirrors.append(Mirror(registry: registry == "*" ? "_default" : registry, endpoints: endpoints))
    }

    private mutating func addConfig(_ registry: String, _ config: Value) throws(Problem) {
        for (part, content) in try Self.members(config, "configs.\(registry)") {
            let place = "configs.\(registry).\(part)"
            switch part {
            case "auth":
                var fields: [(name: String, value: String)] = []
                for (name, value) in try Self.members(content, place) {
                    guard ["username", "password", "auth", "identity_token"].contains(name) else {
                        throw Problem(text: "unknown field \(place).\(name)")
                    }
                    fields.append((name == "identity_token" ? "identitytoken" : name, try Self.text(value, place)))
                }
                logins.append(Login(registry: registry, fields: fields))
            case "tls":
                var found = Security()
                for (name, value) in try Self.members(content, place) {
                    switch name {
                    case "ca_file": found.certificateAuthority = try Self.text(value, place)
                    case "cert_file": found.certificate = try Self.text(value, place)
                    case "key_file": found.key = try Self.text(value, place)
                    case "insecure_skip_verify": found.skipsVerification = value.bool ?? false
                    default: throw Problem(text: "unknown field \(place).\(name)")
                    }
                }
                security[registry] = found
            default: throw Problem(text: "unknown field \(place); there are auth and tls")
            }
        }
    }

    private static func members(_ value: Value, _ place: String) throws(Problem) -> [(key: String, value: Value)] {
        if value.isNull { return [] }
        guard let fields = value.fields else { throw Problem(text: "\(place) must hold keys and values") }
        return fields.entries
    }

    private static func text(_ value: Value, _ place: String) throws(Problem) -> String {
        guard let text = value.string ?? value.int.map({ String($0) }) else {
            throw Problem(text: "the fields of \(place) must be text")
        }
        return text
    }

    /// The URL without a path's end; `https` where it names no scheme.
    private static func endpoint(_ url: String) -> String? {
        var url = url
        while url.hasSuffix("/") { url.removeLast() }
        if url.hasSuffix("/v2") { url.removeLast(3) }
        if !url.contains("://") { url = "https://" + url }
        let parts = url.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "http:" || parts[0] == "https:", !parts[2].isEmpty,
            url.utf8.allSatisfy({ $0 > 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") && $0 < 0x7F })
        else { return nil }
        return url
    }
}

/// What containerd reads.
extension PrivateRegistries {
    /// `hosts.toml` by the name of its directory.
    var hostFiles: [(directory: String, text: String)] {
        var registries = mirrors.map(\.registry)
        for registry in security.keys.sorted() where !registries.contains(registry) { registries.append(registry) }
        return registries.map { registry in
            let endpoints = mirrors.first { $0.registry == registry }?.endpoints ?? []
            var text = registry == "_default" ? "" : "server = \(Self.quoted(Self.server(registry)))\n"
            if endpoints.isEmpty { text += hostTable(Self.server(registry)) }
            for endpoint in endpoints { text += hostTable(endpoint) }
            return (registry, text)
        }
    }

    private func hostTable(_ endpoint: String) -> String {
        let host = String(endpoint.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)[2])
        var text = "\n[host.\(Self.quoted(endpoint))]\n  capabilities = [\"pull\", \"resolve\"]\n"
        guard let security = security[host] else { return text }
        if let authority = security.certificateAuthority { text += "  ca = [\(Self.quoted(authority))]\n" }
        if let certificate = security.certificate, let key = security.key {
            text += "  client = [[\(Self.quoted(certificate)), \(Self.quoted(key))]]\n"
        }
        if security.skipsVerification { text += "  skip_verify = true\n" }
        return text
    }

    /// Docker's registry answers at another name than images use.
    private static func server(_ registry: String) -> String {
        registry == "docker.io" ? "https://registry-1.docker.io" : "https://\(registry)"
    }

    /// The tables of containerd's configuration that hold the credentials.
    var loginTables: String {
        logins.map { login in
            let head =
                #"[plugins."io.containerd.grpc.v1.cri".registry.configs."# + "\(Self.quoted(login.registry)).auth]\n"
            return head + login.fields.map { "\($0.name) = \(Self.quoted($0.value))\n" }.joined()
        }.joined(separator: "\n")
    }

    /// A TOML basic string.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

extension PrivateRegistries {
    /// Makes `directory` hold exactly our files. containerd reads them anew for every pull. Blocks.
    func write(to directory: String) throws(SystemError) {
        try FileSystem.createDirectory(directory, mode: 0o711)
        let files = hostFiles
        for name in FileSystem.entries(directory) where !files.contains(where: { $0.directory == name }) {
            try FileSystem.remove(directory + "/" + name)
        }
        for file in files {
            try FileSystem.createDirectory("\(directory)/\(file.directory)")
            try FileSystem.write("\(directory)/\(file.directory)/hosts.toml", file.text.utf8)
        }
    }
}
