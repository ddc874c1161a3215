internal import APIMachinery

/// `metadata` of every kind: upstream's ValidateObjectMeta and ValidateObjectMetaUpdate.
enum ObjectMetaValidation {
    static let annotationsBytesMax = 256 * 1024
    private static let root = "metadata"

    static func validateCreate(_ object: Value, _ resource: Resource) -> [FieldError] {
        validate(object.metadata, resource)
    }

    /// A new or changed object's own metadata.
    private static func validate(_ metadata: Value, _ resource: Resource) -> [FieldError] {
        var errors: [FieldError] = []
        let rule = resource.strategy.nameRule
        let prefix = metadata.text("generateName")
        if !prefix.isEmpty {
            errors += rule.violations(prefix, isPrefix: true).map { .invalid(root + ".generateName", prefix, $0) }
        }
        let name = metadata.text("name")
        if name.isEmpty {
            errors.append(.required(root + ".name", "name or generateName is required"))
        } else {
            errors += rule.violations(name, isPrefix: false).map { .invalid(root + ".name", name, $0) }
        }
        errors += namespace(metadata.text("namespace"), resource)
        if let generation = metadata["generation"]?.int, generation < 0 {
            errors.append(.invalid(root + ".generation", generation, "must be greater than or equal to 0"))
        }
        errors += maps(metadata)
        errors += finalizers(metadata.list("finalizers").compactMap(\.string), root + ".finalizers")
        return errors + managedFields(metadata.list("managedFields"), root + ".managedFields")
    }

    private static let subresourceBytesMax = 256

    /// Entries that a client wrote by itself; all else in them is checked before they are taken at all.
    private static func managedFields(_ entries: [Value], _ field: String) -> [FieldError] {
        var errors: [FieldError] = []
        for (index, entry) in entries.enumerated() {
            errors += WriteOptions.managerErrors(entry.text("manager"), "\(field)[\(index)].manager")
            if entry.text("subresource").utf8.count > subresourceBytesMax {
                errors.append(.tooLong("\(field)[\(index)].subresource", max: subresourceBytesMax))
            }
        }
        return errors
    }

    private static func maps(_ metadata: Value) -> [FieldError] {
        labels(metadata, root + ".labels") + annotations(metadata, root + ".annotations")
            + ownerReferences(metadata.list("ownerReferences"), root + ".ownerReferences")
    }

    private static func namespace(_ namespace: String, _ resource: Resource) -> [FieldError] {
        let field = root + ".namespace"
        guard resource.isNamespaced else {
            return namespace.isEmpty ? [] : [.forbidden(field, "not allowed on this type")]
        }
        if namespace.isEmpty { return [.required(field)] }
        return NameValidation.dns1123Label(namespace).map { .invalid(field, namespace, $0) }
    }

    static func labels(_ metadata: Value, _ field: @autoclosure () -> String) -> [FieldError] {
        labelMap(metadata["labels"], field())
    }

    /// `field` is spelled only if there is something wrong.
    static func labelMap(_ map: Value?, _ field: @autoclosure () -> String) -> [FieldError] {
        var errors: [FieldError] = []
        for (key, value) in (map?.fields?.sorted().entries ?? []) {
            let text = value.string ?? ""
            for violation in NameValidation.qualifiedName(key) { errors.append(.invalid(field(), key, violation)) }
            for violation in NameValidation.labelValue(text) { errors.append(.invalid(field(), text, violation)) }
        }
        return errors
    }

    static func annotations(_ metadata: Value, _ field: @autoclosure () -> String) -> [FieldError] {
        var errors: [FieldError] = []
        var bytes = 0
        for (key, value) in (metadata["annotations"]?.fields?.sorted().entries ?? []) {
            for violation in NameValidation.qualifiedName(key.lowercased()) {
                errors.append(.invalid(field(), key, violation))
            }
            bytes += key.utf8.count + (value.string ?? "").utf8.count
        }
        if bytes > annotationsBytesMax { errors.append(.tooLong(field(), max: annotationsBytesMax)) }
        return errors
    }

    static func ownerReferences(_ references: [Value], _ field: String) -> [FieldError] {
        var errors: [FieldError] = []
        var controller: String?
        for reference in references {
            let version = reference.text("apiVersion")
            if version.isEmpty || version.hasSuffix("/") || version.split(separator: "/").count > 2 {
                errors.append(.invalid(field + ".apiVersion", version, "version must not be empty"))
            }
            for part in ["kind", "name", "uid"] where reference.text(part).isEmpty {
                errors.append(.invalid(field + "." + part, reference.text(part), "must not be empty"))
            }
            if version == "v1" || version == "/v1", reference.text("kind") == "Event" {
                errors.append(
                    .invalid(field, inOrder(reference), "/v1, Kind=Event is disallowed from being an owner"))
            }
            guard reference["controller"]?.bool == true else { continue }
            let current = reference.text("kind") + "/" + reference.text("name")
            guard let first = controller else {
                controller = current
                continue
            }
            errors.append(
                .invalid(
                    field, .array(references.map(inOrder)),
                    "Only one reference can have Controller set to true. Found \"true\" in references for "
                        + "\(first) and \(current)"))
        }
        return errors
    }

