package import APIMachinery

/// Typed access to an API server. Cheap to copy; all copies share the transport.
///
/// Keys of cluster-scoped kinds have an empty namespace. Every method throws `APIError` and nothing else.
package struct Client: Sendable {
    package let transport: any ClientTransport
    /// Its part before `/` becomes the manager's name in `managedFields`.
    package let userAgent: String

    package init(transport: any ClientTransport, userAgent: String = "skiff") {
        self.transport = transport
        self.userAgent = userAgent
    }
}

/// The body of a PATCH, with the kind of patch it is.
package enum Patch: Sendable {
    /// RFC 7396.
    case merge([UInt8])
    /// Lists merge by their keys.
    case strategic([UInt8])
    /// RFC 6902.
    case json([UInt8])

    /// A merge patch from a tree.
    package static func merge(_ value: Value) -> Patch { .merge(value.jsonBytes()) }
    /// A strategic merge patch from a tree.
    package static func strategic(_ value: Value) -> Patch { .strategic(value.jsonBytes()) }

    package var contentType: String {
        switch self {
        case .merge: "application/merge-patch+json"
        case .strategic: "application/strategic-merge-patch+json"
        case .json: "application/json-patch+json"
        }
    }

    package var body: [UInt8] {
        switch self {
        case .merge(let body), .strategic(let body), .json(let body): body
        }
    }
}

// MARK: - Typed verbs

extension Client {
    /// Reads the object at `key`, fresh from the server.
    package func get<T: APIObject>(_ type: T.Type, _ key: ObjectKey) async throws(APIError) -> T {
        try await get(T.resource, key)
    }

    /// Reads a list; an empty `namespace` or `nil` means all namespaces.
    ///
    /// `limit`: objects per page; 0 for all at once.
    /// `continueToken`: `metadata.continue` of the page before.
    package func list<T: APIObject>(
        _ type: T.Type, namespace: String? = nil, labelSelector: String? = nil, fieldSelector: String? = nil,
        limit: Int = 0, continueToken: String? = nil
    ) async throws(APIError) -> ObjectList<T> {
        var query = RequestQuery()
        query.add("labelSelector", labelSelector)
        query.add("fieldSelector", fieldSelector)
        query.add("limit", limit == 0 ? nil : String(limit))
        query.add("continue", continueToken)
        return try await send(request("GET", T.resource.path(namespace: namespace) + query.text))
    }

    /// Creates the object in the namespace its metadata names. Returns it as stored.
    @discardableResult
    package func create<T: APIObject>(_ object: T) async throws(APIError) -> T {
        let path = T.resource.path(namespace: object.metadata.namespace)
        return try await send(request("POST", path, json: object.jsonBytes()))
    }

    /// Posts to a subresource: a binding, an eviction, a token request.
    @discardableResult
    package func create<Body: JSONWritable, R: JSONReadable>(
        subresource: String, of resource: ResourceName, _ key: ObjectKey, _ body: Body
    ) async throws(APIError) -> R {
        let path = resource.path(of: key, subresource: subresource)
        return try await send(request("POST", path, json: body.jsonBytes()))
    }

    /// Replaces the object. Throws `.conflict` if its `resourceVersion` is not the current one.
    @discardableResult
    package func update<T: APIObject>(_ object: T, subresource: String? = nil) async throws(APIError) -> T {
        let path = T.resource.path(of: object.key, subresource: subresource)
        return try await send(request("PUT", path, json: object.jsonBytes()))
    }

    /// Replaces `status` alone.
    @discardableResult
    package func updateStatus<T: APIObject>(_ object: T) async throws(APIError) -> T {
        try await update(object, subresource: "status")
    }

    /// Patches the object or its subresource. Returns it as stored.
    @discardableResult
    package func patch<T: APIObject>(
        _ type: T.Type, _ key: ObjectKey, _ patch: Patch, subresource: String? = nil
    ) async throws(APIError) -> T {
        try Self.decode(try await self.patch(T.resource, key, patch, subresource: subresource))
    }

