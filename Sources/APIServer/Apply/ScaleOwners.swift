internal import APIMachinery
internal import Transport

/// Who owns `spec.replicas`, through the eyes of `/scale`: a Scale has the owners of that one field, under its own
/// version; what becomes of them there is carried back to the workload.
struct ScaleOwners: Sendable {
    static let replicas = ["f:spec", "f:replicas"]
    static let version = "autoscaling/v1"

    private let parents: FieldOwners
    private let parentVersion: String

    init(of object: Value, in resource: Resource) {
        parents = FieldOwners(stored: object.metadata["managedFields"])
        parentVersion = resource.kind.apiVersion
    }

    /// The owners that the Scale shows.
    var scale: FieldOwners {
        var owners = FieldOwners()
        for var owner in parents.all where owner.fields.contains(path: Self.replicas) {
            owner.apiVersion = Self.version
            owner.fields = FieldSet(paths: [Self.replicas])
            owners.set(owner)
        }
        return owners
    }

    /// The workload's owners, once the Scale's are `scale`.
    func parent(after scale: FieldOwners) -> FieldOwners {
        let path = FieldSet(paths: [Self.replicas])
        var left = scale
        var result: [FieldOwner] = []
        for owner in parents.all {
            guard owner.fields.contains(path: Self.replicas) else {
                result.append(owner)
                continue
            }
            if left.index(of: owner) != nil {
                left.remove(owner)
                result.append(owner)
                continue
            }
            var rest = owner
            rest.fields = owner.fields.subtracting(path)
            if !rest.fields.isEmpty { result.append(rest) }
        }
        for owner in left.all where owner.fields.contains(path: Self.replicas) {
            var carried = owner
            carried.apiVersion = parentVersion
            carried.fields = path
            // Upstream keeps only times that the workload's own entries had.
            carried.time = parents.all.first { $0.isSame(as: owner) }?.time
            result.append(carried)
        }
        return FieldOwners(result)
    }
}

extension FieldManager {
    /// The owners of a Scale that changes from `old` to `new`.
    func updatedScale(_ owners: FieldOwners, from old: Value, to new: Value, _ write: Write) -> FieldOwners {
        // What has no owners is left alone.
        guard !owners.isEmpty else { return owners }
        return updated(owners, schema.compare(old, new, as: write.type), (old, new), write)
    }
}

extension APIServer {
    /// Server-side apply of a Scale.
    func applyScale(_ context: RequestContext, _ type: TypeID) async throws(APIError) -> Answer {
        let options = try WriteOptions(context.query, kind: WriteOptions.applyKind)
        let patch = try AppliedPatch(context.request.body)
        let manager = fieldManager
        let write = FieldManager.Write(
            write(context, options, subresource: "scale"), kind: Self.scaleKind, type: type, schema: schema)
        let answer = try await modified(context, options.managed, subresource: "scale") { (old) throws(APIError) in
            let owners = ScaleOwners(of: old, in: context.resource)
            var live = manager.schema.normalisedIfPossible(Self.scale(of: old), as: type)
            live.editMetadata { $0["managedFields"] = owners.scale.value }
            let scale = try manager.apply(patch.object, to: live, write, force: options.force ?? false)
            _ = try patch.warnings(options.validation)
            try self.checkName(scale, context)
            var object = try Self.apply(scale, to: old)
            let changed = FieldOwners(stored: scale.metadata["managedFields"])
            object.editMetadata { $0["managedFields"] = owners.parent(after: changed).value }
            return object
        }
        guard let object = try? Value(json: answer.json) else {
            throw .internalError("scaled object cannot be read")
        }
        return .other(
            status: 200, Self.scale(of: object),
            warnings: try patch.warnings(options.validation) + answer.warnings)
    }
}
