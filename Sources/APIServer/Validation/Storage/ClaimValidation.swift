internal import APIMachinery

/// Claims on persistent volumes: of users, of stateful sets and of ephemeral volumes.
struct ClaimValidation {
    /// What was stored may name groups that are no domain.
    var allowsAnyGroup = false
    var allowsInvalidValues = false

    init() {}

    init(stored: Value) {
        let spec = stored["spec"] ?? [:]
        allowsAnyGroup = ["dataSource", "dataSourceRef"].contains { spec[$0]?.present("apiGroup") != nil }
        var errors = FieldErrors()
        errors.selector(.root(""), spec.present("selector"))
        allowsInvalidValues = !errors.isEmpty
    }

    func validate(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let modes = spec.list("accessModes")
        if modes.isEmpty { errors.required(path["accessModes"], "at least 1 access mode is required") }
        LabelSelectorValidation.validate(
            spec.present("selector"), path["selector"], allowsInvalidValues: allowsInvalidValues, &errors)
        AccessModes.check(modes, path["accessModes"], &errors)
        size(spec, path["resources"].key("storage"), &errors)
        let storageClass = spec.text("storageClassName")
        if !storageClass.isEmpty { errors.subdomain(path["storageClassName"], storageClass) }
        if let mode = spec["volumeMode"]?.string { errors.oneOf(["Block", "Filesystem"], path["volumeMode"], mode) }
        dataSources(spec, path, &errors)
        let attributes = spec.text("volumeAttributesClassName")
        if !attributes.isEmpty { errors.subdomain(path["volumeAttributesClassName"], attributes) }
    }

    private func size(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard let storage = spec[path: "resources", "requests", "storage"] else { return errors.required(path) }
        if let quantity = Quantity(PodQuality.text(storage)), quantity.sign <= 0 {
            errors.invalid(path, quantity.description, "must be greater than zero")
        }
    }

    private func dataSources(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let (source, reference) = (spec.present("dataSource"), spec.present("dataSourceRef"))
        if let source { check(source, path["dataSource"], &errors) }
        if let reference {
            check(reference, path["dataSourceRef"], &errors)
            let namespace = reference.text("namespace")
            if !namespace.isEmpty {
                errors.violations(
                    path["dataSourceRef"]["namespace"], namespace, NameValidation.dns1123Label(namespace))
            }
        }
        guard let source, let reference else { return }
        if !reference.text("namespace").isEmpty {
            errors.invalid(path, [:] as Value, "may not be specified when dataSourceRef.namespace is specified")
        } else if ["apiGroup", "kind", "name"].contains(where: { source.present($0) != reference.present($0) }) {
            errors.invalid(path, [:] as Value, "must match dataSourceRef")
        }
    }

    private func check(_ source: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        for part in ["name", "kind"] where source.text(part).isEmpty { errors.required(path[part]) }
        let group = source.text("apiGroup")
        if group.isEmpty, source.text("kind") != "PersistentVolumeClaim" {
            errors.invalid(
                path, source.text("kind"), "must be 'PersistentVolumeClaim' when referencing the default apiGroup")
        }
        if !group.isEmpty, !allowsAnyGroup { errors.subdomain(path["apiGroup"], group) }
    }

    // MARK: - Changes

    private static let classAnnotation = "volume.beta.kubernetes.io/storage-class"

