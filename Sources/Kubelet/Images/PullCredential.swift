internal import APIMachinery
internal import CRI
internal import Glibc
internal import KubeAPI

/// A login for the images whose names begin with `key`, from one of a pod's pull secrets:
/// https://kubernetes.io/docs/concepts/containers/images/#config-json
struct PullCredential: Sendable, Equatable {
    /// The secret it is from.
    struct Source: Sendable, Equatable, CustomStringConvertible {
        var uid: String
        var namespace: String
        var name: String

        var description: String { "\(namespace)/\(name)/\(uid)" }
    }

    /// Host and path: `*.example.com:5000/team`.
    let key: String
    let username: String
    let password: String
    let identityToken: String
    let source: Source

    /// Without an address: a mirror is to get them too.
    var auth: CRIAuthConfig {
        var auth = CRIAuthConfig()
        auth.username = username
        auth.password = password
        auth.identityToken = identityToken
        return auth
    }

    /// Tells whether two secrets hold the same login.
    var hash: String {
        ImageRecord.digest([key, username, password, identityToken].joined(separator: "\u{0}"))
    }

    /// Those for an image of `repository`, the most specific first.
    static func matching(_ repository: String, in all: [PullCredential]) -> [PullCredential] {
        // The order of keys is upstream's: the last in the alphabet first, which puts longer paths before shorter.
        let keys = Set(all.map(\.key)).sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }.reversed()
        let found = keys.filter { matches($0, repository) }.flatMap { key in all.filter { $0.key == key } }
        if !found.isEmpty || !repository.hasPrefix("docker.io/") { return found }
        return all.filter { $0.key == defaultRegistry }
    }

    /// What `docker login` writes for Docker's own registry.
    private static let defaultRegistry = "index.docker.io"

    static func matches(_ key: String, _ repository: String) -> Bool {
        let (wanted, given) = (split(key), split(repository))
        guard wanted.port == given.port, wanted.labels.count == given.labels.count, given.path.hasPrefix(wanted.path)
        else { return false }
        return zip(wanted.labels, given.labels).allSatisfy { fnmatch($0, $1, FNM_PATHNAME) == 0 }
    }

    private static func split(_ name: String) -> (labels: [String], port: Substring, path: Substring) {
        let slash = name.firstIndex(of: "/") ?? name.endIndex
        let host = name[..<slash]
        let colon = host.lastIndex(of: ":") ?? host.endIndex
        let labels = host[..<colon].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        return (labels, host[colon...], name[slash...])
    }
}

extension PullCredential {
    /// Logins of a secret of the type `kubernetes.io/dockerconfigjson` or `kubernetes.io/dockercfg`. Bad ones are passed
    /// over.
    static func read(_ secret: Secret) -> [PullCredential] {
        let servers: OrderedFields?
        switch secret.type {
        case "kubernetes.io/dockerconfigjson":
            servers = secret.data[".dockerconfigjson"].flatMap { try? Value(json: $0) }?["auths"]?.fields
        case "kubernetes.io/dockercfg":
            servers = secret.data[".dockercfg"].flatMap { try? Value(json: $0) }?.fields
        default: servers = nil
        }
        let source = Source(
            uid: secret.metadata.uid ?? "", namespace: secret.metadata.namespace ?? "",
            name: secret.metadata.name ?? "")
        return (servers?.entries ?? []).compactMap { server, entry in
            var username = entry["username"]?.string ?? ""
            var password = entry["password"]?.string ?? ""
            if let encoded = entry["auth"]?.string, !encoded.isEmpty {
                guard let bytes = Base64.decode(encoded.utf8) else { return nil }
                let parts = String(decoding: bytes, as: UTF8.self).split(
                    separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                guard parts.count == 2 else { return nil }
                username = String(parts[0])
                password = String(parts[1])
            }
            return PullCredential(
                key: key(server), username: username, password: password,
                identityToken: entry["identitytoken"]?.string ?? "", source: source)
        }
    }

    /// `https://index.docker.io/v1/` is `index.docker.io`.
    static func key(_ server: String) -> String {
        var rest = server[...]
        for scheme in ["https://", "http://"] where rest.hasPrefix(scheme) { rest = rest.dropFirst(scheme.count) }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        var path = rest[slash...]
        if path.hasPrefix("/v1/") || path.hasPrefix("/v2/") { path = path.dropFirst(3) }
        return path == "/" ? String(rest[..<slash]) : String(rest[..<slash] + path)
    }
}
