internal import APIMachinery
internal import Storage

/// `serviceaccounts/NAME/token`: a signed token for an account, bound to a pod if it asks so.
extension APIServer {
    private static let tokenKind = GroupVersionKind(
        group: "authentication.k8s.io", version: "v1", kind: "TokenRequest")
    private static let lifetimeMin: Int64 = 600
    private static let lifetimeMax: Int64 = 1 << 32

    func requestToken(_ context: RequestContext) async throws(APIError) -> Answer {
        guard let type = schema.type(of: Self.tokenKind), let sign = configuration.signToken else { throw .noSuchPath }
        let options = try WriteOptions(context.query, kind: "CreateOptions")
        let decoded = try decoder.decode(
            context.request, as: Self.tokenKind, type: type, internalGroup: "authentication",
            validation: options.validation)
        guard let stored = store.get(context.key) else { throw .notFound(context.resource.id, context.name) }
        var request = decoded.object
        _ = try await admit(request, context, isDryRun: options.isDryRun)
        let spec = request["spec"] ?? [:]
        let seconds = spec["expirationSeconds"]?.int ?? 3600
        if seconds < Self.lifetimeMin {
            throw .invalid(
                Self.tokenKind, "",
                [.invalid("spec.expirationSeconds", seconds, "may not specify a duration less than 10 minutes")])
        }
        if seconds > Self.lifetimeMax {
            throw .invalid(
                Self.tokenKind, "",
                [.invalid("spec.expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds")])
        }
        var claims = TokenClaims(
            namespace: context.namespace, serviceAccount: context.name,
            serviceAccountUID: MetadataScanner(json: stored.value).metadata.uid,
            audiences: spec.list("audiences").compactMap(\.string), lifetimeSeconds: seconds)
        try bind(&claims, to: spec.present("boundObjectRef"), context)
        let expires = configuration.clock() + .seconds(seconds)
        let now = configuration.clock().description
        let token = options.isDryRun ? "" : sign(claims)
        request.editMetadata { metadata in
            metadata["name"] = .string(context.name)
            metadata["namespace"] = .string(context.namespace)
            metadata["creationTimestamp"] = .string(now)
        }
        request.editObject("spec") { $0["expirationSeconds"] = .int(seconds) }
        request["status"] = ["token": .string(token), "expirationTimestamp": .string(expires.description)]
        return .other(
            status: 201, schema.normalisedIfPossible(request, as: type), warnings: decoded.warnings)
    }

    private func bind(
        _ claims: inout TokenClaims, to reference: Value?, _ context: RequestContext
    ) throws(APIError) {
        guard let reference else { return }
        let plurals = ["Pod": "pods", "Secret": "secrets", "Node": "nodes"]
        let (kind, name) = (reference.text("kind"), reference.text("name"))
        guard let plural = plurals[kind], let resource = registry.resource("", plural) else {
            throw .badRequest(
                "cannot bind token for serviceaccount \(quoted(context.name)) to an object of kind "
                    + "\(quoted(kind))")
        }
        guard let stored = store.get(resource.key(namespace: context.namespace, name: name)) else {
            throw .notFound(resource.id, name)
        }
        let uid = MetadataScanner(json: stored.value).metadata.uid
        let wanted = reference.text("uid")
        guard wanted.isEmpty || wanted == uid else {
            throw .conflict(
                ResourceID(group: "", plural: "serviceaccounts/token"), context.name,
                "the UID in the bound object reference (\(wanted)) does not match the UID in record. "
                    + "The object might have been deleted and then recreated")
        }
        claims.bound = TokenClaims.Bound(kind: kind, name: name, uid: uid)
        if kind == "Pod" { claims.nodeName = MetadataScanner(json: stored.value).string(at: ["spec", "nodeName"]) }
    }
}
