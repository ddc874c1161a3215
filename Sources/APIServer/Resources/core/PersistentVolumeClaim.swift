internal import APIMachinery

struct PersistentVolumeClaimStrategy: ResourceStrategy {
    var returnsDeletedObject: Bool { true }

    func applyDefaults(_ object: inout Value) {
        object.editObject("spec") { $0.setDefaultString("volumeMode", "Filesystem") }
        object.editObject("status") { $0.setDefaultString("phase", "Pending") }
    }

    func prepareForCreate(_ object: inout Value) { object["status"] = ["phase": "Pending"] }

    func validate(_ object: Value) -> [FieldError] {
        Self.validateSpec(object["spec"] ?? [:], "spec")
    }

    static func validateSpec(_ spec: Value, _ field: String) -> [FieldError] {
        var errors: [FieldError] = []
        let modes = spec.list("accessModes").compactMap(\.string)
        if modes.isEmpty { errors.append(.required(field + ".accessModes", "at least 1 access mode is required")) }
        let known = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"]
        for mode in modes where !known.contains(mode) {
            errors.append(.notSupported(field + ".accessModes", mode, known))
        }
        if modes.contains("ReadWriteOncePod"), modes.count > 1 {
            errors.append(.forbidden(field + ".accessModes", "may not use ReadWriteOncePod with other access modes"))
        }
        guard let storage = spec[path: "resources", "requests", "storage"] else {
            return errors + [.required(field + ".resources[storage]")]
        }
        let text = PodQuality.text(storage)
        if let quantity = Quantity(text), quantity.sign <= 0 {
            errors.append(.invalid(field + ".resources[storage]", text, "must be greater than zero"))
        }
        return errors
    }
}
