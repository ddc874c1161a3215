internal import APIMachinery

/// `PartialObjectMetadata`: an object cut down to its metadata, without decoding it.
enum PartialObjectMetadata {
    static func append(_ object: [UInt8], version: String, to out: inout [UInt8]) {
        out += "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/\(version)\",\"metadata\":".utf8
        if object.starts(with: daemonSet), let value = try? Value(json: object) {
            out += shown(value.metadata, kind: "DaemonSet").jsonBytes()
        } else if let range = MetadataScanner(json: object).raw(at: ["metadata"]) {
            out += object[range]
        } else {
            out += "{}".utf8
        }
        out.append(UInt8(ascii: "}"))
    }

    static func json(_ object: [UInt8], version: String) -> [UInt8] {
        var out = [UInt8]()
        append(object, version: version, to: &out)
        return out
    }

    private static let daemonSet = Array("{\"kind\":\"DaemonSet\"".utf8)

    /// Metadata as it stands alone. An annotation of DaemonSets is a field in disguise, and belongs to the whole object.
    static func shown(_ metadata: Value, kind: String?) -> Value {
        guard kind == "DaemonSet", metadata["annotations"]?[DaemonSetStrategy.templateGeneration] != nil else {
            return metadata
        }
        var shown = metadata
        shown.edit("annotations") { $0[DaemonSetStrategy.templateGeneration] = nil }
        if shown["annotations"]?.isEmptyValue ?? false { shown["annotations"] = nil }
        return shown
    }
}
