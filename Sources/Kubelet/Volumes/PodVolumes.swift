internal import APIMachinery
internal import CLinux
internal import Glibc
internal import KubeAPI
internal import KubeClient

/// Makes a pod's volumes on this node: a directory (or file) of the node for each volume's name.
///
/// Content that comes from the API is written in a new directory and switched by a link, so a container never sees
/// half of it: https://kubernetes.io/docs/concepts/storage/volumes/
struct PodVolumes: Sendable {
    let pod: Pod
    let directory: String
    let client: Client
    let downward: DownwardAPI
    /// Tokens that are still good; new ones are added.
    private(set) var tokens: VolumeTokens

    init(pod: Pod, directory: String, client: Client, downward: DownwardAPI, tokens: VolumeTokens) {
        self.pod = pod
        self.directory = directory
        self.client = client
        self.downward = downward
        self.tokens = tokens
    }

    /// Paths on the node by volume name. What is there already is brought up to date.
    mutating func prepare() async throws -> [String: String] {
        var paths: [String: String] = [:]
        for volume in pod.spec.volumes {
            // Those are made when a container that mounts them starts, as their image is pulled then.
            if volume.image != nil { continue }
            do {
                paths[volume.name] = try await prepare(volume)
            } catch let error as VolumeError {
                throw error
            } catch {
                throw VolumeError(volume: volume.name, reason: String(describing: error))
            }
        }
        return paths
    }

    private mutating func prepare(_ volume: Volume) async throws -> String {
        if let source = volume.hostPath {
            try await BlockingWork.run { try HostPath.check(source) }
            return source.path
        }
        if let source = volume.emptyDir {
            let path = "\(directory)/volumes/kubernetes.io~empty-dir/\(volume.name)"
            let group = pod.spec.securityContext?.fsGroup
            let directory = EmptyDirectory(
                path: path, source: source, group: group, memoryMax: memoryMax, pageSizes: hugePageSizes)
            try await BlockingWork.run { try directory.make() }
            return path
        }
        if let source = volume.persistentVolumeClaim {
            return try await claimed(source.claimName, as: volume.name, isReadOnly: source.readOnly ?? false).prepare()
        }
        if volume.ephemeral != nil {
            let name = "\(pod.key.name)-\(volume.name)"
            return try await claimed(name, as: volume.name, isReadOnly: false).prepare()
        }
        let payload: VolumePayload
        let kind: String
        if let source = volume.configMap {
            payload = try await configMap(
                source.name, items: source.items, isOptional: source.optional ?? false, mode: source.defaultMode)
            kind = "configmap"
        } else if let source = volume.secret {
            payload = try await secret(
                source.secretName ?? "", items: source.items, isOptional: source.optional ?? false,
                mode: source.defaultMode)
            kind = "secret"
        } else if let source = volume.downwardAPI {
            payload = try downwardFiles(source.items, mode: source.defaultMode)
            kind = "downward-api"
        } else if let source = volume.projected {
            payload = try await projected(source, of: volume.name)
            kind = "projected"
        } else {
            throw VolumeError.withoutPlugin(pod: pod, volume: volume.name)
        }
        let path = "\(directory)/volumes/kubernetes.io~\(kind)/\(volume.name)"
        let group = pod.spec.securityContext?.fsGroup
        try await BlockingWork.run { try AtomicDirectory(path: path, group: group).write(payload) }
        return path
    }

    private func claimed(_ name: String, as volume: String, isReadOnly: Bool) -> ClaimedVolume {
        ClaimedVolume(
            pod: pod, name: volume, claim: key(name), isReadOnly: isReadOnly, directory: directory, client: client,
            nodeName: downward.node.name)
    }

    /// Memory that a volume in memory can hold at most: what the pod may use, else what the node has.
    private var memoryMax: Int64 {
        let node = downward.node.allocatable["memory"]?.value ?? 0
        guard PodFacts.isLimited(pod, "memory"), let limit = PodFacts.limits(pod)["memory"]?.value else { return node }
        return min(node, limit)
    }

    /// Sizes of the huge pages that the pod's containers ask for: `2Mi`.
    private var hugePageSizes: Set<String> {
        let prefix = "hugepages-"
        var sizes: Set<String> = []
        for container in pod.allContainers {
            let names = Array(container.resources.requests.keys) + Array(container.resources.limits.keys)
            for name in names where name.hasPrefix(prefix) { sizes.insert(String(name.dropFirst(prefix.count))) }
        }
        return sizes
    }

    /// What the API server adds to every token volume although nothing here publishes it. A pod need not wait for it.
    private static func isUnpublished(_ map: ConfigMapProjection, in volume: String) -> Bool {
        volume.hasPrefix("kube-api-access-") && map.name == "openshift-service-ca.crt"
            && map.items.map(\.key) == ["service-ca.crt"]
    }

    private mutating func projected(_ source: ProjectedVolumeSource, of volume: String) async throws -> VolumePayload {
        var payload = VolumePayload()
        for part in source.sources {
            if let map = part.configMap {
                let isOptional = map.optional ?? Self.isUnpublished(map, in: volume)
                payload.merge(
                    try await configMap(map.name, items: map.items, isOptional: isOptional, mode: source.defaultMode))
            }
            if let map = part.secret {
                payload.merge(
                    try await secret(
                        map.name, items: map.items, isOptional: map.optional ?? false, mode: source.defaultMode))
            }
            if let files = part.downwardAPI {
                payload.merge(try downwardFiles(files.items, mode: source.defaultMode))
            }
            if part.clusterTrustBundle != nil {
                // No such objects are served, as upstream does not serve them by default.
                throw ConfigurationError("ClusterTrustBundle projection is not supported in this cluster")
            }
            if part.podCertificate != nil {
                throw ConfigurationError("pod certificate projection is not supported in this cluster")
            }
            if let token = part.serviceAccountToken {
                payload.merge(try await serviceAccountToken(token, in: volume, mode: source.defaultMode))
            }
        }
        return payload
    }