    /// The members in the order of upstream's struct, which is not that of the published schema.
    private static func inOrder(_ reference: Value) -> Value {
        var members: [(String, Value)] = []
        for key in ["apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"] {
            let isRequired = members.count < 4
            if let value = reference.present(key) ?? (isRequired ? "" : nil) { members.append((key, value)) }
        }
        return .record(members)
    }

    private static let standardFinalizers: Set<String> = [
        "kubernetes", Deletion.orphanFinalizer, Deletion.foregroundFinalizer,
    ]

    static func finalizers(_ finalizers: [String], _ field: String) -> [FieldError] {
        if finalizers.isEmpty { return [] }
        var errors: [FieldError] = []
        for finalizer in finalizers {
            errors += NameValidation.qualifiedName(finalizer).map { .invalid(field, finalizer, $0) }
        }
        if finalizers.contains(Deletion.orphanFinalizer), finalizers.contains(Deletion.foregroundFinalizer) {
            errors.append(
                .invalid(
                    field, .strings(finalizers),
                    "finalizer orphan and foregroundDeletion cannot be both set"))
        }
        return errors + standardNames(finalizers, field)
    }

    /// Finalizers without a domain are Kubernetes' own.
    private static func standardNames(_ finalizers: [String], _ field: String) -> [FieldError] {
        finalizers.enumerated().flatMap { unqualifiedFinalizer($1, "\(field)[\($0)]") }
    }

    /// A namespace's own finalizers: each by itself.
    static func finalizer(_ finalizer: String, _ field: String) -> [FieldError] {
        NameValidation.qualifiedName(finalizer).map { .invalid(field, finalizer, $0) }
            + unqualifiedFinalizer(finalizer, field)
    }

    private static func unqualifiedFinalizer(_ finalizer: String, _ field: String) -> [FieldError] {
        guard !finalizer.contains("/"), !standardFinalizers.contains(finalizer) else { return [] }
        return [.invalid(field, finalizer, "name is neither a standard finalizer name nor is it fully qualified")]
    }

    /// What a client cannot change: kept from the stored object where the client left it out.
    static func keepSystemFields(_ object: inout Value, _ old: Value) {
        let kept = old.metadata
        object.editMetadata { metadata in
            for key in ["uid", "deletionTimestamp", "deletionGracePeriodSeconds"]
            where metadata.present(key) == nil || metadata[key]?.string == "" {
                metadata[key] = kept[key]
            }
            if kept.present("deletionTimestamp") != nil { metadata["deletionTimestamp"] = kept["deletionTimestamp"] }
            metadata["creationTimestamp"] = kept["creationTimestamp"]
            // How an object was named first is not for later writers, but upstream lets them.
            metadata["generation"] = kept["generation"]
            metadata["selfLink"] = nil
        }
    }

    /// What upstream's common update check finds, and what there is to find again.
    struct UpdateErrors: Sendable {
        fileprivate let identity: [FieldError]
        fileprivate let content: [FieldError]
        fileprivate let names: [FieldError]
        fileprivate let finalizers: [FieldError]

        var common: [FieldError] { identity + content }

        func repeated(_ repetition: MetadataRepetition) -> [FieldError] {
            switch repetition {
            case .none: []
            case .update: common + names
            case .full: content + finalizers
            case .both: common + names + content + finalizers
            case .bothAndFull: common + names + content + finalizers + content + finalizers
            }
        }
    }

    static func validateUpdate(_ object: Value, _ old: Value) -> UpdateErrors {
        let (metadata, kept) = (object.metadata, old.metadata)
        var identity: [FieldError] = []
        if old.isBeingDeleted {
            let extra = Set(object.finalizers).subtracting(old.finalizers).sorted()
            if !extra.isEmpty {
                let list = extra.map(quoted).joined(separator: ", ")
                identity.append(
                    .forbidden(
                        root + ".finalizers",
                        "no new finalizers can be added if the object is being deleted, found new finalizers "
                            + "[]string{\(list)}"))
            }
        }
        for key in ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"]
        where metadata[key] != kept[key] {
            identity.append(.invalid(root + "." + key, metadata[key], "field is immutable"))
        }
        let marks = object.finalizers
        return UpdateErrors(
            identity: identity,
            content: maps(metadata) + managedFields(metadata.list("managedFields"), root + ".managedFields"),
            names: standardNames(marks, root + ".finalizers"),
            finalizers: finalizers(marks, root + ".finalizers"))
    }
}

/// Upstream checks metadata once for all kinds, and again in the check of many a kind.
enum MetadataRepetition: Sendable {
    case none
    /// What may change.
    case update
    /// Everything, as for a new object.
    case full
    case both
    case bothAndFull
}
