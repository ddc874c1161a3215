internal import APIMachinery

/// Writes watch events in one client's format. JSON frames are the stored bytes between two constants.
struct WatchEncoder: Sendable {
    enum EventKind: String, Sendable {
        case added = "ADDED"
        case modified = "MODIFIED"
        case deleted = "DELETED"
        case bookmark = "BOOKMARK"
        case error = "ERROR"

        fileprivate static let heads: [EventKind: [UInt8]] = Dictionary(
            uniqueKeysWithValues: [EventKind.added, .modified, .deleted, .bookmark, .error].map {
                ($0, Array("{\"type\":\"\($0.rawValue)\",\"object\":".utf8))
            })
    }

    let server: APIServer
    private let resource: Resource
    private let format: ResponseFormat
    private let includeObject: TableIncludeObject

    init(server: APIServer, context: RequestContext) throws(APIError) {
        self.server = server
        resource = context.resource
        format = context.format
        includeObject = try context.includeObject
        if format.encoding == .yaml { throw .notAcceptable(["application/json;stream=watch"]) }
    }

    /// The buffers of one event.
    func frame(_ kind: EventKind, _ stored: [UInt8], isFirst: Bool) -> [[UInt8]] {
        if format.encoding == .json, format.projection == .none, resource.conversion == nil {
            return json(kind, stored)
        }
        let object = server.codec.json(stored, as: resource)
        let shown: [UInt8]
        switch format.projection {
        case .none: shown = object
        case .partialMetadata(let version), .partialMetadataList(let version):
            shown = PartialObjectMetadata.json(object, version: version)
        case .table(let version):
            let options = TableOptions(version: version, includeObject: includeObject, includeColumns: isFirst)
            let revision = MetadataScanner(json: object).metadata.resourceVersion
            let metadata = Array("{\"resourceVersion\":\"\(revision)\"}".utf8)
            shown = (try? server.table(resource, [object], options, metadata)) ?? object
        }
        return wrap(kind, shown)
    }

    func bookmark(_ revision: Int64, marksEnd: Bool) -> [UInt8] {
        var metadata: Value = ["resourceVersion": .string(String(revision))]
        if marksEnd { metadata["annotations"] = ["k8s.io/initial-events-end": "true"] }
        let object: Value
        switch format.projection {
        case .none:
            let empty: Value = [
                "kind": .string(resource.kind.kind), "apiVersion": .string(resource.kind.apiVersion),
                "metadata": metadata,
            ]
            object = server.schema.normalisedIfPossible(empty, as: resource.type)
        case .partialMetadata(let version), .partialMetadataList(let version):
            object = [
                "kind": "PartialObjectMetadata", "apiVersion": .string("meta.k8s.io/" + version), "metadata": metadata,
            ]
        case .table(let version):
            object = [
                "kind": "Table", "apiVersion": .string("meta.k8s.io/" + version), "metadata": metadata,
                "columnDefinitions": .null, "rows": [],
            ]
        }
        return wrap(.bookmark, object.jsonBytes()).joinedBytes()
    }

    func error(_ error: APIError) -> [UInt8] {
        wrap(.error, error.status.jsonBytes()).joinedBytes()
    }

    private func json(_ kind: EventKind, _ object: [UInt8]) -> [[UInt8]] {
        [EventKind.heads[kind] ?? [], object, WatchEncoder.tail]
    }

    private static let tail = Array("}\n".utf8)

    private func wrap(_ kind: EventKind, _ object: [UInt8]) -> [[UInt8]] {
        guard format.encoding == .protobuf else { return json(kind, object) }
        let embedded = (try? server.transcode(object, format)) ?? object
        return [WatchFrame.protobuf(type: kind.rawValue, object: embedded)]
    }
}

/// A frame of `application/vnd.kubernetes.protobuf;stream=watch`: four bytes of length, then a bare `WatchEvent`.
enum WatchFrame {
    static func protobuf(type: String, object: [UInt8]) -> [UInt8] {
        // WatchEvent: type = 1, object = 2; RawExtension: raw = 1.
        let raw = field(1, object)
        let event = field(1, Array(type.utf8)) + field(2, raw)
        let count = UInt32(event.count)
        return [UInt8(count >> 24), UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255)] + event
    }

    private static func field(_ tag: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = [tag << 3 | 2]
        var count = bytes.count
        while count >= 0x80 {
            out.append(UInt8(count & 0x7f) | 0x80)
            count >>= 7
        }
        out.append(UInt8(count))
        return out + bytes
    }
}

extension Array where Element == [UInt8] {
    func joinedBytes() -> [UInt8] {
        var out = [UInt8]()
        out.reserveCapacity(reduce(0) { $0 + $1.count })
        for piece in self { out += piece }
        return out
    }
}