    private func configMap(
        _ name: String, items: [KeyToPath], isOptional: Bool, mode: Int32?
    ) async throws -> VolumePayload {
        do {
            let map = try await client.get(ConfigMap.self, key(name))
            let content = map.binaryData.merging(map.data.mapValues { Array($0.utf8) }) { _, text in text }
            return try VolumePayload(
                content, items: items, isOptional: isOptional, mode: mode,
                missing: { "references non-existent config key: \($0)" })
        } catch APIError.notFound where isOptional {
            return VolumePayload()
        } catch let error as APIError {
            throw ConfigurationError(Self.text(error, kind: "configmap", name: name))
        }
    }

    private func secret(
        _ name: String, items: [KeyToPath], isOptional: Bool, mode: Int32?
    ) async throws -> VolumePayload {
        do {
            let secret = try await client.get(Secret.self, key(name))
            return try VolumePayload(
                secret.data, items: items, isOptional: isOptional, mode: mode,
                missing: { "references non-existent secret key: \($0)" })
        } catch APIError.notFound where isOptional {
            return VolumePayload()
        } catch let error as APIError {
            throw ConfigurationError(Self.text(error, kind: "secret", name: name))
        }
    }

    private func downwardFiles(_ items: [DownwardAPIVolumeFile], mode: Int32?) throws -> VolumePayload {
        var payload = VolumePayload()
        for item in items {
            let text: String
            if let field = item.fieldRef {
                text = try downward.field(field.fieldPath)
            } else if let resource = item.resourceFieldRef {
                let container = pod.allContainers.first { $0.name == resource.containerName }
                text = try downward.resource(resource, of: container ?? Container())
            } else {
                text = ""
            }
            payload.files[item.path] = VolumePayload.File(content: Array(text.utf8), mode: item.mode ?? mode ?? 0o644)
        }
        return payload
    }

    /// https://kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken
    private mutating func serviceAccountToken(
        _ source: ServiceAccountTokenProjection, in volume: String, mode: Int32?
    ) async throws -> VolumePayload {
        let key = VolumeTokens.Key(volume: volume, path: source.path)
        let text: String
        if let current = tokens.current(key, now: .now) {
            text = current
        } else {
            let token = try await issueToken(source)
            tokens.set(key, token)
            text = token.text
        }
        var payload = VolumePayload()
        // Readable by the pod's group where it has one, else by its own user only.
        let isShared = pod.spec.securityContext?.fsGroup != nil
        let isForRoot = pod.allContainers.allSatisfy {
            ($0.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser) == nil
        }
        let bits: Int32 = isShared ? 0o640 : isForRoot ? mode ?? 0o600 : 0o644
        payload.files[source.path] = VolumePayload.File(content: Array(text.utf8), mode: bits)
        return payload
    }

    private func issueToken(_ source: ServiceAccountTokenProjection) async throws -> VolumeTokens.Token {
        var request = TokenRequest()
        request.spec.audiences = source.audience.map { $0.isEmpty ? [] : [$0] } ?? []
        request.spec.expirationSeconds = source.expirationSeconds ?? 3600
        var bound = BoundObjectReference()
        bound.apiVersion = "v1"
        bound.kind = "Pod"
        bound.name = pod.metadata.name
        bound.uid = pod.metadata.uid
        request.spec.boundObjectRef = bound
        let account = key(pod.spec.serviceAccountName ?? "default")
        do {
            let answer: TokenRequest = try await client.create(
                subresource: "token", of: ServiceAccount.resource, account, request)
            return VolumeTokens.Token(
                text: answer.status.token,
                life: answer.status.expirationTimestamp.map { $0 - .now() }
                    ?? .seconds(source.expirationSeconds ?? 3600),
                now: .now)
        } catch {
            throw ConfigurationError("failed to fetch token: \(error.message)")
        }
    }

    /// Kubelets name the kind in the singular.
    private static func text(_ error: APIError, kind: String, name: String) -> String {
        error.isNotFound ? "\(kind) \"\(name)\" not found" : error.message
    }

    private func key(_ name: String) -> ObjectKey {
        ObjectKey(namespace: pod.metadata.namespace ?? "", name: name)
    }
}

/// Why a volume cannot be made yet.
struct VolumeError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }

    init(volume: String, reason: String) {
        self.init("MountVolume.SetUp failed for volume \"\(volume)\" : \(reason)")
    }
}

/// Files of a volume by their path in it.
struct VolumePayload: Sendable, Equatable {
    struct File: Sendable, Equatable {
        var content: [UInt8]
        var mode: Int32
    }

    var files: [String: File] = [:]

    init() {}

    /// All of `content`, or what `items` picks from it.
    init(
        _ content: [String: [UInt8]], items: [KeyToPath], isOptional: Bool, mode: Int32?,
        missing: (String) -> String
    ) throws(ConfigurationError) {
        let mode = mode ?? 0o644
        if items.isEmpty {
            files = content.mapValues { File(content: $0, mode: mode) }
            return
        }
        for item in items {
            guard let bytes = content[item.key] else {
                if isOptional { continue }
                throw ConfigurationError(missing(item.key))
            }
            files[item.path] = File(content: bytes, mode: item.mode ?? mode)
        }
    }

    mutating func merge(_ other: VolumePayload) {
        files.merge(other.files) { _, new in new }
    }
}
