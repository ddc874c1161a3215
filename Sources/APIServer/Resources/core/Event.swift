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

    /// Upstream's own rules for metadata of Events are those of `events.k8s.io` only.
    var nameRule: NameRule { .pathSegment }
    var metadataOnUpdate: MetadataRepetition { .none }

    func validateCreate(_ object: Value) -> [FieldError] {
        EventValidation(object).shared() + EventValidation(object).strictCreate()
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        EventValidation(object).shared() + EventValidation(object).strictUpdate(from: EventValidation(old))
    }
}
