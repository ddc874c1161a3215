internal import APIMachinery
internal import Transport

/// Keeps `metadata.managedFields`: which client owns which fields, through updates and server-side apply.
struct FieldManager: Sendable {
    let schema: Schema
    let registry: ResourceRegistry

    /// One write's view of an object.
    struct Write: Sendable {
        let resource: Resource
        let kind: GroupVersionKind
        let type: TypeID
        /// Empty for the main path.
        let subresource: String
        var manager: String
        /// RFC 3339.
        let time: String
        let reset: ResetFields
        /// What an object without anything looks like.
        let empty: Value

        init(_ resource: Resource, subresource: String, manager: String, time: String) {
            self.resource = resource
            self.subresource = subresource
            self.manager = manager
            self.time = time
            kind = resource.kind
            type = resource.type
            empty = resource.emptyObject
            reset =
                subresource.isEmpty
                ? resource.resetFields
                : .of(resource.kind, subresource: subresource, hasStatus: resource.hasStatus)
        }

        /// A write to a subresource that has a kind of its own.
        init(_ write: Write, kind: GroupVersionKind, type: TypeID, schema: Schema) {
            resource = write.resource
            subresource = write.subresource
            manager = write.manager
            time = write.time
            self.kind = kind
            self.type = type
            empty = schema.emptyObject(as: type)
            reset = .none
        }

        /// The same write by somebody else.
        func named(_ manager: String) -> Write {
            var write = self
            write.manager = manager
            return write
        }

        func owner(isApplier: Bool) -> FieldOwner {
            FieldOwner(
                manager: manager.isEmpty ? "unknown" : manager, isApplier: isApplier, apiVersion: kind.apiVersion,
                subresource: subresource, time: nil, fields: FieldSet())
        }
    }

    /// Paths that nobody owns: identity and what only the server sets.
    static let unowned = FieldSet(
        paths: [["f:apiVersion"], ["f:kind"], ["f:metadata"]]
            + [
                "name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation",
                "managedFields", "resourceVersion",
            ].map { ["f:metadata", "f:" + $0] })

    /// Writes `metadata.managedFields` of a new object. `object` is normalised and has its defaults.
    /// `sent`: the managed fields that the client sent, before normalisation dropped empty ones.
    func create(_ object: inout Value, sent: Value?, _ write: Write) {
        guard let owners = Self.start(sent, stored: nil) else {
            return object.editMetadata { $0["managedFields"] = nil }
        }
        update(&object, from: write.empty, owners, unchanged: nil, write)
    }

    /// Writes `metadata.managedFields` of a changed object. Both are normalised and have their defaults.
    func update(_ object: inout Value, from old: Value, sent: Value?, _ write: Write) {
        let stored = old.metadata["managedFields"]
        // Subresources leave the list itself alone.
        guard let owners = Self.start(write.subresource.isEmpty ? sent : nil, stored: stored),
            // What has no owners was made so: it is left alone until somebody applies.
            !owners.isEmpty
        else { return object.editMetadata { $0["managedFields"] = nil } }
        let isStored = sent == nil || sent == stored
        update(&object, from: old, owners, unchanged: isStored ? stored : nil, write)
    }

    /// `unchanged`: what `owners` were made of, if that is as it would be written.
    private func update(
        _ object: inout Value, from old: Value, _ owners: FieldOwners, unchanged: Value?, _ write: Write
    ) {
        object.editMetadata { $0["managedFields"] = nil }
        var old = old
        old.editMetadata { $0["managedFields"] = nil }
        let comparison = write.reset.apply(to: schema.compare(old, object, as: write.type))
        if comparison.isEmpty, let unchanged {
            return object.editMetadata { $0["managedFields"] = unchanged }
        }
        let changed = updated(owners, comparison, (old, object), write)
        object.editMetadata { $0["managedFields"] = changed.value }
    }

    /// The owners that an update starts from: those the client sent, if it sent any, else those stored.
    /// `nil`: the client asks for none.
    private static func start(_ sent: Value?, stored: Value?) -> FieldOwners? {
        guard let sent, !sent.isNull, sent != stored else { return FieldOwners(stored: stored) }
        if let entries = sent.array, entries.isEmpty || entries == [[:]] || entries == [["fieldsV1": [:]]] {
            return nil
        }
        if let owners = FieldOwners(sent: sent), !owners.isEmpty { return owners }
        return FieldOwners(stored: stored)
    }

