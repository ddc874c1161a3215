internal import APIMachinery

/// Device claims, alone or as a template.
struct ResourceClaimStrategy: ResourceStrategy {
    func applyDefaults(_ object: inout Value) {
        object.edit("spec") { spec in
            Self.applyDevices(&spec)
            spec.edit("spec") { Self.applyDevices(&$0) }
        }
    }

    private static func applyDevices(_ spec: inout Value) {
        spec.edit("devices") { devices in
            devices.editEach("requests") { request in
                request.edit("exactly") { applyRequest(&$0) }
                request.editEach("firstAvailable") { applyRequest(&$0) }
            }
        }
    }

    private static func applyRequest(_ request: inout Value) {
        request.setDefaultString("allocationMode", "ExactCount")
        if request.text("allocationMode") == "ExactCount", request["count"]?.int ?? 0 == 0 { request["count"] = 1 }
        request.editEach("tolerations") { $0.setDefaultString("operator", "Equal") }
    }

    private func isTemplate(_ object: Value) -> Bool { object.text("kind") == "ResourceClaimTemplate" }

    func validateCreate(_ object: Value) -> [FieldError] {
        var errors = FieldErrors()
        let path = FieldPath.root("spec")
        let spec = object["spec"] ?? [:]
        if isTemplate(object) {
            errors.append(ObjectMetaValidation.labels(spec.metadata, "spec.metadata.labels"))
            errors.append(ObjectMetaValidation.annotations(spec.metadata, "spec.metadata.annotations"))
            DeviceClaimValidation.claim(spec["spec"] ?? [:], path["spec"], &errors)
        } else {
            DeviceClaimValidation.claim(spec, path, &errors)
        }
        return errors.list
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        guard object["spec"] != old["spec"] else { return [] }
        let type = isTemplate(object) ? "ResourceClaimTemplateSpec" : "ResourceClaimSpec"
        var errors = FieldErrors()
        errors.invalid(.root("spec"), GoShape.value(object["spec"] ?? [:], type), "field is immutable")
        errors.append(validateCreate(object))
        return errors.list
    }
}

struct DeviceClassStrategy: ResourceStrategy {
    var tracksGeneration: Bool { true }

    func validate(_ object: Value) -> [FieldError] { DeviceClaimValidation.deviceClass(object) }
}

struct ResourceSliceStrategy: ResourceStrategy {
    var tracksGeneration: Bool { true }
    var selectableFields: SelectableFields { .with(["spec.nodeName", "spec.driver"]) }

    func applyDefaults(_ object: inout Value) {
        object.edit("spec") { spec in
            spec.editEach("devices") { device in
                device.editEach("taints") { $0.setDefaultString("timeAdded", Time.now().description) }
            }
        }
    }

    func validateCreate(_ object: Value) -> [FieldError] { ResourceSliceValidation.validate(object) }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        ResourceSliceValidation.validate(object, from: old)
    }
}
