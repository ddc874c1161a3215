internal import APIMachinery
internal import Storage

/// `/scale`: the number of replicas of any workload, in one shape.
extension APIServer {
    static let scaleKind = GroupVersionKind(group: "autoscaling", version: "v1", kind: "Scale")

    func scale(_ context: RequestContext) async throws(APIError) -> Answer {
        guard let type = schema.type(of: Self.scaleKind) else { throw .noSuchPath }
        guard context.info.verb != "get" else {
            guard let stored = store.get(context.key) else { throw .notFound(context.resource.id, context.name) }
            let scale = Self.scale(of: try codec.decode(stored, as: context.resource))
            return .other(status: 200, scale, warnings: [])
        }
        if APIServer.isApply(context) { return try await applyScale(context, type) }
        let isPatch = context.info.verb == "patch"
        let options = try WriteOptions(context.query, kind: isPatch ? "PatchOptions" : "UpdateOptions").managed
        let schema = schema
        let patch = isPatch ? try RequestPatch(context) : nil
        let decoded =
            isPatch
            ? nil
            : try decoder.decode(
                context.request, as: Self.scaleKind, type: type, internalGroup: "autoscaling",
                validation: options.validation)
        if let decoded { try checkName(decoded.object, context) }
        let write = FieldManager.Write(
            write(context, options, subresource: "scale"), kind: Self.scaleKind, type: type, schema: schema)
        let (json, warnings) = try await modified(context, options, subresource: "scale") { (old) throws(APIError) in
            var wanted = decoded?.object ?? .null
            if let patch {
                wanted =
                    try patch.apply(
                        to: Self.scale(of: old), type: type, kind: Self.scaleKind, schema: schema,
                        validation: options.validation
                    ).object
                try self.checkPatched(wanted, context)
            }
            var object = try Self.apply(wanted, to: old)
            let owners = ScaleOwners(of: old, in: context.resource)
            let changed = self.fieldManager.updatedScale(
                owners.scale, from: Self.scale(of: old), to: Self.scale(of: object), write)
            object.editMetadata { $0["managedFields"] = owners.parent(after: changed).value }
            return object
        }
        guard let object = try? Value(json: json) else { throw .internalError("scaled object cannot be read") }
        return .other(status: 200, Self.scale(of: object), warnings: (decoded?.warnings ?? []) + warnings)
    }

    static func apply(_ scale: Value, to old: Value) throws(APIError) -> Value {
        let replicas = scale[path: "spec", "replicas"]?.int ?? 0
        guard replicas >= 0 else {
            throw .invalid(
                scaleKind, old.name,
                [.invalid("spec.replicas", replicas, "must be greater than or equal to 0")])
        }
        var object = old
        object.editObject("spec") { $0["replicas"] = .int(replicas) }
        let version = scale.resourceVersion
        object.editMetadata { $0["resourceVersion"] = version.isEmpty ? nil : .string(version) }
        return object
    }

    static func scale(of object: Value) -> Value {
        let metadata = object.metadata
        var shown: Value = [:]
        for key in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
            if let value = metadata[key] { shown[key] = value }
        }
        let selector = object[path: "spec", "selector"] ?? .null
        var status: Value = ["replicas": object[path: "status", "replicas"] ?? 0]
        let text = selectorText(selector)
        if !text.isEmpty { status["selector"] = .string(text) }
        var spec: Value = [:]
        if let replicas = object[path: "spec", "replicas"]?.int, replicas != 0 { spec["replicas"] = .int(replicas) }
        return ["kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": shown, "spec": spec, "status": status]
    }

    /// A label selector in the form of query strings. ReplicationControllers have a plain map.
    private static func selectorText(_ selector: Value) -> String {
        if selector.present("matchLabels") == nil, selector.present("matchExpressions") == nil {
            return selector.stringMap("").isEmpty
                ? (selector.fields?.sorted().entries ?? []).map { "\($0.key)=\($0.value.string ?? "")" }
                    .joined(separator: ",") : ""
        }
        return (try? LabelRequirements(value: selector))?.description ?? ""
    }
}
