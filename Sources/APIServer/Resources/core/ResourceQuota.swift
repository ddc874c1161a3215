internal import APIMachinery

struct ResourceQuotaStrategy: ResourceStrategy {
    var returnsDeletedObject: Bool { true }
    var metadataOnUpdate: MetadataRepetition { .update }

    func prepareForCreate(_ object: inout Value) { object["status"] = [:] }

    func validate(_ object: Value) -> [FieldError] { QuotaValidation.spec(object["spec"] ?? [:]) }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        let (new, kept) = (object[path: "spec", "scopes"]?.array ?? [], old[path: "spec", "scopes"]?.array ?? [])
        guard Set(new) != Set(kept) else { return [] }
        return [.invalid("spec.scopes", new.isEmpty ? .null : .array(new), "field is immutable")]
    }

    func validateStatusUpdate(_ object: Value, from old: Value) -> [FieldError] {
        QuotaValidation.status(object["status"] ?? [:])
    }
}
