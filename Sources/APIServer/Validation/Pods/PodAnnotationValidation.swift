internal import APIMachinery

/// Annotations that mean something in pods.
enum PodAnnotationValidation {
    static let mirror = "kubernetes.io/config.mirror"
    static let seccompPod = "seccomp.security.alpha.kubernetes.io/pod"
    static let seccompContainer = "container.seccomp.security.alpha.kubernetes.io/"
    static let appArmor = "container.apparmor.security.beta.kubernetes.io/"
    private static let deletionCost = "controller.kubernetes.io/pod-deletion-cost"

    static func validate(_ metadata: Value, _ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let annotations = metadata.entries("annotations")
        guard !annotations.isEmpty else { return }
        if let value = metadata["annotations"]?[mirror]?.string, spec.text("nodeName").isEmpty {
            errors.invalid(path.key(mirror), value, "must set spec.nodeName if mirror pod annotation is set")
        }
        if let cost = metadata["annotations"]?[deletionCost]?.string, !isCost(cost) {
            errors.invalid(path.key(deletionCost), cost, "must be a 32bit integer")
        }
        if let profile = metadata["annotations"]?[seccompPod]?.string {
            seccomp(profile, path[seccompPod], &errors)
        }
        for (key, value) in annotations where key.hasPrefix(seccompContainer) {
            seccomp(value.string ?? "", path[key], &errors)
        }
        for (key, value) in annotations where key.hasPrefix(appArmor) {
            let (name, profile) = (String(key.dropFirst(appArmor.count)), value.string ?? "")
            if !hasContainer(spec, name) { errors.invalid(path.key(key), name, "container not found") }
            guard !["", "runtime/default", "unconfined"].contains(profile), !profile.hasPrefix("localhost/") else {
                continue
            }
            errors.invalid(path.key(key), profile, "invalid AppArmor profile name: \(quoted(profile))")
        }
    }

    /// A 32-bit number as upstream reads it: no plus sign, no leading zero.
    private static func isCost(_ text: String) -> Bool {
        Int32(text) != nil && !text.hasPrefix("+") && (text == "0" || !text.hasPrefix("0"))
    }

    private static func seccomp(_ profile: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        switch profile {
        case "runtime/default", "docker/default", "unconfined": return
        default:
            guard profile.hasPrefix("localhost/") else {
                return errors.invalid(path, profile, "must be a valid seccomp profile")
            }
            PathValidation.descending(String(profile.dropFirst("localhost/".count)), path, &errors)
        }
    }

    private static func hasContainer(_ spec: Value, _ name: String) -> Bool {
        ["initContainers", "containers", "ephemeralContainers"].contains { kind in
            spec.list(kind).contains { $0.text("name") == name }
        }
    }

    /// An annotation and the field that took its place must say the same.
    static func validateAgainstFields(
        _ metadata: Value, _ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors
    ) {
        guard let annotations = metadata.present("annotations"), !annotations.isEmptyValue else { return }
        let context = spec["securityContext"] ?? [:]
        if let profile = context.present("seccompProfile"), let text = annotations[seccompPod]?.string {
            match(profile, text, "seccomp", path["securityContext"]["seccompProfile"], &errors)
        }
        PodContainers.visit(spec, path) { container, own in
            guard let profile = container["securityContext"]?.present("seccompProfile"),
                let text = annotations[seccompContainer + container.text("name")]?.string
            else { return }
            match(profile, text, "seccomp", own["securityContext"]["seccompProfile"], &errors)
        }
        guard spec["os"]?.text("name") != "windows" else { return }
        PodContainers.visit(spec, path) { container, own in
            let profile = container["securityContext"]?.present("appArmorProfile") ?? context.present("appArmorProfile")
            guard let profile, let text = annotations[appArmor + container.text("name")]?.string else { return }
            match(profile, text, "apparmor", own["securityContext"]["appArmorProfile"], &errors)
        }
    }

    private static func match(
        _ profile: Value, _ annotation: String, _ what: String, _ path: FieldPath, _ errors: inout FieldErrors
    ) {
        let isSameType: Bool
        switch profile.text("type") {
        case "Unconfined": isSameType = annotation == "unconfined"
        case "RuntimeDefault":
            isSameType =
                annotation == "runtime/default" || what == "seccomp" && annotation == "docker/default"
        case "Localhost":
            isSameType = annotation.hasPrefix("localhost/")
            if isSameType, annotation.dropFirst("localhost/".count) != profile.text("localhostProfile") {
                errors.forbidden(path["localhostProfile"], "\(what) profile in annotation and field must match")
            }
        default: isSameType = true
        }
        if !isSameType { errors.forbidden(path["type"], "\(what) type in annotation and field must match") }
    }

    /// What may not appear, go or change once the pod exists.
    static func validateUpdate(
        _ pod: Value, from old: Value, _ path: FieldPath, _ errors: inout FieldErrors
    ) {
        let (new, kept) = (pod.metadata["annotations"] ?? [:], old.metadata["annotations"] ?? [:])
        for (key, value) in kept.fields?.entries ?? [] where new[key] != value {
            if key.hasPrefix(appArmor) {
                errors.forbidden(path.key(key), "may not remove or update AppArmor annotations")
            }
            if key == mirror { errors.forbidden(path.key(key), "may not remove or update mirror pod annotation") }
        }
        for (key, _) in new.fields?.entries ?? [] where kept[key] == nil {
            if key.hasPrefix(appArmor) { errors.forbidden(path.key(key), "may not add AppArmor annotations") }
            if key == mirror { errors.forbidden(path.key(key), "may not add mirror pod annotation") }
        }
        validate(pod.metadata, pod["spec"] ?? [:], path, &errors)
    }
}
