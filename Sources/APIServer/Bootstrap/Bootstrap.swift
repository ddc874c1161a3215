internal import APIMachinery
internal import Storage
internal import Transport

/// Makes what every cluster has from the start: namespaces, the way to the API server, system priorities.
extension APIServer {
    /// Idempotent; `/readyz` waits for it. Writes run side by side, so that the store commits them in few groups.
    package func bootstrap() async throws(APIError) {
        let classes = configuration.offersLocalPath ? [StorageClassObjects.localPath] : []
        try await ensureAll(bootstrapNamespaces() + bootstrapPriorities() + classes)
        try await ensureAll(
            PolicyObjects.all + FlowControlObjects.all + APIServiceObjects.all(configuration.resources))
        if let failure = await ensure("/api/v1/namespaces/default/services", kubernetesService()) { throw failure }
        if let failure = await ensureEndpoints() { throw failure }
        quotas.recountAll()
        fairness.refresh()
        readiness.bootstrapIsDone()
    }

    /// Writes what is missing or incomplete, side by side, so that the store commits it in few groups. Objects that
    /// are as they should be cost one look into memory.
    private func ensureAll(_ objects: [BootstrapObject]) async throws(APIError) {
        let failures = await withTaskGroup(of: APIError?.self) { group in
            for object in objects {
                guard let stored = stored(object) else {
                    group.addTask { await self.ensure(object.path, object.object) }
                    continue
                }
                guard let fresh = object.reconcile(stored, object.object) else { continue }
                group.addTask { await self.write("PUT", object.path + "/" + fresh.name, fresh) }
            }
            return await group.reduce(into: [APIError]()) { if let error = $1 { $0.append(error) } }
        }
        if let failure = failures.first { throw failure }
    }

    private func stored(_ wanted: BootstrapObject) -> Value? {
        let request = HTTPRequest(
            method: "GET", path: wanted.path + "/" + wanted.object.name,
            connection: HTTPConnection(remoteAddress: "in-process"))
        let info = RequestInfo(request, query: Query(nil))
        guard let resource = registry.resource(for: info),
            let object = store.get(resource.key(namespace: info.namespace, name: info.name))
        else { return nil }
        return try? codec.decode(object, as: resource)
    }

    private func bootstrapNamespaces() -> [BootstrapObject] {
        ["default", "kube-system", "kube-public", "kube-node-lease"].map {
            BootstrapObject(
                path: "/api/v1/namespaces",
                object: ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string($0)]])
        }
    }

    private func bootstrapPriorities() -> [BootstrapObject] {
        func make(_ name: String, _ value: Int64, _ description: String) -> BootstrapObject {
            BootstrapObject(
                path: "/apis/scheduling.k8s.io/v1/priorityclasses",
                object: [
                    "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": ["name": .string(name)],
                    "value": .int(value), "description": .string(description),
                ])
        }
        return [
            make(
                "system-node-critical", 2_000_001_000,
                "Used for system critical pods that must not be moved from their current node."),
            make(
                "system-cluster-critical", 2_000_000_000,
                "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary."
            ),
        ]
    }

    private func kubernetesService() -> Value {
        let address = ServiceRange(configuration.serviceCIDR).map { ServiceRange.text($0.first) } ?? ""
        return [
            "apiVersion": "v1", "kind": "Service",
            "metadata": [
                "name": "kubernetes", "namespace": "default",
                "labels": ["component": "apiserver", "provider": "kubernetes"],
            ],
            "spec": [
                "clusterIP": .string(address), "type": "ClusterIP", "sessionAffinity": "None",
                "ports": [
                    [
                        "name": "https", "protocol": "TCP", "port": 443,
                        "targetPort": .int(Int64(configuration.advertisePort)),
                    ]
                ],
            ],
        ]
    }

    /// Endpoints and EndpointSlice of `kubernetes`: always this server's address.
    ///
    /// A server that can be reached from its own machine only has none: no endpoint may be a loopback address.
    private func ensureEndpoints() async -> APIError? {
        guard IPText(configuration.advertiseAddress)?.isLoopback == false else { return nil }
        let port: Value = [
            "name": "https", "protocol": "TCP", "port": .int(Int64(configuration.advertisePort)),
        ]
        let address = Value.string(configuration.advertiseAddress)
        let endpoints: Value = [
            "apiVersion": "v1", "kind": "Endpoints",
            "metadata": [
                "name": "kubernetes", "namespace": "default",
                "labels": ["endpointslice.kubernetes.io/skip-mirror": "true"],
            ],
            "subsets": [["addresses": [["ip": address]], "ports": [port]]],
        ]
        let slice: Value = [
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": [
                "name": "kubernetes", "namespace": "default",
                "labels": ["kubernetes.io/service-name": "kubernetes"],
            ],
            "addressType": .string(configuration.advertiseAddress.contains(":") ? "IPv6" : "IPv4"),
            "endpoints": [["addresses": [address], "conditions": ["ready": true]]],
            "ports": [port],
        ]
        if let failure = await put("/api/v1/namespaces/default/endpoints", endpoints) { return failure }
        return await put("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", slice)
    }

    /// Creates the object unless it is there. One that is must not be tried: a Service asks for an address that its
    /// namesake has.
    private func ensure(_ path: String, _ object: Value) async -> APIError? {
        guard stored(BootstrapObject(path: path, object: object)) == nil else { return nil }
        guard let failure = await write("POST", path, object), failure.reason != "AlreadyExists" else { return nil }
        return failure
    }

    private func put(_ path: String, _ object: Value) async -> APIError? {
        guard let failure = await ensureOrConflict(path, object) else { return nil }
        guard failure.reason == "AlreadyExists" else { return failure }
        return await write("PUT", path + "/" + object.name, object)
    }

    private func ensureOrConflict(_ path: String, _ object: Value) async -> APIError? {
        await write("POST", path, object)
    }

    /// One write through the whole pipeline, as the server itself.
    private func write(_ method: String, _ path: String, _ object: Value) async -> APIError? {
        let user = UserInfo(name: "system:apiserver", groups: ["system:masters"])
        let request = HTTPRequest(
            method: method, path: path, headers: ["User-Agent": "kube-apiserver/skiff"], body: object.jsonBytes(),
            connection: HTTPConnection(remoteAddress: "in-process", attachment: user))
        let query = Query(nil)
        let info = RequestInfo(request, query: query)
        guard let resource = registry.resource(for: info) else { return .noSuchPath }
        let context = RequestContext(
            request: request, info: info, query: query, user: user, resource: resource, format: .json, schema: schema)
        do throws(APIError) {
            _ = method == "POST" ? try await create(context) : try await update(context)
            return nil
        } catch {
            return error
        }
    }
}
