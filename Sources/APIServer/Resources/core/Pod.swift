internal import APIMachinery

struct PodStrategy: ResourceStrategy {
    var tracksGeneration: Bool { true }
    var returnsDeletedObject: Bool { true }
    var selectableFields: SelectableFields {
        var fields = SelectableFields.with(
            [
                "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
                "spec.hostNetwork",
                "status.phase", "status.podIP", "status.nominatedNodeName",
            ], absent: ["spec.hostNetwork": "false"])
        fields.paths["status.podIPs"] = ["status", "podIP"]
        return fields
    }

    /// What clients of long ago said in annotations.
    private static let obsoleteAnnotations = [
        "pod.beta.kubernetes.io/init-containers", "pod.alpha.kubernetes.io/init-containers",
        "pod.beta.kubernetes.io/init-container-statuses", "pod.alpha.kubernetes.io/init-container-statuses",
    ]

    func applyDefaults(_ object: inout Value) {
        if object.metadata["annotations"]?.isEmptyValue == false {
            object.editMetadata { metadata in
                metadata.edit("annotations") { annotations in
                    for key in Self.obsoleteAnnotations { annotations[key] = nil }
                }
            }
        }
        object.editObject("spec") { spec in
            PodDefaults.applySpec(&spec)
            PodDefaults.applyPodOnly(&spec)
            // Of pods only: templates keep what they say, with a warning.
            if spec["terminationGracePeriodSeconds"]?.int ?? 0 < 0 { spec["terminationGracePeriodSeconds"] = 1 }
        }
        object.edit("status") { PodDefaults.applyStatus(&$0) }
    }

    func prepareForCreate(_ object: inout Value) {
        let quality = PodQuality.of(object["spec"] ?? [:])
        var status: Value = ["phase": "Pending", "qosClass": .string(quality)]
        if !(object["spec"] ?? [:]).list("schedulingGates").isEmpty {
            status["conditions"] = [
                [
                    "type": "PodScheduled", "status": "False", "reason": "SchedulingGated",
                    "message": "Scheduling is blocked due to non-empty scheduling gates", "observedGeneration": 1,
                ]
            ]
        }
        object["status"] = status
        object.edit("spec") { PodFeatures.dropDisabled(&$0) }
        PodLabelKeys.resolve(&object)
        PodAppArmor.synchronise(&object)
    }

    func prepareForUpdate(_ object: inout Value, from old: Value) {
        object["status"] = old["status"]
    }

    func prepareForStatusUpdate(_ object: inout Value, from old: Value) {
        // The quality of service is the spec's; owners change only through the main resource.
        let owners = old.metadata["ownerReferences"]
        object.editMetadata { $0["ownerReferences"] = owners }
        let quality = old[path: "status", "qosClass"]
        object.editObject("status") { $0.setDefault("qosClass", quality ?? .null) }
    }

    /// People rarely change pods by hand, and kubelets and schedulers do not read advice.
    func warnings(_ object: Value, from old: Value?) -> [String] {
        old == nil ? PodAppArmor.warnings(object) + PodWarnings.pod(object) : []
    }

    func validate(_ object: Value) -> [FieldError] { PodValidation.validate(object) }

    func validateCreate(_ object: Value) -> [FieldError] { PodValidation.validateCreate(object) }

    func validateSubresource(_ object: Value, from old: Value, _ subresource: String) -> [FieldError]? {
        switch subresource {
        case "resize": PodResizeValidation.resize(object, from: old)
        case "ephemeralcontainers": PodResizeValidation.ephemeralContainers(object, from: old)
        default: nil
        }
    }

    func validateStatusUpdate(_ object: Value, from old: Value) -> [FieldError] {
        PodStatusValidation.validate(object, from: old)
    }

    /// `ephemeralcontainers` and `resize` each write their own part of the spec.
    func limit(_ object: inout Value, from old: Value, to subresource: String) {
        var spec = old["spec"] ?? [:]
        let wanted = object["spec"] ?? [:]
        switch subresource {
        case "ephemeralcontainers": spec["ephemeralContainers"] = wanted["ephemeralContainers"]
        case "resize":
            for containers in ["containers", "initContainers"] {
                let sizes = wanted.list(containers)
                // Validation tells those who add, rename or reorder containers.
                if sizes.map({ $0.text("name") }) != spec.list(containers).map({ $0.text("name") }) {
                    spec[containers] = wanted[containers]
                    continue
                }
                spec.editEach(containers) { container in
                    guard let match = sizes.first(where: { $0.text("name") == container.text("name") }) else { return }
                    container["resources"] = match["resources"]
                    container["resizePolicy"] = match["resizePolicy"] ?? container["resizePolicy"]
                }
            }
        default: return
        }
        object["spec"] = spec
        object["status"] = old["status"]
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        PodUpdateValidation.validate(object, from: old)
    }

    /// A pod that no kubelet has seen goes at once.
    func gracePeriodSeconds(_ object: Value, requested: Int64?) -> Int64? {
        let spec = object["spec"] ?? [:]
        var seconds = requested ?? spec["terminationGracePeriodSeconds"]?.int ?? PodDefaults.terminationGraceSeconds
        if seconds < 0 { seconds = 1 }
        if spec.text("nodeName").isEmpty { return 0 }
        let phase = object[path: "status", "phase"]?.string ?? ""
        return phase == "Failed" || phase == "Succeeded" ? 0 : seconds
    }
}

/// The quality-of-service class: who is sacrificed first when a node runs short.
enum PodQuality {
    private static let counted = ["cpu", "memory"]

    static func of(_ spec: Value) -> String {
        var requests: [String: Quantity] = [:]
        var limits: [String: Quantity] = [:]
        var isGuaranteed = true
        // What is said of the pod as a whole counts instead of what its containers say.
        let whole = spec["resources"] ?? [:]
        let counts = ["requests", "limits"].contains { !(whole[$0]?.isEmptyValue ?? true) }
        for container in counts ? [["resources": whole]] : spec.list("containers") + spec.list("initContainers") {
            let resources = container["resources"] ?? [:]
            var limited = Set<String>()
            for (name, value) in resources.entries("requests") where counted.contains(name) {
                guard let quantity = Quantity(text(value)), !quantity.isZero else { continue }
                requests[name] = (requests[name] ?? .zero) + quantity
            }
            for (name, value) in resources.entries("limits") where counted.contains(name) {
                guard let quantity = Quantity(text(value)), !quantity.isZero else { continue }
                limited.insert(name)
                limits[name] = (limits[name] ?? .zero) + quantity
            }
            if limited.count != counted.count { isGuaranteed = false }
        }
        if requests.isEmpty, limits.isEmpty { return "BestEffort" }
        if isGuaranteed, requests.allSatisfy({ limits[$0.key] == $0.value }), requests.count == limits.count {
            return "Guaranteed"
        }
        return "Burstable"
    }

    static func text(_ value: Value) -> String {
        switch value {
        case .string(let string): string
        case .int(let int): String(int)
        case .double(let double): String(double)
        default: ""
        }
    }
}
