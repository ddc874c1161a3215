internal import APIMachinery

struct StorageClassStrategy: ResourceStrategy {
    var metadataOnUpdate: MetadataRepetition { .both }

    func applyDefaults(_ object: inout Value) {
        object.setDefault("reclaimPolicy", "Delete")
        object.setDefault("volumeBindingMode", "Immediate")
    }

    func validate(_ object: Value) -> [FieldError] {
        var errors = FieldErrors()
        ClassValidation.provisioner(object.text("provisioner"), .root("provisioner"), &errors)
        ClassValidation.parameters(object, allowsNone: true, &errors)
        let policy = object.text("reclaimPolicy")
        if !policy.isEmpty { errors.oneOf(["Delete", "Retain"], .root("reclaimPolicy"), policy) }
        errors.oneOf(
            ["Immediate", "WaitForFirstConsumer"], .root("volumeBindingMode"), object.text("volumeBindingMode"))
        ClassValidation.topologies(object.list("allowedTopologies"), .root("allowedTopologies"), &errors)
        return errors.list
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        var errors = FieldErrors()
        for key in ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"] {
            errors.immutable(.root(key), object[key], old[key])
        }
        return errors.list
    }

    func warnings(_ object: Value) -> [String] {
        object.list("allowedTopologies").enumerated().flatMap { index, term in
            term.list("matchLabelExpressions").enumerated().compactMap { number, expression in
                NodeLabelWarnings.text(expression.text("key")).map {
                    "allowedTopologies[\(index)].matchLabelExpressions[\(number)].key: \($0)"
                }
            }
        }
    }
}

struct VolumeAttributesClassStrategy: ResourceStrategy {
    var metadataOnUpdate: MetadataRepetition { .bothAndFull }

    func validate(_ object: Value) -> [FieldError] {
        var errors = FieldErrors()
        ClassValidation.provisioner(object.text("driverName"), .root("driverName"), &errors)
        ClassValidation.parameters(object, allowsNone: false, &errors)
        return errors.list
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        let changed = ["driverName", "parameters"].filter { (object[$0] ?? .null) != (old[$0] ?? .null) }
        return changed.map { .forbidden($0, "updates to \($0) are forbidden.") } + validate(object)
    }
}

/// What classes of storage have in common.
enum ClassValidation {
    private static let parametersMax = 512
    private static let parameterBytesMax = 256 * 1024

    static func provisioner(_ name: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard !name.isEmpty else { return errors.required(path) }
        errors.qualifiedName(path, name.lowercased())
    }

    static func parameters(_ object: Value, allowsNone: Bool, _ errors: inout FieldErrors) {
        let path = FieldPath.root("parameters")
        let parameters = object.entries("parameters")
        guard parameters.count <= parametersMax else { return errors.tooLong(path, max: parametersMax) }
        var bytes = 0
        for (key, value) in parameters {
            if key.isEmpty { errors.invalid(path, key, "field can not be empty.") }
            bytes += key.utf8.count + (value.string ?? "").utf8.count
        }
        if bytes > parameterBytesMax { errors.tooLong(path, max: parameterBytesMax) }
        if !allowsNone, parameters.isEmpty { errors.required(path, "must contain at least one key/value pair") }
    }

    static func topologies(_ terms: [Value], _ path: FieldPath, _ errors: inout FieldErrors) {
        // Upstream compares with as many empty terms as there are terms.
        var seen = terms.map { _ in [String: Set<String>]() }
        for (index, term) in terms.enumerated() {
            let own = path[index]["matchLabelExpressions"]
            var values: [String: Set<String>] = [:]
            for (number, expression) in term.list("matchLabelExpressions").enumerated() {
                topology(expression, own[number], &values, &errors)
            }
            for other in seen where other == values { errors.duplicate(own, "") }
            seen.append(values)
        }
    }

    private static func topology(
        _ expression: Value, _ path: FieldPath, _ known: inout [String: Set<String>], _ errors: inout FieldErrors
    ) {
        let key = expression.text("key")
        let list = expression.list("values").compactMap(\.string)
        var values = Set<String>()
        if list.isEmpty { errors.required(path["values"]) }
        for (index, value) in list.enumerated() where !values.insert(value).inserted {
            errors.duplicate(path["values"][index], value)
        }
        errors.qualifiedName(path["key"], key)
        if known[key] != nil { errors.duplicate(path["key"], key) }
        known[key] = values
    }
}
