internal import APIMachinery
internal import Crypto

/// With which secrets an image has been pulled.
struct ImageRecord: Sendable, Equatable {
    struct SecretRecord: Sendable, Equatable {
        var source: PullCredential.Source
        var hash: String
    }

    struct Allowed: Sendable, Equatable {
        /// It was had without a secret of a pod.
        var isForAll = false
        var secrets: [SecretRecord] = []
    }

    let id: String
    var repositories: [String: Allowed] = [:]

    init(id: String) {
        self.id = id
    }

    /// SHA-256 in hexadecimal digits.
    static func digest(_ text: String) -> String {
        SHA256.hash(data: Array(text.utf8)).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }

    mutating func add(_ credential: PullCredential?, to repository: String, secretsMax: Int) {
        var allowed = repositories[repository] ?? Allowed()
        if let credential {
            allowed.secrets.removeAll { $0.source == credential.source }
            allowed.secrets.append(SecretRecord(source: credential.source, hash: credential.hash))
            allowed.secrets.removeFirst(max(0, allowed.secrets.count - secretsMax))
        } else {
            allowed = Allowed(isForAll: true)
        }
        repositories[repository] = allowed
    }

    /// The node agent's own format upstream.
    var json: Value {
        let mapping = repositories.sorted { $0.key < $1.key }.map {
            repository, allowed -> (key: String, value: Value) in
            if allowed.isForAll { return (repository, ["nodePodsAccessible": true]) }
            let secrets = allowed.secrets.map { secret -> Value in
                [
                    "uid": .string(secret.source.uid), "namespace": .string(secret.source.namespace),
                    "name": .string(secret.source.name), "credentialHash": .string(secret.hash),
                ]
            }
            return (repository, ["kubernetesSecrets": .array(secrets)])
        }
        return [
            "kind": "ImagePulledRecord", "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "lastUpdatedTime": .string(Time.now().description), "imageRef": .string(id),
            "credentialMapping": .object(OrderedFields(mapping)),
        ]
    }

    init?(json bytes: [UInt8]) {
        guard let value = try? Value(json: bytes), let id = value["imageRef"]?.string, !id.isEmpty else { return nil }
        self.id = id
        for (repository, entry) in value["credentialMapping"]?.fields?.entries ?? [] {
            var allowed = Allowed(isForAll: entry["nodePodsAccessible"]?.bool ?? false)
            for secret in entry["kubernetesSecrets"]?.array ?? [] {
                let source = PullCredential.Source(
                    uid: secret["uid"]?.string ?? "", namespace: secret["namespace"]?.string ?? "",
                    name: secret["name"]?.string ?? "")
                allowed.secrets.append(
                    SecretRecord(source: source, hash: secret["credentialHash"]?.string ?? ""))
            }
            repositories[repository] = allowed
        }
    }
}
