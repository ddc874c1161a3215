internal import APIMachinery

/// Server-side apply.
extension FieldManager {
    /// `live` as it is after `applied`: with its values, without what its manager no longer sends, and with the new
    /// owners in `metadata.managedFields`. `live` is normalised.
    func apply(_ applied: Value, to live: Value, _ write: Write, force: Bool) throws(APIError) -> Value {
        try checkKind(applied, write)
        var owners = FieldOwners(stored: live.metadata["managedFields"])
        var live = live
        live.editMetadata { $0["managedFields"] = nil }
        if owners.isEmpty {
            // All there is was set before anybody applied: it belongs to a name of its own.
            let before = write.named("before-first-apply")
            let comparison = before.reset.apply(to: schema.compare(write.empty, live, as: write.type))
            owners = updated(owners, comparison, (write.empty, live), before)
        }
        guard applied.metadata["managedFields"]?.array == nil else {
            throw .badRequest("metadata.managedFields must be nil")
        }
        if let why = schema.applyRefusal(of: applied, as: write.type) {
            throw .plain("failed to create typed patch object (\(Self.subject(applied, write.kind))): \(why)")
        }
        var result = try applyAllowingOwn(applied, live, owners, write, force: force)
        do {
            result = try schema.normalised(result, as: write.type)
        } catch {
            let kind = "\(write.kind.group)/\(write.kind.version), Kind=\(write.kind.kind)"
            throw .plain(
                "failed to convert new object (\(Self.subject(applied, write.kind))) to proper version: "
                    + "unable to convert unstructured object to \(kind): \(error.description)")
        }
        if write.manager == Self.kubectl { Self.renewLastApplied(&result, applied) }
        return result
    }

    static let kubectl = "kubectl"
    static let lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

    private func checkKind(_ applied: Value, _ write: Write) throws(APIError) {
        let found = (version: applied.text("apiVersion"), kind: applied.text("kind"))
        guard found.version != write.kind.apiVersion || found.kind != write.kind.kind else { return }
        let version = found.version.contains("/") || found.version.isEmpty ? found.version : "/" + found.version
        throw .badRequest("invalid object type: \(version.isEmpty ? "/" : version), Kind=\(found.kind)")
    }

    /// `ns/name; apps/v1, Kind=Deployment`
    private static func subject(_ object: Value, _ kind: GroupVersionKind) -> String {
        "\(object.namespace)/\(object.name); \(kind.group)/\(kind.version), Kind=\(kind.kind)"
    }

    /// Conflicts with what `kubectl apply` itself set before it applied on the server's side are none.
    private func applyAllowingOwn(
        _ applied: Value, _ live: Value, _ owners: FieldOwners, _ write: Write, force: Bool
    ) throws(APIError) -> Value {
        let attempt = Attempt(applied, to: live, owners, write, self)
        guard !force, !attempt.conflicts.isEmpty else { return attempt.result(self) }
        var conflicts = attempt.conflicts
        if write.manager == Self.kubectl, let allowed = ownedByClientSideApply(live, write) {
            conflicts = conflicts.compactMap { conflict in
                let rest = conflict.fields.subtracting(allowed)
                return rest.isEmpty ? nil : (conflict.owner, rest)
            }
        }
        guard conflicts.isEmpty else { throw .applyConflict(conflicts) }
        return attempt.result(self)
    }

    /// What the last client-side apply set and nobody changed since; `nil` if there was none.
    private func ownedByClientSideApply(_ live: Value, _ write: Write) -> FieldSet? {
        guard let text = live.metadata["annotations"]?[Self.lastApplied]?.string, !text.isEmpty,
            let last = try? Value(json: Array(text.utf8)), last.text("apiVersion") == write.kind.apiVersion,
            schema.applyRefusal(of: last, as: write.type) == nil
        else { return nil }
        let comparison = schema.compare(last, live, as: write.type)
        return schema.fieldSet(of: last, as: write.type).subtracting(comparison.modified)
            .subtracting(comparison.added).subtracting(comparison.removed)
    }

    /// Keeps the annotation of client-side apply in step, so that one may go back to it.
    private static func renewLastApplied(_ object: inout Value, _ applied: Value) {
        guard !(object.metadata["annotations"]?[lastApplied]?.string ?? "").isEmpty else { return }
        var shown = applied
        shown.edit("metadata") { metadata in metadata.edit("annotations") { $0[lastApplied] = nil } }
        let text = String(decoding: shown.sortedJSONBytes(), as: UTF8.self) + "\n"
        object.editMetadata { metadata in
            metadata.edit("annotations") { annotations in
                annotations[lastApplied] = nil
                let size = (annotations.fields?.entries ?? []).reduce(0) {
                    $0 + $1.key.utf8.count + ($1.value.string ?? "").utf8.count
                }
                guard size + lastApplied.utf8.count + text.utf8.count <= ObjectMetaValidation.annotationsBytesMax
                else { return }
                annotations[lastApplied] = .string(text)
            }
        }
    }
}

/// One merge of an applied object, and whom it would take fields from.
private struct Attempt {
    private let write: FieldManager.Write
    private let live: Value
    private let merged: Value
    private let applier: FieldOwner
    private let owners: FieldOwners
    private let comparison: FieldComparison
    let conflicts: [(owner: FieldOwner, fields: FieldSet)]