    /// A claim is what was bound: little of it may change.
    func changes(_ claim: Value, from old: Value) -> [FieldError] {
        var errors = FieldErrors()
        validate(claim["spec"] ?? [:], .root("spec"), &errors)
        var (new, kept) = (claim["spec"] ?? [:], old["spec"] ?? [:])
        if kept.text("volumeName").isEmpty { kept["volumeName"] = new["volumeName"] }
        storageClass(claim, old, &new, kept, &errors)
        let (size, before) = (Self.storage(new), Self.storage(kept))
        if claim[path: "status", "phase"]?.string == "Bound", new[path: "resources", "requests"] != nil {
            let amount = kept[path: "resources", "requests", "storage"]
            new.editObject("resources") { $0.editObject("requests") { $0["storage"] = amount } }
        }
        new["volumeAttributesClassName"] = kept["volumeAttributesClassName"]
        let type = "PersistentVolumeClaimSpec"
        let (shown, wanted) = (GoShape.value(kept, type), GoShape.value(new, type))
        if shown != wanted {
            errors.forbidden(
                .root("spec"),
                "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound "
                    + "claims\n" + UnifiedDiff.text(shown, wanted))
        }
        let actual = old[path: "status", "capacity", "storage"].flatMap { Quantity(PodQuality.text($0)) } ?? .zero
        if size < before, !(actual < size) {
            errors.forbidden(.root("spec.resources.requests.storage"), "field can not be less than status.capacity")
        }
        errors.immutable(.root("volumeMode"), claim[path: "spec", "volumeMode"], old[path: "spec", "volumeMode"])
        attributes(claim["spec"] ?? [:], old["spec"] ?? [:], &errors)
        return errors.list
    }

    private static func storage(_ spec: Value) -> Quantity {
        spec[path: "resources", "requests", "storage"].flatMap { Quantity(PodQuality.text($0)) } ?? .zero
    }

    /// A class may be given once to a claim that has none, or moved from the annotation to the field.
    private func storageClass(
        _ claim: Value, _ old: Value, _ new: inout Value, _ kept: Value, _ errors: inout FieldErrors
    ) {
        let annotation = claim.metadata["annotations"]?[Self.classAnnotation]?.string
        let before = old.metadata["annotations"]?[Self.classAnnotation]?.string
        let name = new["storageClassName"]?.string
        let isUnset = kept.present("storageClassName") == nil
        if let before, isUnset, name == before, annotation == nil || annotation == before {
            new["storageClassName"] = nil
            return
        }
        if (annotation ?? "") != (before ?? "") {
            errors.invalid(
                FieldPath.root("metadata")["annotations"].key(Self.classAnnotation), annotation ?? "",
                "field is immutable")
        }
        if let name, isUnset, before == nil || before == name { new["storageClassName"] = nil }
    }

    private func attributes(_ new: Value, _ kept: Value, _ errors: inout FieldErrors) {
        guard let before = kept["volumeAttributesClassName"]?.string else { return }
        let path = FieldPath.root("spec.volumeAttributesClassName")
        switch new["volumeAttributesClassName"]?.string {
        case nil: errors.forbidden(path, "update from non-nil value to nil is forbidden")
        case "" where !before.isEmpty:
            errors.forbidden(path, "update from non-nil value to an empty string is forbidden")
        default: break
        }
    }

    // MARK: - Status

    private static let resizeStates = [
        "ControllerResizeFailed", "ControllerResizeInProgress", "NodeResizeFailed", "NodeResizeInProgress",
        "NodeResizePending",
    ]

    static func status(_ claim: Value) -> [FieldError] {
        let status = claim["status"] ?? [:]
        var errors = FieldErrors()
        if (claim[path: "spec", "accessModes"]?.array ?? []).isEmpty { errors.required(.root("Spec.accessModes")) }
        for (name, value) in status.entries("capacity") {
            amount(value, FieldPath.root("status.capacity").key(name), &errors)
        }
        let states = FieldPath.root("status.allocatedResourceStatus")
        for (name, value) in status.entries("allocatedResourceStatuses") {
            _ = resource(name, states, &errors)
            if !resizeStates.contains(value.string ?? "") { errors.notSupported(states, name, resizeStates) }
        }
        let allocated = FieldPath.root("status.allocatedResources")
        for (name, value) in status.entries("allocatedResources") where resource(name, allocated, &errors) {
            amount(value, allocated.key(name), &errors)
        }
        return errors.list
    }

    private static func amount(_ value: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard let quantity = Quantity(PodQuality.text(value)), quantity.value < 0 else { return }
        errors.invalid(path, quantity.value, "must be a valid resource quantity")
    }

    private static func resource(_ name: String, _ path: FieldPath, _ errors: inout FieldErrors) -> Bool {
        let before = errors.count
        errors.qualifiedName(path, name)
        if errors.count == before, ResourceNameRule.isNative(name), name != "storage" {
            errors.notSupported(path, name, ["storage"])
        }
        return errors.count == before
    }
}
