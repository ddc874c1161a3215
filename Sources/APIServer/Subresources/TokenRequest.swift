internal import APIMachinery
internal import PKI
internal import Storage

/// `serviceaccounts/NAME/token`: a signed token for an account, bound to a pod, node or Secret if it asks so.
extension APIServer {
    private static let tokenKind = GroupVersionKind(
        group: "authentication.k8s.io", version: "v1", kind: "TokenRequest")
    private static let lifetimeMin: Int64 = 600
    private static let lifetimeMax: Int64 = 1 << 32
    private static let lifetimeDefault: Int64 = 3600
    /// Pods ask for this lifetime unless told otherwise. Such tokens live longer than they say, for clients that read
    /// their token only once.
    private static let extendableLifetime: Int64 = 3607
    private static let extendedLifetime: Int64 = 365 * 86_400

    func requestToken(_ context: RequestContext) async throws(APIError) -> Answer {
        guard let type = schema.type(of: Self.tokenKind), let tokens = configuration.tokens else { throw .noSuchPath }
        let options = try WriteOptions(context.query, kind: "CreateOptions")
        let decoded = try decoder.decode(
            context.request, as: Self.tokenKind, type: type, internalGroup: "authentication",
            validation: options.validation)
        var request = decoded.object
        request.editObject("spec") { $0.setDefault("expirationSeconds", .int(Self.lifetimeDefault)) }
        own(&request, type, context, options)
        try checkIdentity(request, context)
        guard let account = store.get(context.key) else { throw .notFound(context.resource.id, context.name) }
        let now = configuration.clock()
        complete(&request, context, now)
        let seconds = request[path: "spec", "expirationSeconds"]?.int ?? Self.lifetimeDefault
        try check(seconds)
        // A node may ask for no other audience than its pods do: admission sees what was asked for.
        _ = try await admit(request, context, isDryRun: options.isDryRun)
        request.editObject("spec") { spec in
            if spec.list("audiences").isEmpty { spec["audiences"] = [.string(tokens.issuer)] }
        }

        var claims = ServiceAccountClaims(
            namespace: context.namespace,
            serviceAccount: .init(name: context.name, uid: MetadataScanner(json: account.value).metadata.uid))
        claims.audiences = request["spec"]?.list("audiences").compactMap(\.string) ?? []
        claims.issuedAt = now.seconds
        claims.notBefore = now.seconds
        claims.expiresAt = now.seconds + seconds
        try bind(&claims, to: request["spec"]?.present("boundObjectRef"), context)
        if claims.pod != nil, seconds == Self.extendableLifetime, claims.audiences == [tokens.issuer] {
            claims.warnAfter = claims.expiresAt
            claims.expiresAt = now.seconds + Self.extendedLifetime
        }
        request["status"] = [
            "token": .string(tokens.sign(claims)),
            "expirationTimestamp": .string((now + .seconds(seconds)).description),
        ]
        request = schema.normalisedIfPossible(request, as: type)
        // Upstream always encodes the reference, even where there is none.
        request.editObject("spec") { $0.setDefault("boundObjectRef", .null) }
        return .other(status: 201, request, warnings: decoded.warnings)
    }

    private func own(_ request: inout Value, _ type: TypeID, _ context: RequestContext, _ options: WriteOptions) {
        let sent = request.metadata["managedFields"]
        request = schema.normalisedIfPossible(request, as: type)
        let write = FieldManager.Write(
            write(context, options, subresource: "token"), kind: Self.tokenKind, type: type, schema: schema)
        fieldManager.create(&request, sent: sent, write)
    }

    /// Name and namespace may be left out, but not differ from the path's.
    private func checkIdentity(_ request: Value, _ context: RequestContext) throws(APIError) {
        for (field, found, wanted) in [
            ("name", request.name, context.name), ("namespace", request.namespace, context.namespace),
        ] where !found.isEmpty && found != wanted {
            throw .invalid(
                Self.tokenKind, context.name,
                [.invalid("metadata.\(field)", found, "must match the service account \(field) if specified")])
        }
    }

    private func complete(_ request: inout Value, _ context: RequestContext, _ now: Time) {
        request.editMetadata { metadata in
            metadata["name"] = .string(context.name)
            metadata["namespace"] = .string(context.namespace)
            metadata["creationTimestamp"] = .string(now.description)
        }
    }

    private func check(_ seconds: Int64) throws(APIError) {
        var why: String?
        if seconds < Self.lifetimeMin { why = "may not specify a duration less than 10 minutes" }
        if seconds > Self.lifetimeMax { why = "may not specify a duration larger than 2^32 seconds" }
        if let why { throw .invalid(Self.tokenKind, "", [.invalid("spec.expirationSeconds", seconds, why)]) }
    }

    private func bind(
        _ claims: inout ServiceAccountClaims, to reference: Value?, _ context: RequestContext
    ) throws(APIError) {
        guard let reference else { return }
        let plurals = ["Pod": "pods", "Secret": "secrets", "Node": "nodes"]
        let (kind, name) = (reference.text("kind"), reference.text("name"))
        guard reference.text("apiVersion") == "v1", let plural = plurals[kind],
            let resource = registry.resource("", plural)
        else {
            let group = reference.text("apiVersion").contains("/") ? "" : "/"
            throw .badRequest(
                "cannot bind token to object of type \(group)\(reference.text("apiVersion")), Kind=\(kind)")
        }
        guard let stored = store.get(resource.key(namespace: context.namespace, name: name)) else {
            throw .notFound(resource.id, name)
        }
        let scanner = MetadataScanner(json: stored.value)
        let bound = ServiceAccountClaims.Reference(name: name, uid: scanner.metadata.uid)
        switch kind {
        case "Pod":
            guard scanner.string(at: ["spec", "serviceAccountName"]) == context.name else {
                throw .badRequest(
                    "cannot bind token for serviceaccount \(quoted(context.name)) to pod running with different "
                        + "serviceaccount name.")
            }
            claims.pod = bound
            claims.node = scanner.string(at: ["spec", "nodeName"]).flatMap(nodeReference)
        case "Secret": claims.secret = bound
        default: claims.node = bound
        }
        let wanted = reference.text("uid")
        guard wanted.isEmpty || wanted == bound.uid else {
            throw .conflict(
                ResourceID(group: "", plural: kind), name,
                "the UID in the bound object reference (\(wanted)) does not match the UID in record. "
                    + "The object might have been deleted and then recreated")
        }
    }

    /// The node of a pod; one that does not exist yet has a name only.
    private func nodeReference(_ name: String) -> ServiceAccountClaims.Reference? {
        guard !name.isEmpty, let nodes = registry.resource("", "nodes") else { return nil }
        let node = store.get(nodes.key(namespace: "", name: name))
        return .init(name: name, uid: node.map { MetadataScanner(json: $0.value).metadata.uid } ?? "")
    }
}
