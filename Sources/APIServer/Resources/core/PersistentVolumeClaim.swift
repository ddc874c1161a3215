internal import APIMachinery

struct PersistentVolumeClaimStrategy: ResourceStrategy {
    var returnsDeletedObject: Bool { true }
    var metadataOnUpdate: MetadataRepetition { .bothAndFull }

    func applyDefaults(_ object: inout Value) {
        object.editObject("spec") { $0.setDefaultString("volumeMode", "Filesystem") }
        object.editObject("status") { $0.setDefaultString("phase", "Pending") }
    }

    func prepareForCreate(_ object: inout Value) {
        object["status"] = ["phase": "Pending"]
        settleDataSources(&object, isInUse: false)
    }

    func prepareForUpdate(_ object: inout Value, from old: Value) {
        let spec = old["spec"] ?? [:]
        let isInUse = ["dataSource", "dataSourceRef"].contains { spec.present($0) != nil }
        settleDataSources(&object, isInUse: isInUse)
    }

    /// The old field takes claims and snapshots only and forgets the rest; each field fills the other.
    private func settleDataSources(_ object: inout Value, isInUse: Bool) {
        guard let spec = object["spec"], spec["dataSource"] != nil || spec["dataSourceRef"] != nil else { return }
        object.edit("spec") { spec in
            // Sources in other namespaces are an alpha feature.
            spec.edit("dataSourceRef") { $0["namespace"] = nil }
            if !isInUse, let source = spec.present("dataSource"), !isKnown(source) { spec["dataSource"] = nil }
            switch (spec.present("dataSource"), spec.present("dataSourceRef")) {
            case (let source?, nil): spec["dataSourceRef"] = source
            case (nil, let reference?): spec["dataSource"] = reference
            default: break
            }
        }
    }

    private func isKnown(_ source: Value) -> Bool {
        switch (source.text("apiGroup"), source.text("kind")) {
        case ("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot"): true
        default: false
        }
    }

    func validateCreate(_ object: Value) -> [FieldError] {
        Self.validateSpec(object["spec"] ?? [:], "spec")
    }

    static func validateSpec(_ spec: Value, _ field: String) -> [FieldError] {
        var errors = FieldErrors()
        ClaimValidation().validate(spec, .root(field), &errors)
        return errors.list
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        let validation = ClaimValidation(stored: old)
        var errors = FieldErrors()
        validation.validate(object["spec"] ?? [:], .root("spec"), &errors)
        return errors.list + validation.changes(object, from: old)
    }

    func validateStatusUpdate(_ object: Value, from old: Value) -> [FieldError] { ClaimValidation.status(object) }

    func warnings(_ object: Value) -> [String] {
        PersistentVolumeStrategy.classAnnotationWarnings(object) + Self.specWarnings(object["spec"] ?? [:], "spec")
    }

    static func specWarnings(_ spec: Value, _ field: String) -> [String] {
        ["requests", "limits"].compactMap { section in
            guard let value = spec[path: "resources", section, "storage"],
                let quantity = Quantity(PodQuality.text(value)), quantity.milliValue % 1000 != 0
            else { return nil }
            return "\(field).resources.\(section)[storage]: fractional byte value \(quoted(quantity.description)) is "
                + "invalid, must be an integer"
        }
    }
}
