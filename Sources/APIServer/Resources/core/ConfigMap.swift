internal import APIMachinery

struct ConfigMapStrategy: ResourceStrategy {
    var metadataOnUpdate: MetadataRepetition { .both }
    var checksUpdateFirst: Bool { true }

    func validate(_ object: Value) -> [FieldError] {
        var errors: [FieldError] = []
        var bytes = 0
        for (key, value) in object.entries("data") {
            errors += NameValidation.configMapKey(key).map { .invalid("data[\(key)]", key, $0) }
            if object["binaryData"]?[key] != nil {
                errors.append(.invalid("data[\(key)]", key, "duplicate of key present in binaryData"))
            }
            bytes += (value.string ?? "").utf8.count
        }
        for (key, value) in object.entries("binaryData") {
            errors += NameValidation.configMapKey(key).map { .invalid("binaryData[\(key)]", key, $0) }
            bytes += SecretStrategy.decodedCount(value.string ?? "")
        }
        if bytes > SecretStrategy.bytesMax { errors.append(.tooLong("[]", max: SecretStrategy.bytesMax)) }
        return errors
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        ImmutableData.validate(object, from: old, fields: ["data", "binaryData"])
    }
}

/// `immutable: true` of ConfigMaps and Secrets.
enum ImmutableData {
    static func validate(_ object: Value, from old: Value, fields: [String]) -> [FieldError] {
        guard old["immutable"]?.bool == true else { return [] }
        var errors: [FieldError] = []
        if object["immutable"]?.bool != true {
            errors.append(.forbidden("immutable", "field is immutable when `immutable` is set"))
        }
        for field in fields where (object[field] ?? [:]) != (old[field] ?? [:]) {
            errors.append(.forbidden(field, "field is immutable when `immutable` is set"))
        }
        return errors
    }
}