    /// The owners after an update: the writer has what it changed, the others no longer.
    func updated(
        _ owners: FieldOwners, _ comparison: FieldComparison, _ states: (old: Value, new: Value), _ write: Write
    ) -> FieldOwners {
        var owners = owners
        take(from: &owners, comparison, states, write, except: nil)
        var writer = write.owner(isApplier: false)
        writer.fields = comparison.added.union(comparison.modified).subtracting(Self.unowned)
        if !writer.fields.isEmpty {
            if let index = owners.index(of: writer) { writer.fields = writer.fields.union(owners.all[index].fields) }
            writer.time = write.time
            owners.set(writer)
        }
        owners.capUpdaters()
        return owners
    }

    /// Takes what changed from everybody but `applier`.
    func take(
        from owners: inout FieldOwners, _ comparison: FieldComparison, _ states: (old: Value, new: Value),
        _ write: Write, except applier: FieldOwner?
    ) {
        var comparisons = VersionedComparisons(self, comparison, states, write)
        owners.changeFields { owner in
            if let applier, owner.isSame(as: applier) { return owner.fields }
            guard let differences = comparisons[owner.apiVersion] else { return nil }
            return owner.fields.subtracting(differences.changed).subtracting(differences.removed)
        }
    }
}

/// One comparison in each version that an owner has its paths in, made when needed.
struct VersionedComparisons {
    struct Differences {
        /// Added and modified.
        var changed: FieldSet
        var removed: FieldSet

        init(_ comparison: FieldComparison) {
            changed = comparison.added.union(comparison.modified)
            removed = comparison.removed
        }
    }

    private let manager: FieldManager
    private let states: (old: Value, new: Value)
    private let write: FieldManager.Write
    private var known: [(version: String, differences: Differences?)]

    init(
        _ manager: FieldManager, _ comparison: FieldComparison, _ states: (old: Value, new: Value),
        _ write: FieldManager.Write
    ) {
        self.manager = manager
        self.states = states
        self.write = write
        known = [(write.kind.apiVersion, Differences(comparison))]
    }

    /// `nil`: the kind is not served in that version.
    subscript(version: String) -> Differences? {
        mutating get {
            if let found = known.first(where: { $0.version == version }) { return found.differences }
            let made = differences(in: version)
            known.append((version, made))
            return made
        }
    }

    private func differences(in version: String) -> Differences? {
        guard write.kind == write.resource.kind, let target = manager.sibling(of: write.resource, in: version) else {
            return nil
        }
        let old = manager.converted(states.old, from: write.resource, to: target)
        let new = manager.converted(states.new, from: write.resource, to: target)
        let reset = ResetFields.of(target.kind, subresource: write.subresource, hasStatus: target.hasStatus)
        return Differences(reset.apply(to: manager.schema.compare(old, new, as: target.type)))
    }
}

extension FieldManager {
    /// The same objects in another version.
    func sibling(of resource: Resource, in apiVersion: String) -> Resource? {
        if apiVersion == resource.kind.apiVersion { return resource }
        let parts = apiVersion.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let found = registry.resource(
            group: parts.count > 1 ? parts[0] : "", version: parts.last ?? "", plural: resource.id.plural)
        return found?.storedKind == resource.storedKind ? found : nil
    }

    func converted(_ object: Value, from source: Resource, to target: Resource) -> Value {
        guard source !== target else { return object }
        let stored = source.conversion?.toStored(object) ?? object
        return schema.normalisedIfPossible(target.conversion?.fromStored(stored) ?? stored, as: target.type)
    }
}

extension APIServer {
    /// Who writes what in this request.
    func write(_ context: RequestContext, _ options: WriteOptions, subresource: String) -> FieldManager.Write {
        var name = options.fieldManager
        if name.isEmpty { name = FieldManagerName.from(userAgent: context.request.headers["user-agent"] ?? "") }
        return FieldManager.Write(
            context.resource, subresource: subresource, manager: name, time: configuration.clock().description)
    }
}

/// The default name of a writer.
enum FieldManagerName {
    /// What precedes the first slash of a `User-Agent`, without what cannot be printed, at most 128 bytes.
    static func from(userAgent: String) -> String {
        let head = userAgent.utf8.prefix { $0 != UInt8(ascii: "/") }
        if head.count <= WriteOptions.fieldManagerBytesMax, head.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) {
            return String(head) ?? ""
        }
        var name = ""
        var length = 0
        for scalar in userAgent.unicodeScalars {
            guard scalar != "/" else { break }
            guard WriteOptions.isPrintable(scalar) else { continue }
            length += UTF8.width(scalar)
            guard length <= WriteOptions.fieldManagerBytesMax else { break }
            name.unicodeScalars.append(scalar)
        }
        return name
    }
}
