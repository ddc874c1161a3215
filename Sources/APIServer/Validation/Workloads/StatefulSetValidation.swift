internal import APIMachinery

/// StatefulSets.
enum StatefulSetValidation {
    private static let spec = FieldPath.root("spec")
    private static let words = WorkloadValidation.Words(emptyFor: "statefulset", invalid: "", kind: "StatefulSet")

    static func validate(_ object: Value) -> [FieldError] {
        let value = object["spec"] ?? [:]
        var errors = FieldErrors()
        let management = value.text("podManagementPolicy")
        if management.isEmpty {
            errors.required(spec["podManagementPolicy"])
        } else if !["OrderedReady", "Parallel"].contains(management) {
            errors.invalid(spec["podManagementPolicy"], management, "must be 'OrderedReady' or 'Parallel'")
        }
        strategy(value["updateStrategy"] ?? [:], spec["updateStrategy"], &errors)
        if let policy = value.present("persistentVolumeClaimRetentionPolicy") {
            for name in ["whenDeleted", "whenScaled"] {
                errors.oneOf(
                    ["Retain", "Delete"], spec["persistentVolumeClaimRetentionPolicy"][name], policy.text(name))
            }
        }
        errors.nonnegative(spec, value, "replicas", "minReadySeconds")
        errors.nonnegative(spec["ordinals"]["start"], value[path: "ordinals", "start"]?.int)
        let service = value.text("serviceName")
        WorkloadValidation.selectorAndTemplate(
            value, spec, words, claims: value.list("volumeClaimTemplates").map(\.name), &errors,
            between: { errors in
                guard !service.isEmpty else { return }
                errors.violations(spec["serviceName"], service, NameValidation.dns1123Label(service))
            })
        for (index, claim) in value.list("volumeClaimTemplates").enumerated() {
            let path = spec["volumeClaimTemplates"][index]["spec"]
            errors.append(PersistentVolumeClaimStrategy.validateSpec(claim["spec"] ?? [:], path.text))
        }
        return errors.list
    }

    private static func strategy(_ strategy: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let rolling = strategy.present("rollingUpdate")
        switch strategy.text("type") {
        case "": errors.required(path)
        case "OnDelete":
            guard let rolling else { return }
            errors.invalid(
                path["rollingUpdate"], GoShape.value(rolling, "RollingUpdateStatefulSet"),
                "only allowed for updateStrategy 'RollingUpdate'")
        case "RollingUpdate":
            guard let rolling else { return }
            let own = path["rollingUpdate"]
            errors.nonnegative(own, rolling, "partition")
            guard let unavailable = rolling.present("maxUnavailable") else { return }
            errors.intOrPercent(own["maxUnavailable"], unavailable)
            if Percentage.number(unavailable) == 0 {
                errors.invalid(own["maxUnavailable"], unavailable, "cannot be 0")
            }
            errors.notMoreThan100Percent(own["maxUnavailable"], unavailable)
        default:
            errors.invalid(
                path, GoShape.value(strategy, "StatefulSetUpdateStrategy"), "must be 'RollingUpdate' or 'OnDelete'")
        }
    }

    private static let mutable: Set<String> = [
        "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
    ]

    static func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        let (new, kept) = (object["spec"] ?? [:], old["spec"] ?? [:])
        let isFixed = Set((new.fields?.keys ?? []) + (kept.fields?.keys ?? [])).subtracting(mutable)
            .allSatisfy { new[$0] == kept[$0] }
        guard !isFixed else { return [] }
        return [
            .forbidden(
                "spec",
                "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
                    + "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
                    + "'minReadySeconds' are forbidden")
        ]
    }

    static func validateStatus(_ object: Value, from old: Value) -> [FieldError] {
        let status = object["status"] ?? [:]
        var errors = FieldErrors()
        errors.nonnegative(
            .root("status"), status, "replicas", "readyReplicas", "currentReplicas", "updatedReplicas",
            "availableReplicas", "observedGeneration", "collisionCount")
        WorkloadValidation.partsOfReplicas(
            status, ["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"],
            availableAmong: "status.readyReplicas", &errors)
        WorkloadValidation.collisionCount(object, old, &errors)
        return errors.list
    }

    static func warnings(_ object: Value, from old: Value?) -> [String] {
        var warnings = old == nil ? WorkloadValidation.nameWarning(object) : []
        warnings += WorkloadValidation.templateWarnings(object, from: old, "spec", "template")
        if let limit = object[path: "spec", "revisionHistoryLimit"]?.int, limit < 0 {
            warnings.append(
                "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is "
                    + "recommended")
        }
        return warnings
    }
}

/// ControllerRevisions.
enum ControllerRevisionValidation {
    static func validateCreate(_ object: Value) -> [FieldError] {
        var errors = FieldErrors()
        switch object["data"] {
        case nil, .null: errors.required(.root("data"), "data is mandatory")
        case .object: break
        default: errors.required(.root("data"), "data must be a valid JSON object")
        }
        errors.append(validate(object))
        return errors.list
    }

    static func validate(_ object: Value) -> [FieldError] {
        var errors = FieldErrors()
        errors.nonnegative(.root("revision"), object["revision"]?.int)
        return errors.list
    }
}
