internal import APIMachinery

struct PriorityClassStrategy: ResourceStrategy {
    private static let userMax: Int64 = 1_000_000_000
    private static let systemPrefix = "system-"
    private static let system = [
        "system-node-critical": Int64(2_000_001_000), "system-cluster-critical": 2_000_000_000,
    ]

    var tracksGeneration: Bool { true }
    var generationIsFixed: Bool { true }
    var metadataOnUpdate: MetadataRepetition { .update }

    func applyDefaults(_ object: inout Value) { object.setDefault("preemptionPolicy", "PreemptLowerPriority") }

    func validateCreate(_ object: Value) -> [FieldError] {
        var errors = FieldErrors()
        let value = object["value"]?.int ?? 0
        if object.name.hasPrefix(Self.systemPrefix) {
            if let fault = systemFault(object, value) {
                errors.forbidden(
                    .root("metadata.name"),
                    "priority class names with '\(Self.systemPrefix)' prefix are reserved for system use only. error: "
                        + fault)
            }
        } else if value > Self.userMax {
            errors.forbidden(
                .root("value"), "maximum allowed value of a user defined priority is \(Self.userMax)")
        }
        let policy = object.text("preemptionPolicy")
        errors.requiredOneOf(["PreemptLowerPriority", "Never"], .root("preemptionPolicy"), policy)
        return errors.list
    }

    private func systemFault(_ object: Value, _ value: Int64) -> String? {
        guard let expected = Self.system[object.name] else {
            return "\(object.name) is not a known system priority class"
        }
        if value != expected { return "value of \(object.name) PriorityClass must be \(expected)" }
        if object["globalDefault"]?.bool == true {
            return "globalDefault of \(object.name) PriorityClass must be false"
        }
        return nil
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        var errors = FieldErrors()
        if object["value"] != old["value"] { errors.forbidden(.root("value"), "may not be changed in an update.") }
        errors.immutable(.root("preemptionPolicy"), object["preemptionPolicy"], old["preemptionPolicy"])
        return errors.list
    }
}
