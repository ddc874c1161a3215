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
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        object["spec"] == old["spec"] ? [] : [.invalid("spec", object["spec"], "field is immutable")]
    }
}
