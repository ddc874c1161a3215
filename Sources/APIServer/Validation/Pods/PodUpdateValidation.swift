internal import APIMachinery

/// What may change in a Pod once it exists: very little.
enum PodUpdateValidation {
    private static let spec = FieldPath.root("spec")
    private static let refusal =
        "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
        + "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
        + "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n"

    static func validate(_ pod: Value, from old: Value) -> [FieldError] {
        var errors = FieldErrors()
        PodAnnotationValidation.validateUpdate(pod, from: old, FieldPath.root("metadata")["annotations"], &errors)
        validateSpec(pod["spec"] ?? [:], from: old["spec"] ?? [:], &errors)
        return errors.list
    }

    private static func validateSpec(_ new: Value, from kept: Value, _ errors: inout FieldErrors) {
        for kind in ["containers", "initContainers"] {
            let containers = new.list(kind)
            guard containers.count == kept.list(kind).count else {
                return errors.forbidden(spec[kind], "pod updates may not add or remove containers")
            }
            for (index, container) in containers.enumerated() {
                if container.text("image").isEmpty { errors.required(spec[kind][index]["image"]) }
                ContainerValidation.imageSpace(container, spec[kind][index], &errors)
            }
        }
        guard deadline(new, kept, &errors) else { return }
        tolerations(new.list("tolerations"), kept.list("tolerations"), &errors)
        let gates = kept.list("schedulingGates").map { $0.text("name") }
        for (index, gate) in new.list("schedulingGates").enumerated() where !gates.contains(gate.text("name")) {
            errors.forbidden(
                spec["schedulingGates"][index]["name"],
                "only deletion is allowed, but found new scheduling gate '\(gate.text("name"))'")
        }
        if new == kept { return }
        let comparable = comparable(new, kept, isGated: !gates.isEmpty, &errors)
        guard !comparable.isSemantically(kept) else { return }
        errors.forbidden(spec, refusal + UnifiedDiff.text(GoShape.podSpec(kept), GoShape.podSpec(comparable)))
    }

    /// A deadline may be set, and brought forward. False where upstream looks no further.
    private static func deadline(_ new: Value, _ kept: Value, _ errors: inout FieldErrors) -> Bool {
        let path = spec["activeDeadlineSeconds"]
        let before = kept["activeDeadlineSeconds"]?.int
        guard let seconds = new["activeDeadlineSeconds"]?.int else {
            if before != nil {
                errors.invalid(path, nil, "must not update from a positive integer to nil value")
            }
            return true
        }
        guard (0...Int64(Int32.max)).contains(seconds) else {
            errors.invalid(path, seconds, "must be between 0 and 2147483647, inclusive")
            return false
        }
        guard let before, before < seconds else { return true }
        errors.invalid(path, seconds, "must be less than or equal to previous value")
        return false
    }

    /// Existing ones may change how long they hold, nothing else.
    private static func tolerations(_ new: [Value], _ kept: [Value], _ errors: inout FieldErrors) {
        func withoutSeconds(_ toleration: Value) -> Value {
            var toleration = toleration
            toleration["tolerationSeconds"] = nil
            return toleration
        }
        let path = spec["tolerations"]
        let wanted = new.map(withoutSeconds)
        for old in kept where !wanted.contains(withoutSeconds(old)) {
            return errors.forbidden(path, "existing toleration can not be modified except its tolerationSeconds")
        }
        SchedulingValidation.tolerations(new, path, &errors)
    }

