internal import APIMachinery
internal import CRI
internal import KubeAPI
internal import KubeClient

/// A container's environment, in upstream's order: services, `envFrom`, `env` (the last of a name wins).
struct ContainerEnvironment: Sendable {
    let downward: DownwardAPI
    let client: Client
    let services: Lister<Service>
    /// Paths on the node by volume name, for files with variables.
    var volumes: [String: String] = [:]

    /// Names and values in the order they were first set.
    struct Variables: Sendable {
        private(set) var names: [String] = []
        private(set) var values: [String: String] = [:]

        mutating func set(_ name: String, _ value: String) {
            if values.updateValue(value, forKey: name) == nil { names.append(name) }
        }

        var entries: [CRIKeyValue] {
            names.map { name in
                var entry = CRIKeyValue()
                entry.key = name
                entry.value = values[name] ?? ""
                return entry
            }
        }
    }

    func variables(of container: Container) async throws -> Variables {
        var variables = Variables()
        addServices(to: &variables)
        for source in container.envFrom { try await add(source, to: &variables) }
        for entry in container.env {
            if let value = try await value(of: entry, container: container, known: variables.values) {
                variables.set(entry.name, value)
            }
        }
        return variables
    }

    /// `REDIS_SERVICE_HOST` and its like, for services of the pod's namespace and for `default/kubernetes`:
    /// https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
    private func addServices(to variables: inout Variables) {
        let namespace = downward.pod.metadata.namespace ?? ""
        let wantsLinks = downward.pod.spec.enableServiceLinks ?? true
        let api = ObjectKey(namespace: "default", name: "kubernetes")
        var found = wantsLinks ? services.list(namespace: namespace) : []
        // The pod's own namespace may have a Service of that name.
        if let kubernetes = services[api], !found.contains(where: { $0.metadata.name == api.name }) {
            found.append(kubernetes)
        }
        for service in found.sorted(by: { ($0.metadata.name ?? "") < ($1.metadata.name ?? "") }) {
            guard let address = service.spec.clusterIP, !address.isEmpty, address != "None",
                let first = service.spec.ports.first
            else { continue }
            let prefix = (service.metadata.name ?? "").uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
            variables.set("\(prefix)_SERVICE_HOST", address)
            variables.set("\(prefix)_SERVICE_PORT", String(first.port))
            for port in service.spec.ports {
                guard let name = port.name, !name.isEmpty else { continue }
                let suffix = name.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
                variables.set("\(prefix)_SERVICE_PORT_\(suffix)", String(port.port))
            }
            let scheme = (first.protocol ?? "TCP").lowercased()
            variables.set("\(prefix)_PORT", "\(scheme)://\(address):\(first.port)")
            for port in service.spec.ports {
                let transport = port.protocol ?? "TCP"
                let stem = "\(prefix)_PORT_\(port.port)_\(transport)"
                variables.set(stem, "\(transport.lowercased())://\(address):\(port.port)")
                variables.set("\(stem)_PROTO", transport.lowercased())
                variables.set("\(stem)_PORT", String(port.port))
                variables.set("\(stem)_ADDR", address)
            }
        }
    }

    private func add(_ source: EnvFromSource, to variables: inout Variables) async throws {
        let prefix = source.prefix ?? ""
        if let reference = source.configMapRef {
            guard let map = try await configMap(reference.name, isOptional: reference.optional ?? false) else { return }
            for (key, value) in map.data.sorted(by: { $0.key < $1.key }) { variables.set(prefix + key, value) }
        }
        if let reference = source.secretRef {
            guard let secret = try await secret(reference.name, isOptional: reference.optional ?? false) else { return }
            for (key, value) in secret.data.sorted(by: { $0.key < $1.key }) {
                variables.set(prefix + key, String(decoding: value, as: UTF8.self))
            }
        }
    }

    /// `nil` for an optional reference to what does not exist.
    private func value(
        of entry: EnvVar, container: Container, known: [String: String]
    ) async throws -> String? {
        guard let source = entry.valueFrom else { return VariableExpansion.expand(entry.value ?? "", known) }
        let namespace = downward.pod.metadata.namespace ?? ""
        if let field = source.fieldRef { return try downward.field(field.fieldPath) }
        if let resource = source.resourceFieldRef {
            let named = downward.pod.allContainers.first { $0.name == resource.containerName }
            return try downward.resource(resource, of: named ?? container)
        }
        if let reference = source.configMapKeyRef {
            let isOptional = reference.optional ?? false
            guard let map = try await configMap(reference.name, isOptional: isOptional) else { return nil }
            if let value = map.data[reference.key] { return value }
            if isOptional { return nil }
            throw ConfigurationError("couldn't find key \(reference.key) in ConfigMap \(namespace)/\(reference.name)")
        }
        if let reference = source.secretKeyRef {
            let isOptional = reference.optional ?? false
            guard let secret = try await secret(reference.name, isOptional: isOptional) else { return nil }
            if let value = secret.data[reference.key] { return String(decoding: value, as: UTF8.self) }
            if isOptional { return nil }
            throw ConfigurationError("couldn't find key \(reference.key) in Secret \(namespace)/\(reference.name)")
        }
        if let reference = source.fileKeyRef { return try await value(of: reference) }
        return ""
    }

    private func value(of reference: FileKeySelector) async throws -> String? {
        guard let volume = volumes[reference.volumeName] else {
            throw ConfigurationError("cannot find the volume \"\(reference.volumeName)\" referenced by FileKeyRef")
        }
        let path = reference.path
        let text = try await BlockingWork.run { VolumePath.text(path, in: volume, bytesMax: Self.fileBytesMax) }
        guard let text else {
            if reference.optional { return nil }
            throw ConfigurationError("couldn't parse env file")
        }
        if let value = try EnvironmentFile.value(of: reference.key, in: text), !value.isEmpty { return value }
        if reference.optional { return nil }
        throw ConfigurationError("environment variable key \"\(reference.key)\" not found in file \"\(path)\"")
    }

    private static let fileBytesMax = 1 << 20

    private func configMap(_ name: String, isOptional: Bool) async throws -> ConfigMap? {
        do {
            return try await client.get(ConfigMap.self, key(name))
        } catch .notFound where isOptional {
            return nil
        } catch {
            throw ConfigurationError(Self.text(error, kind: "configmap", name: name))
        }
    }

    private func secret(_ name: String, isOptional: Bool) async throws -> Secret? {
        do {
            return try await client.get(Secret.self, key(name))
        } catch .notFound where isOptional {
            return nil
        } catch {
            throw ConfigurationError(Self.text(error, kind: "secret", name: name))
        }
    }

    /// Kubelets name the kind in the singular.
    private static func text(_ error: APIError, kind: String, name: String) -> String {
        error.isNotFound ? "\(kind) \"\(name)\" not found" : error.message
    }

    private func key(_ name: String) -> ObjectKey {
        ObjectKey(namespace: downward.pod.metadata.namespace ?? "", name: name)
    }
}
