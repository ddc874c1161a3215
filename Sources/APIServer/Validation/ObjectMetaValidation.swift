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
        errors += managedFields(metadata.list("managedFields"), root + ".managedFields")
        let finalizers = metadata.list("finalizers").compactMap(\.string)
        guard !finalizers.isEmpty else { return errors }
        return errors + self.finalizers(finalizers, root + ".finalizers")
            + standardNames(finalizers, root + ".finalizers")
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
        var controllers: [String] = []
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
                    .invalid(field, shown(reference), "/v1, Kind=Event is disallowed from being an owner"))
            }
            guard reference["controller"]?.bool == true else { continue }
            controllers.append(reference.text("kind") + "/" + reference.text("name"))
        }
        if controllers.count > 1 {
            errors.append(
                .invalid(
                    field, .array(references.map(shown)),
                    "Only one reference can have Controller set to true. Found \"true\" in references for "
                        + "\(controllers[0]) and \(controllers[1])"))
        }
        return errors
    }

    /// A reference as Go prints it.
    private static func shown(_ reference: Value) -> Value {
        .record(
            ["apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"].compactMap { key in
                let value = reference.present(key)
                return value.map { (key, $0) }
            })
    }

    private static let standardFinalizers: Set<String> = [
        "kubernetes", Deletion.orphanFinalizer, Deletion.foregroundFinalizer,
    ]

    static func finalizers(_ finalizers: [String], _ field: String) -> [FieldError] {
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
        return errors
    }

    /// Finalizers without a domain are Kubernetes' own.
    static func standardNames(_ finalizers: [String], _ field: String) -> [FieldError] {
        finalizers.enumerated().compactMap { index, finalizer in
            guard !finalizer.contains("/"), !standardFinalizers.contains(finalizer) else { return nil }
            return .invalid(
                "\(field)[\(index)]", finalizer,
                "name is neither a standard finalizer name nor is it fully qualified")
        }
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

    /// Upstream looks at changed metadata in general and again for the kind, so each complaint has two causes.
    static func validateUpdate(
        _ object: Value, _ old: Value, _ resource: Resource, _ subresource: String
    ) -> [FieldError] {
        let metadata = object.metadata
        let errors = changes(object, old) + maps(metadata)
        let names = standardNames(object.finalizers, root + ".finalizers")
        guard subresource != "status" else { return errors + errors + names }
        return errors + errors + names + validate(metadata, resource).filter { !isImmutableComplaint($0) }
    }

    private static func changes(_ object: Value, _ old: Value) -> [FieldError] {
        let (metadata, kept) = (object.metadata, old.metadata)
        var errors: [FieldError] = []
        if old.isBeingDeleted {
            let extra = object.finalizers.filter { !old.finalizers.contains($0) }
            if !extra.isEmpty {
                let list = extra.map(quoted).joined(separator: ", ")
                errors.append(
                    .forbidden(
                        root + ".finalizers",
                        "no new finalizers can be added if the object is being deleted, found new finalizers "
                            + "[]string{\(list)}"))
            }
        }
        for key in ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"]
        where metadata[key] != kept[key] {
            errors.append(.invalid(root + "." + key, metadata[key], "field is immutable"))
        }
        return errors
    }

    /// Names were checked when the object was made; a changed one is already reported.
    private static func isImmutableComplaint(_ error: FieldError) -> Bool {
        error.field == root + ".name" || error.field == root + ".generateName" || error.field == root + ".namespace"
    }
}
