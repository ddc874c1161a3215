internal import APIMachinery
internal import Storage

/// Both groups' Events rest as core ones, for an hour.
struct EventStrategy: ResourceStrategy {
    var allowsCreateOnUpdate: Bool { true }
    var durability: StoreWrite.Durability { .batched }
    var timeToLive: Duration? { .seconds(3600) }
    var selectableFields: SelectableFields {
        var fields = SelectableFields.with([
            "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
            "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
            "reportingComponent", "type",
        ])
        fields.paths["source"] = ["source", "component"]
        return fields
    }

    func validate(_ object: Value) -> [FieldError] {
        // events.k8s.io calls the object `regarding`.
        let isNew = object.text("apiVersion").hasPrefix("events.k8s.io")
        let involved = object[isNew ? "regarding" : "involvedObject"] ?? [:]
        let namespace = involved.text("namespace")
        if isNew { return validateNew(object, namespace) }
        if namespace.isEmpty {
            return object.namespace == "default" || object.namespace.isEmpty || object.namespace == "kube-system"
                ? [] : [.invalid("involvedObject.namespace", namespace, "does not match event.namespace")]
        }
        return namespace == object.namespace
            ? [] : [.invalid("involvedObject.namespace", namespace, "does not match event.namespace")]
    }

    private func validateNew(_ object: Value, _ namespace: String) -> [FieldError] {
        var errors: [FieldError] = []
        if !namespace.isEmpty, namespace != object.namespace {
            errors.append(.invalid("involvedObject.namespace", namespace, "does not match event.namespace"))
        }
        if object.present("eventTime") == nil { errors.append(.required("eventTime")) }
        if !["Normal", "Warning"].contains(object.text("type")) {
            errors.append(.invalid("type", "", "has invalid value: \(object.text("type"))"))
        }
        if object.text("reportingController").isEmpty { errors.append(.required("reportingController")) }
        if object.text("reportingInstance").isEmpty { errors.append(.required("reportingInstance")) }
        if object.text("action").isEmpty { errors.append(.required("action")) }
        if object.text("reason").isEmpty { errors.append(.required("reason")) }
        return errors
    }
}
