internal import APIMachinery

/// `PartialObjectMetadata`: an object cut down to its metadata, without decoding it.
enum PartialObjectMetadata {
    static func append(_ object: [UInt8], version: String, to out: inout [UInt8]) {
        out += "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/\(version)\",\"metadata\":".utf8
        if let range = MetadataScanner(json: object).raw(at: ["metadata"]) {
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
}
