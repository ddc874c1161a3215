internal import APIMachinery

struct NodeStrategy: ResourceStrategy {
    var keepsStatusOnCreate: Bool { true }
    var selectableFields: SelectableFields {
        SelectableFields(
            paths: ["metadata.name": ["metadata", "name"], "spec.unschedulable": ["spec", "unschedulable"]],
            absent: ["spec.unschedulable": "false"])
    }

    /// What a node can give to pods is what it has, unless it says otherwise.
    func applyDefaults(_ object: inout Value) {
        object.edit("status") { status in
            guard status.entries("allocatable").isEmpty, let capacity = status.present("capacity") else { return }
            status["allocatable"] = capacity
        }
    }

    func prepareForCreate(_ object: inout Value) {
        object.setDefault("spec", [:])
        object.setDefault("status", [:])
    }

    func validate(_ object: Value) -> [FieldError] {
        var errors: [FieldError] = []
        var seen = Set<String>()
        for (index, taint) in (object["spec"] ?? [:]).list("taints").enumerated() {
            let field = "spec.taints[\(index)]"
            errors += NameValidation.qualifiedName(taint.text("key")).map {
                .invalid(field + ".key", taint.text("key"), $0)
            }
            errors += NameValidation.labelValue(taint.text("value")).map {
                .invalid(field + ".value", taint.text("value"), $0)
            }
            let effect = taint.text("effect")
            if effect.isEmpty {
                errors.append(.required(field + ".effect"))
            } else if !["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(effect) {
                errors.append(
                    .notSupported(field + ".effect", effect, ["NoSchedule", "PreferNoSchedule", "NoExecute"]))
            }
            if !seen.insert(taint.text("key") + "|" + effect).inserted {
                errors.append(.duplicate(field, taint))
            }
        }
        return errors
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        let (new, kept) = (object["spec"] ?? [:], old["spec"] ?? [:])
        var errors: [FieldError] = []
        if !kept.text("podCIDR").isEmpty, new.text("podCIDR") != kept.text("podCIDR") {
            errors.append(.forbidden("spec.podCIDRs", "node updates may not change podCIDR except from \"\" to valid"))
        }
        if !kept.text("providerID").isEmpty, new.text("providerID") != kept.text("providerID") {
            errors.append(
                .forbidden("spec.providerID", "node updates may not change providerID except from \"\" to valid"))
        }
        return errors
    }
}
