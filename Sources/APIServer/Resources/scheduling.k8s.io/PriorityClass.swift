internal import APIMachinery

struct PriorityClassStrategy: ResourceStrategy {
    var tracksGeneration: Bool { true }

    private static let userMax: Int64 = 1_000_000_000

    func applyDefaults(_ object: inout Value) { object.setDefaultString("preemptionPolicy", "PreemptLowerPriority") }

    func validate(_ object: Value) -> [FieldError] {
        var errors: [FieldError] = []
        let isSystem = object.name.hasPrefix("system-")
        let known = ["system-node-critical": Int64(2_000_001_000), "system-cluster-critical": 2_000_000_000]
        if isSystem, known[object.name] != object["value"]?.int {
            errors.append(
                .forbidden(
                    "metadata.name",
                    "priority class names with 'system-' prefix are reserved for system use only. error: "
                        + "\(object.name) is not a known system priority class"))
        } else if !isSystem, let value = object["value"]?.int, value > Self.userMax {
            errors.append(
                .forbidden("value", "maximum allowed value of a user defined priority is \(Self.userMax)"))
        }
        return errors
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        var errors: [FieldError] = []
        if object["value"] != old["value"] { errors.append(.forbidden("value", "may not be changed in an update.")) }
        if object["preemptionPolicy"] != old["preemptionPolicy"] {
            errors.append(.invalid("preemptionPolicy", object["preemptionPolicy"], "field is immutable"))
        }
        return errors
    }
}
