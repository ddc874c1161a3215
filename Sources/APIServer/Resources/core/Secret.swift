internal import APIMachinery

struct SecretStrategy: ResourceStrategy {
    static let bytesMax = 1024 * 1024

    var selectableFields: SelectableFields { .with(["type"]) }
    var metadataOnUpdate: MetadataRepetition { .both }
    var checksUpdateFirst: Bool { true }

    func applyDefaults(_ object: inout Value) {
        object.setDefaultString("type", "Opaque")
        // `stringData` is for writers only: it is merged into `data` and never shown.
        let plain = object.entries("stringData")
        guard !plain.isEmpty else {
            object["stringData"] = nil
            return
        }
        object.editObject("data") { data in
            for (key, value) in plain {
                data[key] = .string(String(decoding: Base64.encode((value.string ?? "").utf8), as: UTF8.self))
            }
        }
        object["stringData"] = nil
    }

    func validate(_ object: Value) -> [FieldError] {
        var errors: [FieldError] = []
        var bytes = 0
        for (key, value) in object.entries("data") {
            errors += NameValidation.configMapKey(key).map { .invalid("data[\(key)]", key, $0) }
            bytes += Self.decodedCount(value.string ?? "")
        }
        if bytes > Self.bytesMax { errors.append(.tooLong("data", max: Self.bytesMax)) }
        return errors + requiredKeys(object)
    }

    private func requiredKeys(_ object: Value) -> [FieldError] {
        let data = object["data"] ?? [:]
        func missing(_ keys: [String]) -> [FieldError] {
            keys.filter { data[$0] == nil }.map { .required("data[\($0)]") }
        }
        switch object.text("type") {
        case "kubernetes.io/dockercfg": return missing([".dockercfg"]) + notJSON(data, ".dockercfg")
        case "kubernetes.io/dockerconfigjson":
            return missing([".dockerconfigjson"]) + notJSON(data, ".dockerconfigjson")
        case "kubernetes.io/tls": return missing(["tls.crt", "tls.key"])
        case "kubernetes.io/ssh-auth":
            return data.text("ssh-privatekey").isEmpty ? [.required("data[ssh-privatekey]")] : []
        case "kubernetes.io/basic-auth":
            guard data["username"] == nil, data["password"] == nil else { return [] }
            return missing(["username", "password"])
        case "kubernetes.io/service-account-token":
            let account = object.metadata["annotations"]?["kubernetes.io/service-account.name"]?.string ?? ""
            return account.isEmpty
                ? [.required("metadata.annotations[kubernetes.io/service-account.name]")] : []
        default: return []
        }
    }

    /// Credentials of registries are JSON objects.
    private func notJSON(_ data: Value, _ key: String) -> [FieldError] {
        guard let text = data[key]?.string else { return [] }
        func invalid(_ why: String) -> [FieldError] { [.invalid("data[\(key)]", "<secret contents redacted>", why)] }
        do throws(JSONError) {
            let value = try Value(json: Base64.decode(text.utf8) ?? [])
            guard value.fields == nil, !value.isNull else { return [] }
            return invalid(
                "json: cannot unmarshal \(value.kindName) into Go value of type map[string]interface {}")
        } catch {
            return invalid(error.message)
        }
    }

    func warnings(_ object: Value) -> [String] {
        guard object.text("type") == "kubernetes.io/tls" else { return [] }
        let data = object["data"] ?? [:]
        return KeyPairCheck.fault(
            certificate: Base64.decode(data.text("tls.crt").utf8) ?? [],
            key: Base64.decode(data.text("tls.key").utf8) ?? []
        ).map { [$0] } ?? []
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        var errors: [FieldError] = []
        if object.text("type") != old.text("type") {
            errors.append(.invalid("type", object["type"], "field is immutable"))
        }
        return errors + ImmutableData.validate(object, from: old, fields: ["data"])
    }

    /// Bytes that a base64 text stands for.
    static func decodedCount(_ text: String) -> Int {
        let padding = text.utf8.suffix(2).count { $0 == UInt8(ascii: "=") }
        return max(0, text.utf8.count / 4 * 3 - padding)
    }
}