    /// The spec with everything that may change taken from `kept`.
    private static func comparable(
        _ spec: Value, _ kept: Value, isGated: Bool, _ errors: inout FieldErrors
    ) -> Value {
        var spec = spec
        for key in ["activeDeadlineSeconds", "tolerations", "schedulingGates"] { spec[key] = kept[key] }
        if kept["terminationGracePeriodSeconds"]?.int ?? 0 < 0, spec["terminationGracePeriodSeconds"]?.int == 1 {
            spec["terminationGracePeriodSeconds"] = kept["terminationGracePeriodSeconds"]
        }
        for kind in ["containers", "initContainers"] {
            let images = kept.list(kind).map { $0["image"] }
            var index = 0
            spec.editEach(kind) { container in
                if index < images.count { container["image"] = images[index] }
                index += 1
            }
        }
        guard isGated else { return spec }
        GatedPodValidation.nodeSelector(spec, kept, &errors)
        spec["nodeSelector"] = kept["nodeSelector"]
        GatedPodValidation.nodeAffinity(spec, kept, &errors)
        let affinity = kept["affinity"]?.present("nodeAffinity")
        if spec["affinity"]?.present("nodeAffinity") != affinity {
            spec.editObject("affinity") { $0["nodeAffinity"] = affinity }
            if kept.present("affinity") == nil, spec["affinity"]?.isEmptyValue ?? true { spec["affinity"] = nil }
        }
        return spec
    }
}

/// While a pod is held back, where it may run can be narrowed.
enum GatedPodValidation {
    private static let required = "requiredDuringSchedulingIgnoredDuringExecution"

    static func nodeSelector(_ spec: Value, _ kept: Value, _ errors: inout FieldErrors) {
        let new = spec["nodeSelector"] ?? [:]
        for (key, value) in kept.entries("nodeSelector") where new[key] != value {
            return errors.invalid(
                FieldPath.root("spec")["nodeSelector"], new,
                "only additions to spec.nodeSelector are allowed (no mutations or deletions)")
        }
    }

    static func nodeAffinity(_ spec: Value, _ kept: Value, _ errors: inout FieldErrors) {
        let old = terms(kept)
        guard !old.isEmpty, spec["affinity"] != kept["affinity"] else { return }
        let new = terms(spec)
        let path = FieldPath.root("spec")["affinity"]["nodeAffinity"][required]["nodeSelectorTerms"]
        func shown(_ term: Value) -> Value { GoShape.value(term, "NodeSelectorTerm") }
        guard old.count == new.count else {
            return errors.invalid(
                path, new.isEmpty ? nil : .array(new.map(shown)),
                "no additions/deletions to non-empty NodeSelectorTerms list are allowed")
        }
        for (index, (before, after)) in zip(old, new).enumerated() where !hasOnlyAdditions(after, before) {
            errors.invalid(path[index], shown(after), "only additions are allowed (no mutations or deletions)")
        }
    }

    private static func terms(_ spec: Value) -> [Value] {
        spec["affinity"]?["nodeAffinity"]?[required]?.list("nodeSelectorTerms") ?? []
    }

    private static func hasOnlyAdditions(_ new: Value, _ old: Value) -> Bool {
        let lists = ["matchExpressions", "matchFields"]
        // A term without requirements matches nothing; with one it would match something.
        if lists.allSatisfy({ old.list($0).isEmpty }) { return lists.allSatisfy { new.list($0).isEmpty } }
        return lists.allSatisfy { Array(new.list($0).prefix(old.list($0).count)) == old.list($0) }
    }
}

extension Value {
    /// Equal, where absent, null and empty are the same.
    func isSemantically(_ other: Value) -> Bool {
        switch (self, other) {
        case (.object(let left), .object(let right)):
            for (key, value) in left.entries where !value.isSemantically(right[key] ?? .null) { return false }
            for (key, value) in right.entries where left[key] == nil && !value.isSemantically(.null) { return false }
            return true
        case (.array(let left), .array(let right)):
            return left.count == right.count && zip(left, right).allSatisfy { $0.isSemantically($1) }
        case (.null, .object), (.null, .array), (.object, .null), (.array, .null):
            return isSemanticallyEmpty && other.isSemanticallyEmpty
        case (.null, _), (_, .null): return isZero && other.isZero
        default: return self == other
        }
    }

    private var isSemanticallyEmpty: Bool {
        switch self {
        case .object(let fields): fields.isEmpty
        case .array(let elements): elements.isEmpty
        default: isNull
        }
    }

    /// What a field without a value means, where it is not a pointer.
    private var isZero: Bool { isNull || self == "" || self == 0 || self == .bool(false) }
}
