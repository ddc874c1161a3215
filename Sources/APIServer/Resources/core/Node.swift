internal import APIMachinery

struct NodeStrategy: ResourceStrategy {
    var keepsStatusOnCreate: Bool { true }
    var metadataOnUpdate: MetadataRepetition { .both }
    var selectableFields: SelectableFields {
        SelectableFields(
            paths: ["metadata.name": ["metadata", "name"], "spec.unschedulable": ["spec", "unschedulable"]],
            absent: ["spec.unschedulable": "false"])
    }

    /// What a node can give to pods is what it has, unless it says otherwise; one range is the first of several.
    func applyDefaults(_ object: inout Value) {
        object.edit("status") { status in
            guard status.entries("allocatable").isEmpty, let capacity = status.present("capacity") else { return }
            status["allocatable"] = capacity
        }
        object.edit("spec") { spec in
            let (first, all) = (spec.text("podCIDR"), spec.list("podCIDRs"))
            if first.isEmpty {
                if let range = all.first { spec["podCIDR"] = range }
            } else if all.first?.string != first {
                spec["podCIDRs"] = [.string(first)]
            }
        }
    }

    func prepareForCreate(_ object: inout Value) {
        object.setDefault("spec", [:])
        object.setDefault("status", [:])
        object.edit("spec") { $0["configSource"] = nil }
    }

    func prepareForUpdate(_ object: inout Value, from old: Value) {
        guard old["spec"]?.present("configSource") == nil else { return }
        object.edit("spec") { $0["configSource"] = nil }
    }

    func validate(_ object: Value) -> [FieldError] {
        NodeValidation.taints(object) + NodeValidation.resources(object) + NodeValidation.podRanges(object)
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        NodeValidation.changes(object, from: old)
    }

    func validateStatusUpdate(_ object: Value, from old: Value) -> [FieldError] {
        NodeValidation.changes(object, from: old)
    }

    func warnings(_ object: Value) -> [String] {
        let spec = object["spec"] ?? [:]
        var warnings: [String] = []
        if spec.present("configSource") != nil {
            warnings.append("spec.configSource: the feature is no longer supported")
        }
        if !spec.text("externalID").isEmpty {
            warnings.append("spec.externalID: this field is deprecated, and is unused by Kubernetes")
        }
        for (index, range) in spec.list("podCIDRs").enumerated() {
            warnings += AddressValidation.rangeWarnings(range.string ?? "", "spec.podCIDRs[\(index)]")
        }
        return warnings
    }
}
