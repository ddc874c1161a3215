internal import APIMachinery

/// What the workload kinds have in common: counts, selector and template.
enum WorkloadValidation {
    static func nonnegative(_ value: Value, _ names: [String], _ field: String) -> [FieldError] {
        names.compactMap { name in
            guard let number = value[name]?.int, number < 0 else { return nil }
            return .invalid(field + "." + name, number, "must be greater than or equal to 0")
        }
    }

    static func immutableSelector(_ object: Value, _ old: Value) -> [FieldError] {
        let (new, kept) = (object[path: "spec", "selector"], old[path: "spec", "selector"])
        return new == kept ? [] : [.invalid("spec.selector", new, "field is immutable")]
    }

    /// How a kind words what is wrong with its selector and its template.
    struct Words {
        /// Completes `empty selector is invalid for`.
        let emptyFor: String
        /// What an unusable selector is told, besides what is wrong in it.
        let invalid: String
        /// Completes `activeDeadlineSeconds in … is not Supported`.
        let kind: String
    }

    /// `spec.selector`, `spec.template` and that one selects the other: Deployments, ReplicaSets, StatefulSets.
    static func selectorAndTemplate(
        _ spec: Value, _ path: FieldPath, _ words: Words, claims: [String] = [], _ errors: inout FieldErrors,
        between: (inout FieldErrors) -> Void = { _ in }
    ) {
        let selector = spec.present("selector")
        let found = errors.count
        if let selector {
            errors.selector(path["selector"], selector)
            if isEmpty(selector) {
                errors.invalid(path["selector"], selector, "empty selector is invalid for " + words.emptyFor)
            }
        } else {
            errors.required(path["selector"])
        }
        let isUsable = selector.map { isEmpty($0) || errors.count == found } ?? true
        between(&errors)
        guard isUsable else { return errors.invalid(path["selector"], selector, words.invalid) }
        let template = spec["template"] ?? [:]
        let labels = template.metadata.present("labels")
        if !isSelected(selector, template) {
            errors.invalid(
                path["template"]["metadata"]["labels"], labels, "`selector` does not match template `labels`")
        }
        self.template(
            template, path["template"], kind: words.kind, replicas: spec["replicas"]?.int ?? 1, claims: claims, &errors)
    }

    private static func isEmpty(_ selector: Value) -> Bool {
        selector.entries("matchLabels").isEmpty && selector.list("matchExpressions").isEmpty
    }

    /// Whether the selector, which is well formed, selects pods of the template. No selector selects nothing.
    static func isSelected(_ selector: Value?, _ template: Value) -> Bool {
        guard let selector, let requirements = try? LabelRequirements(value: selector) else { return false }
        return requirements.matches(template.metadata.stringMap("labels"))
    }

    /// A pod template with nothing said about its use.
    static func anyTemplate(
        _ template: Value, _ path: FieldPath, claims: [String] = [], _ errors: inout FieldErrors
    ) {
        errors.append(
            PodTemplateValidation.validate(template, path.text, claims: claims))
    }

    /// The template of pods that are kept running.
    static func template(
        _ template: Value, _ path: FieldPath, kind: String, replicas: Int64, claims: [String] = [],
        _ errors: inout FieldErrors
    ) {
        let spec = template["spec"] ?? [:]
        anyTemplate(template, path, claims: claims, &errors)
        if replicas > 1 { readOnlyDisks(spec, path["spec"]["volumes"], &errors) }
        keepsRunning(spec, path["spec"], kind: kind, &errors)
    }

    static func keepsRunning(_ spec: Value, _ path: FieldPath, kind: String, _ errors: inout FieldErrors) {
        errors.oneOf(["Always"], path["restartPolicy"], spec.text("restartPolicy"))
        if spec.present("activeDeadlineSeconds") != nil {
            errors.forbidden(
                path["activeDeadlineSeconds"], "activeDeadlineSeconds in \(kind) is not Supported")
        }
    }

    /// A disk that several pods mount must be read-only.
    static func readOnlyDisks(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        for (index, volume) in spec.list("volumes").enumerated() {
            guard let disk = volume.present("gcePersistentDisk"), disk["readOnly"]?.bool != true else { continue }
            errors.invalid(
                path[index]["gcePersistentDisk"]["readOnly"], false,
                "must be true for replicated pods > 1; GCE PD can only be mounted on multiple machines if it is "
                    + "read-only")
        }
    }

    /// Parts of `status.replicas` cannot be more than the whole.
    static func partsOfReplicas(
        _ status: Value, _ names: [String], availableAmong ready: String, _ errors: inout FieldErrors
    ) {
        let path = FieldPath.root("status")
        let replicas = status["replicas"]?.int ?? 0
        for name in names {
            let count = status[name]?.int ?? 0
            if count > replicas { errors.invalid(path[name], count, "cannot be greater than status.replicas") }
        }
        let available = status["availableReplicas"]?.int ?? 0
        if available > status["readyReplicas"]?.int ?? 0 {
            errors.invalid(path["availableReplicas"], available, "cannot be greater than " + ready)
        }
    }

    /// Counts of a ReplicaSet's or ReplicationController's status.
    static func replicaStatus(_ status: Value) -> [FieldError] {
        var errors = FieldErrors()
        errors.nonnegative(
            .root("status"), status, "replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas",
            "terminatingReplicas", "observedGeneration")
        partsOfReplicas(
            status, ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"], availableAmong: "readyReplicas",
            &errors)
        return errors.list
    }

    /// `status.collisionCount` only grows.
    static func collisionCount(_ object: Value, _ old: Value, _ errors: inout FieldErrors) {
        guard let kept = old[path: "status", "collisionCount"]?.int else { return }
        let count = object[path: "status", "collisionCount"]?.int
        if count == nil || count ?? 0 < kept {
            errors.invalid(.root("status.collisionCount"), count ?? 0, "cannot be decremented")
        }
    }

    /// A name that pods derive theirs from had better be a DNS label.
    static func nameWarning(_ object: Value) -> [String] {
        let violations = NameValidation.dns1123Label(object.name)
        guard !violations.isEmpty else { return [] }
        return [
            "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS "
                + "label is recommended: [\(violations.joined(separator: " "))]"
        ]
    }

    /// Advice about a template: always for new objects, for others when they change.
    static func templateWarnings(_ object: Value, from old: Value?, _ path: String...) -> [String] {
        if let old, old.generation == object.generation { return [] }
        guard let template = object[path: path], !template.isNull else { return [] }
        return PodWarnings.template(template, path.joined(separator: "."))
    }
}
