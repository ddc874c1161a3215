internal import APIMachinery

/// References to the pod's own fields and to its containers' resources.
enum DownwardValidation {
    private static let volumeFields = [
        "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid",
    ]
    private static let environmentFields = [
        "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
        "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
    ]
    private static let otherFields: Set<String> = ["spec.restartPolicy", "spec.schedulerName", "status.phase"]
    private static let resources = [
        "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage",
        "requests.memory",
    ]
    private static let byteDivisors: Set<String> = [
        "1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei",
    ]

    /// One file of a `downwardAPI` volume. Upstream names the volume, not the item.
    static func file(_ file: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let place = file.text("path")
        if place.isEmpty { errors.required(path["path"]) }
        PathValidation.nonReserved(place, path["path"], &errors)
        let resource = file.present("resourceFieldRef")
        if let field = file.present("fieldRef") {
            self.field(field, volumeFields, path["fieldRef"], &errors)
            if resource != nil {
                errors.invalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously")
            }
        } else if let resource {
            self.resource(resource, path["resourceFieldRef"], needsContainer: true, &errors)
        } else {
            errors.required(path, "one of fieldRef and resourceFieldRef is required")
        }
        FileModeValidation.check(file["mode"], path["mode"], &errors)
    }

    static func environmentField(_ reference: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        field(reference, environmentFields, path, &errors)
    }

    private static func field(
        _ reference: Value, _ supported: [String], _ path: FieldPath, _ errors: inout FieldErrors
    ) {
        let (version, field) = (reference.text("apiVersion"), reference.text("fieldPath"))
        guard !version.isEmpty else { return errors.required(path["apiVersion"]) }
        guard !field.isEmpty else { return errors.required(path["fieldPath"]) }
        func unconvertible(_ why: String) {
            errors.invalid(path["fieldPath"], field, "error converting fieldPath: " + why)
        }
        guard version == "v1" else { return unconvertible("unsupported pod version: " + version) }
        if let (map, key) = subscripted(field) {
            switch map {
            case "metadata.annotations": errors.violations(path, key, NameValidation.qualifiedName(key.lowercased()))
            case "metadata.labels": errors.violations(path, key, NameValidation.qualifiedName(key))
            default: unconvertible("field label does not support subscript: " + field)
            }
            return
        }
        let name = field == "spec.host" ? "spec.nodeName" : field
        guard volumeFields.contains(name) || environmentFields.contains(name) || otherFields.contains(name) else {
            return unconvertible("field label not supported: " + field)
        }
        if !supported.contains(name) { errors.notSupported(path["fieldPath"], name, supported) }
    }

    /// `metadata.labels['a']`: the map and the key.
    private static func subscripted(_ field: String) -> (map: String, key: String)? {
        guard field.hasSuffix("']") else { return nil }
        let bytes = Array(field.utf8)
        guard let open = bytes.firstRange(of: Array("['".utf8)), open.lowerBound > 0, open.upperBound <= bytes.count - 2
        else { return nil }
        return (
            String(decoding: bytes[..<open.lowerBound], as: UTF8.self),
            String(decoding: bytes[open.upperBound..<(bytes.count - 2)], as: UTF8.self)
        )
    }

    static func resource(
        _ reference: Value, _ path: FieldPath, needsContainer: Bool, _ errors: inout FieldErrors
    ) {
        let resource = reference.text("resource")
        let isHuge = resource.hasPrefix("requests.hugepages-") || resource.hasPrefix("limits.hugepages-")
        if needsContainer, reference.text("containerName").isEmpty {
            errors.required(path["containerName"])
        } else if resource.isEmpty {
            errors.required(path["resource"])
        } else if !isHuge, !resources.contains(resource) {
            errors.notSupported(path["resource"], resource, resources)
        }
        guard let divisor = reference["divisor"], let amount = Quantity(PodQuality.text(divisor)), !amount.isZero
        else { return }
        let kind: String
        switch resource {
        case "limits.cpu", "requests.cpu":
            if amount.description != "1m", amount.description != "1" {
                errors.invalid(
                    path["divisor"], resource, "only divisor's values 1m and 1 are supported with the cpu resource")
            }
            return
        case "limits.memory", "requests.memory": kind = "memory"
        case "limits.ephemeral-storage", "requests.ephemeral-storage": kind = "local ephemeral storage"
        default:
            guard isHuge else { return }
            kind = "hugepages"
        }
        guard !byteDivisors.contains(amount.description) else { return }
        errors.invalid(
            path["divisor"], resource,
            "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the "
                + kind + " resource")
    }
}