    init(
        _ applied: Value, to live: Value, _ owners: FieldOwners, _ write: FieldManager.Write, _ manager: FieldManager
    ) {
        let schema = manager.schema
        self.write = write
        self.live = live
        var owners = owners
        var applier = write.owner(isApplier: true)
        applier.fields = write.reset.apply(to: schema.fieldSet(of: applied, as: write.type))
        let last = owners.index(of: applier).map { owners.all[$0] }
        applier.time = last?.time
        owners.set(applier)
        var merged = schema.merge(applied, into: live, as: write.type)
        if let last {
            merged = Pruning(manager, owners, write).removeAbandoned(from: merged, last: last, now: applier.fields)
        }
        self.merged = merged
        self.applier = applier
        self.owners = owners
        comparison = write.reset.apply(to: schema.compare(live, merged, as: write.type))
        var conflicts: [(owner: FieldOwner, fields: FieldSet)] = []
        if !comparison.isEmpty {
            var comparisons = VersionedComparisons(manager, comparison, (live, merged), write)
            for owner in owners.all where !owner.isSame(as: applier) {
                guard let differences = comparisons[owner.apiVersion] else { continue }
                let taken = owner.fields.intersection(differences.changed)
                if !taken.isEmpty { conflicts.append((owner, taken)) }
            }
        }
        self.conflicts = conflicts.sorted { $0.owner.identity < $1.owner.identity }
    }

    /// The object with its new owners.
    func result(_ manager: FieldManager) -> Value {
        var owners = owners
        if !comparison.isEmpty {
            manager.take(from: &owners, comparison, (live, merged), write, except: applier)
        }
        let isChanged = merged != live
        var applier = applier
        applier.fields = applier.fields.subtracting(FieldManager.unowned)
        if isChanged { applier.time = write.time }
        if applier.fields.isEmpty { owners.remove(applier) } else { owners.set(applier) }
        owners.capUpdaters()
        var result = merged
        result.editMetadata { $0["managedFields"] = owners.value }
        return result
    }
}

/// Removes what an applier sent last time and sends no more, unless it has other owners.
private struct Pruning {
    let manager: FieldManager
    /// With the applier's new fields.
    let owners: FieldOwners
    let write: FieldManager.Write

    init(_ manager: FieldManager, _ owners: FieldOwners, _ write: FieldManager.Write) {
        self.manager = manager
        self.owners = owners
        self.write = write
    }

    func removeAbandoned(from merged: Value, last: FieldOwner, now: FieldSet) -> Value {
        if last.apiVersion == write.kind.apiVersion, last.fields.subtracting(now).isEmpty { return merged }
        guard let version = version(last.apiVersion) else { return merged }
        let schema = manager.schema
        let start = convert(merged, to: version)
        var pruned = schema.removing(
            schema.withDeclaredParents(last.fields, as: version.type), from: start, as: version.type)
        pruned = addBackOwned(start, pruned, version)
        // What vanished with its parents, but was not this applier's, stays.
        let left = members(pruned, version)
        let gone = members(start, version).subtracting(left)
        let own = schema.withDeclaredParents(last.fields, as: version.type)
        let result = schema.removing(gone.intersection(own), from: start, as: version.type)
        return convert(result, from: version)
    }

    private func members(_ value: Value, _ version: Version) -> FieldSet {
        manager.schema.withDeclaredParents(
            manager.schema.fieldSet(of: value, as: version.type), as: version.type)
    }

    private func addBackOwned(_ merged: Value, _ pruned: Value, _ first: Version) -> Value {
        var pruned = pruned
        var versions = [first.apiVersion]
        for owner in owners.all where !versions.contains(owner.apiVersion) { versions.append(owner.apiVersion) }
        for name in versions {
            guard let version = version(name) else { continue }
            var owned = FieldSet()
            for owner in owners.all where owner.apiVersion == name { owned = owned.union(owner.fields) }
            let whole = convert(convert(merged, from: first), to: version)
            let rest = convert(convert(pruned, from: first), to: version)
            owned = manager.schema.withDeclaredParents(owned, as: version.type)
            let gone = members(whole, version).subtracting(members(rest, version).union(owned))
            pruned = convert(
                convert(manager.schema.removing(gone, from: whole, as: version.type), from: version), to: first)
        }
        return pruned
    }

    private struct Version {
        let apiVersion: String
        let type: TypeID
        /// `nil`: a kind of a subresource, which has one version.
        let resource: Resource?
    }

    private func version(_ apiVersion: String) -> Version? {
        if apiVersion == write.kind.apiVersion {
            return Version(apiVersion: apiVersion, type: write.type, resource: nil)
        }
        guard write.kind == write.resource.kind else { return nil }
        return manager.sibling(of: write.resource, in: apiVersion)
            .map { Version(apiVersion: apiVersion, type: $0.type, resource: $0) }
    }

    private func convert(_ value: Value, to version: Version) -> Value {
        version.resource.map { manager.converted(value, from: write.resource, to: $0) } ?? value
    }

    private func convert(_ value: Value, from version: Version) -> Value {
        version.resource.map { manager.converted(value, from: $0, to: write.resource) } ?? value
    }
}

extension APIError {
    /// Others own fields that an apply would change.
    static func applyConflict(_ conflicts: [(owner: FieldOwner, fields: FieldSet)]) -> APIError {
        var causes: [Cause] = []
        var lines: [String] = []
        for (owner, fields) in conflicts {
            let paths = fields.pathTexts
            for path in paths {
                causes.append(
                    Cause(
                        reason: "FieldManagerConflict", message: "conflict with " + owner.description, field: path))
            }
            lines.append("conflicts with \(owner.description):")
            lines += paths.map { "- " + $0 }
        }
        let text =
            causes.count == 1
            ? "Apply failed with 1 conflict: \(causes[0].message): \(causes[0].field)"
            : "Apply failed with \(causes.count) conflicts: " + lines.joined(separator: "\n")
        var details = Details()
        details.causes = causes
        return APIError(code: 409, reason: "Conflict", message: text, details: details)
    }
}
