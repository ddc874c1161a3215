internal import APIMachinery

/// One line of a watch: `{"type":"ADDED","object":{…}}`, decoded straight from its bytes.
struct WatchFrame<T: APIObject>: JSONReadable {
    enum Event: Sendable {
        case upserted(T)
        case deleted(T)
        /// A place to resume from. `endsInitialEvents`: the last frame of a streaming list.
        case bookmark(endsInitialEvents: Bool)
        case failed(APIError)
    }

    let event: Event
    /// `resourceVersion` of the object: where a watch can resume.
    let revision: String?

    init(from reader: inout JSONReader) throws(JSONError) {
        var type = ""
        var object: T?
        var status: Status?
        // They would double what a cache holds; an update without them leaves them as they are.
        reader.skipsManagedFields = true
        try reader.beginObject()
        while let key = try reader.nextField() {
            if key.matches("type") {
                type = try reader.string()
            } else if key.matches("object") {
                // Every server writes `type` first; without it the object could not be decoded in one pass.
                if type == "ERROR" { status = try Status(from: &reader) } else { object = try T(from: &reader) }
            } else {
                try reader.skip()
            }
        }
        revision = object?.metadata.resourceVersion
        switch (type, object) {
        case ("ADDED", let object?), ("MODIFIED", let object?):
            event = .upserted(object)
        case ("DELETED", let object?):
            event = .deleted(object)
        case ("BOOKMARK", let object?):
            event = .bookmark(endsInitialEvents: object.metadata.annotations["k8s.io/initial-events-end"] == "true")
        default:
            event = .failed(status.map { APIError($0) } ?? .malformed("watch event of type \"\(type)\""))
        }
    }
}

/// Cuts a stream of bytes into lines. A chunk that is exactly one line, the usual case, is handed on as it is.
struct LineSplitter {
    /// A line longer than this is no watch event of any object that a server accepts.
    static let lineBytesMax = 16 << 20

    private var partial: [UInt8] = []

    /// The lines that `chunk` completes, without their line feeds.
    mutating func split(_ chunk: [UInt8]) throws(APIError) -> [[UInt8]] {
        let newline = UInt8(ascii: "\n")
        if partial.isEmpty, chunk.firstIndex(of: newline) == chunk.count - 1 { return [chunk] }
        var lines: [[UInt8]] = []
        var start = chunk.startIndex
        while let end = chunk[start...].firstIndex(of: newline) {
            let line = partial + chunk[start..<end]
            partial = []
            if !line.isEmpty { lines.append(line) }
            start = end + 1
        }
        partial += chunk[start...]
        guard partial.count <= Self.lineBytesMax else {
            throw .malformed("watch event longer than \(Self.lineBytesMax) bytes")
        }
        return lines
    }
}
