internal import APIMachinery
internal import Storage
internal import Transport

/// Writes lists by splicing the stored objects' bytes.
extension APIServer {
    func encode(_ page: ListPage, _ context: RequestContext) throws(APIError) -> Answer {
        let isFiltered = (context.query["labelSelector"] ?? context.query["fieldSelector"]) != nil
        let metadata = page.metadata(isFiltered: isFiltered)
        let resource = context.resource
        switch context.format.projection {
        case .table(let version):
            let options = TableOptions(version: version, includeObject: try context.includeObject)
            let table = try table(
                resource, page.objects.map { codec.json($0, as: resource) }, options, Array(metadata.utf8))
            return try finish(table, context)
        case .partialMetadata(let version), .partialMetadataList(let version):
            var out = Array(
                """
                {"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/\(version)","metadata":\(metadata),"items":
                """.utf8)
            // Upstream's list of nothing.
            guard !page.objects.isEmpty else { return try finish(out + "null}".utf8, context) }
            out.append(UInt8(ascii: "["))
            for (index, object) in page.objects.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                PartialObjectMetadata.append(object.value, version: version, to: &out)
            }
            out += "]}".utf8
            return try finish(out, context)
        case .none:
            break
        }
        let body = ListBody(resource: resource, codec: codec, page: page, metadata: metadata)
        guard context.format.encoding == .json else { return try finish(body.whole(), context) }
        if context.isInProcess || body.bytesEstimate <= RequestLimits.listBytesBufferedMax {
            return .raw(status: 200, contentType: "application/json", .bytes(body.whole()))
        }
        return .stream(contentType: "application/json", body)
    }

    /// Encodes JSON as the negotiated format.
    func finish(_ json: [UInt8], _ context: RequestContext) throws(APIError) -> Answer {
        let bytes = try transcode(json, context.format)
        return .raw(status: 200, contentType: context.format.contentType, .bytes(bytes))
    }

    func table(
        _ resource: Resource, _ objects: [[UInt8]], _ options: TableOptions, _ metadata: [UInt8]
    ) throws(APIError) -> [UInt8] {
        guard let tables else { throw .notAcceptable(["application/json"]) }
        return tables.table(for: resource.resourceName, objects: objects, options: options, listMeta: metadata)
    }
}

/// A list as a stream of chunks: a large list is never in memory as a whole besides the stored objects themselves.
final class ListBody: HTTPBodyStream {
    private let resource: Resource
    private let codec: StorageCodec
    private let objects: [StoredObject]
    private let opening: [UInt8]
    private let progress = Guarded(0)

    private static let chunkBytes = 64 * 1024

    init(resource: Resource, codec: StorageCodec, page: ListPage, metadata: String) {
        self.resource = resource
        self.codec = codec
        objects = page.objects
        opening = Array(
            "{\"kind\":\"\(resource.kind.kind)List\",\"apiVersion\":\"\(resource.kind.apiVersion)\",\"metadata\":\(metadata),\"items\":["
                .utf8)
    }

    var bytesEstimate: Int { objects.reduce(opening.count) { $0 + $1.value.count } }

    func whole() -> [UInt8] {
        var out = [UInt8]()
        out.reserveCapacity(bytesEstimate + 2)
        out += opening
        for index in objects.indices { append(index, to: &out) }
        out += "]}".utf8
        return out
    }

    func setWaker(_ wake: @escaping @Sendable () -> Void) {}

    func read() -> HTTPBodyPart {
        progress.withLock { next in
            guard next <= objects.count else { return .end }
            var out = [UInt8]()
            out.reserveCapacity(Self.chunkBytes + Self.chunkBytes / 4)
            if next == 0 { out += opening }
            while next < objects.count, out.count < Self.chunkBytes {
                append(next, to: &out)
                next += 1
            }
            if next == objects.count {
                out += "]}".utf8
                next += 1
            }
            return .bytes([out])
        }
    }

    func cancel() {}

    /// Items of a list carry no `kind` and `apiVersion` of their own, as upstream sends them.
    private func append(_ index: Int, to out: inout [UInt8]) {
        if index > 0 { out.append(UInt8(ascii: ",")) }
        let value = objects[index].value
        guard resource.conversion == nil else {
            let json = codec.json(value, as: resource)
            out += withoutKind(json)
            return
        }
        guard value.count > resource.head.count, value.starts(with: resource.head) else {
            out += value
            return
        }
        out.append(UInt8(ascii: "{"))
        out += value[resource.head.count...]
    }

    private func withoutKind(_ json: [UInt8]) -> [UInt8] {
        guard var object = try? Value(json: json) else { return json }
        object["kind"] = nil
        object["apiVersion"] = nil
        return object.jsonBytes()
    }
}
