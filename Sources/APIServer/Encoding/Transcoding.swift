internal import APIMachinery
internal import Transport

/// Between the JSON we keep and what clients send and accept.
extension APIServer {
    /// JSON of any served kind, as the negotiated encoding.
    func transcode(_ json: [UInt8], _ format: ResponseFormat) throws(APIError) -> [UInt8] {
        switch format.encoding {
        case .json: return json
        case .yaml:
            guard let value = try? Value(json: json) else { throw .internalError("answer cannot be written as YAML") }
            return Array(value.yaml().utf8)
        case .protobuf:
            if let partial = try PartialProtobuf(schema)?.bytes(json) { return partial }
            guard let value = try? Value(json: json), let type = schema.type(ofObject: value),
                let bytes = try? schema.encodeProtobuf(value, as: type)
            else { throw .notAcceptable(["application/json", "application/yaml"]) }
            return bytes
        }
    }
}

extension Schema {
    /// The type of an object that names its kind.
    func type(ofObject object: Value) -> TypeID? {
        let version = object.text("apiVersion").split(separator: "/", omittingEmptySubsequences: false)
        let kind = GroupVersionKind(
            group: version.count > 1 ? String(version[0]) : "", version: String(version.last ?? ""),
            kind: object.text("kind"))
        return type(of: kind) ?? type(named: "io.k8s.apimachinery.pkg.apis.meta.v1." + kind.kind)
    }

    /// Bytes of an object in canonical form; as it is where it cannot be brought into it.
    func encoded(_ object: Value, as type: TypeID) -> [UInt8] { normalisedIfPossible(object, as: type).jsonBytes() }

    func normalisedIfPossible(_ object: Value, as type: TypeID) -> Value {
        (try? normalised(object, as: type)) ?? object
    }
}