    /// Deletes the object, or starts its graceful deletion.
    package func delete<T: APIObject>(
        _ type: T.Type, _ key: ObjectKey, options: DeleteOptions = DeleteOptions()
    ) async throws(APIError) {
        try await delete(T.resource, key, options: options)
    }

    /// Deletes every object of the kind in `namespace` that the selectors match.
    package func deleteCollection<T: APIObject>(
        _ type: T.Type, namespace: String, labelSelector: String? = nil, fieldSelector: String? = nil,
        options: DeleteOptions = DeleteOptions()
    ) async throws(APIError) {
        try await deleteCollection(
            T.resource, namespace: namespace, labelSelector: labelSelector, fieldSelector: fieldSelector,
            options: options)
    }
}

// MARK: - Verbs for any resource

extension Client {
    /// Reads any object, decoded as whatever part of it the caller needs.
    package func get<R: JSONReadable>(
        _ resource: ResourceName, _ key: ObjectKey, subresource: String? = nil
    ) async throws(APIError) -> R {
        try await send(request("GET", resource.path(of: key, subresource: subresource)))
    }

    /// Patches any object. Returns its JSON as stored.
    @discardableResult
    package func patch(
        _ resource: ResourceName, _ key: ObjectKey, _ patch: Patch, subresource: String? = nil
    ) async throws(APIError) -> [UInt8] {
        var request = request("PATCH", resource.path(of: key, subresource: subresource))
        request.contentType = patch.contentType
        request.body = patch.body
        return try await exchange(request)
    }

    /// Deletes any object.
    package func delete(
        _ resource: ResourceName, _ key: ObjectKey, options: DeleteOptions = DeleteOptions()
    ) async throws(APIError) {
        _ = try await exchange(request("DELETE", resource.path(of: key), json: options.jsonBytes()))
    }

    /// Deletes all objects of any namespaced resource in `namespace`.
    package func deleteCollection(
        _ resource: ResourceName, namespace: String, labelSelector: String? = nil, fieldSelector: String? = nil,
        options: DeleteOptions = DeleteOptions()
    ) async throws(APIError) {
        var query = RequestQuery()
        query.add("labelSelector", labelSelector)
        query.add("fieldSelector", fieldSelector)
        let path = resource.path(namespace: namespace) + query.text
        _ = try await exchange(request("DELETE", path, json: options.jsonBytes()))
    }

    /// The body of any list, decoded as whatever the caller needs of it.
    package func list<R: JSONReadable>(
        _ resource: ResourceName, namespace: String? = nil, limit: Int = 0, accept: String = "application/json"
    ) async throws(APIError) -> R {
        var query = RequestQuery()
        query.add("limit", limit == 0 ? nil : String(limit))
        var request = request("GET", resource.path(namespace: namespace) + query.text)
        request.accept = accept
        return try await send(request)
    }
}

// MARK: - Sending

extension Client {
    private func request(_ method: String, _ target: String, json: [UInt8]? = nil) -> ClientRequest {
        ClientRequest(
            method: method, target: target, contentType: json == nil ? nil : "application/json", userAgent: userAgent,
            body: json ?? [])
    }

    private func send<R: JSONReadable>(_ request: ClientRequest) async throws(APIError) -> R {
        try Self.decode(try await exchange(request))
    }

    private static func decode<R: JSONReadable>(_ body: [UInt8]) throws(APIError) -> R {
        do {
            return try R(json: body)
        } catch {
            throw .malformed("decoding \(R.self): \(error)")
        }
    }

    /// The body of a 2xx answer; any other is thrown.
    package func exchange(_ request: ClientRequest) async throws(APIError) -> [UInt8] {
        let response: ClientResponse
        do {
            response = try await transport.send(request)
        } catch let error as APIError {
            throw error
        } catch {
            throw .unreachable("\(request.method) \(request.target): \(error)")
        }
        guard (200..<300).contains(response.status) else {
            throw APIError(code: response.status, body: response.body)
        }
        return response.body
    }
}
