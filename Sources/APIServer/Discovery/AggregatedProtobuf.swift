internal import APIMachinery

/// `APIGroupDiscoveryList` in protobuf. Its kinds exist nowhere else, so that their field numbers stand here.
enum AggregatedProtobuf {
    /// In the `k8s\0` envelope.
    static func bytes(_ list: Value) -> [UInt8] {
        let raw = ProtobufWriter.bytes(capacity: 32 * 1024) { writer in
            message(1, &writer) { _ in }
            for group in list.list("items") {
                message(2, &writer) { writer in
                    message(1, &writer) { text(group[path: "metadata", "name"], 1, &$0) }
                    for version in group.list("versions") { message(2, &writer) { write(version: version, &$0) } }
                }
            }
        }
        return ProtobufEnvelope(apiVersion: list.text("apiVersion"), kind: list.text("kind"), raw: raw).bytes()
    }

    private static func write(version: Value, _ writer: inout ProtobufWriter) {
        text(version["version"], 1, &writer)
        for resource in version.list("resources") {
            message(2, &writer) { writer in
                text(resource["resource"], 1, &writer)
                kind(resource["responseKind"], &writer)
                text(resource["scope"], 3, &writer)
                text(resource["singularResource"], 4, &writer)
                texts(resource.list("verbs"), 5, &writer)
                texts(resource.list("shortNames"), 6, &writer)
                texts(resource.list("categories"), 7, &writer)
                for subresource in resource.list("subresources") {
                    message(8, &writer) { writer in
                        text(subresource["subresource"], 1, &writer)
                        kind(subresource["responseKind"], &writer)
                        texts(subresource.list("verbs"), 4, &writer)
                    }
                }
            }
        }
        text(version["freshness"], 3, &writer)
    }

    private static func kind(_ kind: Value?, _ writer: inout ProtobufWriter) {
        message(2, &writer) { writer in
            text(kind?["group"], 1, &writer)
            text(kind?["version"], 2, &writer)
            text(kind?["kind"], 3, &writer)
        }
    }

    private static func texts(_ values: [Value], _ tag: UInt32, _ writer: inout ProtobufWriter) {
        for value in values { text(value, tag, &writer) }
    }

    private static func text(_ value: Value?, _ tag: UInt32, _ writer: inout ProtobufWriter) {
        writer.bytes(tag, Array((value?.string ?? "").utf8))
    }

    private static func message(
        _ tag: UInt32, _ writer: inout ProtobufWriter, _ body: (inout ProtobufWriter) -> Void
    ) {
        let start = writer.beginMessage(tag)
        body(&writer)
        writer.endMessage(start)
    }
}
