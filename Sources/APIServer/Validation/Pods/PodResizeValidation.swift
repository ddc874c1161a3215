internal import APIMachinery

/// `pods/resize` and `pods/ephemeralcontainers`: the two ways to change a pod's containers.
enum PodResizeValidation {
    private static let spec = FieldPath.root("spec")
    private static let mutable = "only cpu and memory resources are mutable"

    static func resize(_ pod: Value, from old: Value) -> [FieldError] {
        let (new, kept) = (pod["spec"] ?? [:], old["spec"] ?? [:])
        func refusal(_ why: String) -> [FieldError] { [.forbidden("", why)] }
        if old.metadata["annotations"]?[PodAnnotationValidation.mirror] != nil {
            return refusal("static pods cannot be resized")
        }
        if kept["os"]?.text("name") == "windows" { return refusal("windows pods cannot be resized") }
        for kind in ["containers", "initContainers"]
        where new.list(kind).map({ $0.text("name") }) != kept.list(kind).map({ $0.text("name") }) {
            return [.forbidden(spec[kind].text, "containers may not be added or removed")]
        }
        var errors = FieldErrors()
        errors.append(PodValidation.validate(pod))
        let quality = old[path: "status", "qosClass"]?.string ?? PodQuality.of(kept)
        if quality != PodQuality.of(new) {
            errors.invalid(
                spec, old[path: "status", "qosClass"], "Pod QOS Class may not change as a result of resizing")
        }
        if !isSupported(old) { errors.forbidden(spec, "Pod running on node without support for resize") }
        for kind in ["initContainers", "containers"] {
            let containers = new.list(kind)
            for (index, container) in kept.list(kind).enumerated() where index < containers.count {
                if kind == "initContainers", container.text("restartPolicy") != "Always" { continue }
                removals(containers[index], container, spec[kind][index]["resources"], &errors)
            }
        }
        otherChanges(new, kept, &errors)
        return errors.list
    }

    /// A kubelet that can resize reports what a running container has.
    private static func isSupported(_ pod: Value) -> Bool {
        let running = (pod["status"] ?? [:]).list("containerStatuses").first {
            $0["state"]?.present("running") != nil
        }
        return running.map { $0.present("resources") != nil } ?? true
    }

    private static func removals(
        _ new: Value, _ old: Value, _ path: FieldPath, _ errors: inout FieldErrors
    ) {
        let (wanted, kept) = (new["resources"] ?? [:], old["resources"] ?? [:])
        for section in ["requests", "limits"] {
            let names = Set(wanted.entries(section).map(\.key))
            if kept.entries(section).contains(where: { !names.contains($0.key) }) {
                errors.forbidden(path[section], "resource \(section) cannot be removed")
            }
        }
    }

    private static func otherChanges(_ new: Value, _ kept: Value, _ errors: inout FieldErrors) {
        let before = errors.count
        var spec = new
        for (kind, text) in [
            ("containers", mutable),
            ("initContainers", "only cpu and memory resources for sidecar containers are mutable"),
        ] {
            let old = kept.list(kind)
            var containers = spec.list(kind)
            guard old.count == containers.count, !old.isEmpty else { continue }
            for index in containers.indices {
                let isFixed = kind == "initContainers" && containers[index].text("restartPolicy") != "Always"
                if !isFixed { keepComputeResources(&containers[index], from: old[index]) }
                guard !containers[index].isSemantically(old[index]) else { continue }
                errors.forbidden(
                    Self.spec, isFixed ? "resources for non-sidecar init containers are immutable" : text)
            }
            spec[kind] = .array(containers)
        }
        guard errors.count == before, errors.isEmpty, !spec.isSemantically(kept) else { return }
        errors.forbidden(Self.spec, mutable)
    }

    /// Takes what may change from the old container, so that the rest can be compared.
    private static func keepComputeResources(_ container: inout Value, from old: Value) {
        let kept = old["resources"] ?? [:]
        container.editObject("resources") { resources in
            resources["claims"] = kept["claims"]
            for section in ["requests", "limits"] {
                guard let before = kept.present(section) else {
                    resources[section] = nil
                    continue
                }
                resources.editObject(section) { amounts in
                    for name in ["cpu", "memory"] { amounts[name] = before[name] }
                }
            }
        }
    }

    /// Ephemeral containers are added, never changed or removed.
    static func ephemeralContainers(_ pod: Value, from old: Value) -> [FieldError] {
        if old.metadata["annotations"]?[PodAnnotationValidation.mirror] != nil {
            return [.forbidden("", "static pods do not support ephemeral containers")]
        }
        var errors = FieldErrors()
        errors.append(PodValidation.validate(pod))
        PodAnnotationValidation.validateUpdate(pod, from: old, FieldPath.root("metadata")["annotations"], &errors)
        let path = spec["ephemeralContainers"]
        let containers = (pod["spec"] ?? [:]).list("ephemeralContainers")
        for kept in (old["spec"] ?? [:]).list("ephemeralContainers") {
            let name = kept.text("name")
            guard let new = containers.last(where: { $0.text("name") == name }) else {
                errors.forbidden(path, "existing ephemeral containers \(quoted(name)) may not be removed\n")
                continue
            }
            guard !new.isSemantically(kept) else { continue }
            let difference = UnifiedDiff.text(
                GoShape.value(kept, "EphemeralContainer"), GoShape.value(new, "EphemeralContainer"))
            errors.forbidden(
                path, "existing ephemeral containers \(quoted(name)) may not be changed\n" + difference)
        }
        return errors.list
    }
}
