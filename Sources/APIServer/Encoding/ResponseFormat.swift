internal import Transport

/// How an answer is to be written, as negotiated from `Accept`.
struct ResponseFormat: Sendable, Equatable {
    enum Encoding: Sendable { case json, yaml, protobuf }
    enum Projection: Sendable, Equatable {
        case none
        /// `as=Table`, with the version of meta.k8s.io.
        case table(version: String)
        case partialMetadata(version: String)
        case partialMetadataList(version: String)
    }

    var encoding: Encoding = .json
    var projection: Projection = .none

    static let json = ResponseFormat()

    private static let available = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"]
    private static let streams = ["application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch"]

    /// The first of the acceptable forms that we have.
    ///
    /// `canStream`: list and watch requests, where upstream names its streaming types in the refusal too.
    init(accept: String?, canStream: Bool) throws(APIError) {
        self.init()
        guard let accept, !accept.isEmpty else { return }
        for range in MediaRange.parse(accept) {
            guard let encoding = ResponseFormat.encoding(for: range.type) else { continue }
            guard let projection = ResponseFormat.projection(for: range) else { continue }
            self.encoding = encoding
            self.projection = projection
            return
        }
        throw .notAcceptable(ResponseFormat.available + (canStream ? ResponseFormat.streams : []))
    }

    private init() {}

    private static func encoding(for type: String) -> Encoding? {
        switch type {
        case "application/json", "*/*": .json
        case "application/yaml": .yaml
        case "application/vnd.kubernetes.protobuf": .protobuf
        default: nil
        }
    }

    /// `nil` if the range asks for a form that we do not have.
    private static func projection(for range: MediaRange) -> Projection? {
        guard let form = range.parameters["as"] else { return Projection.none }
        guard range.parameters["g"] == "meta.k8s.io", let version = range.parameters["v"],
            version == "v1" || version == "v1beta1"
        else { return nil }
        switch form {
        case "Table": return .table(version: version)
        case "PartialObjectMetadata": return .partialMetadata(version: version)
        case "PartialObjectMetadataList": return .partialMetadataList(version: version)
        default: return nil
        }
    }

    var contentType: String {
        switch encoding {
        case .json: "application/json"
        case .yaml: "application/yaml"
        case .protobuf: "application/vnd.kubernetes.protobuf"
        }
    }

    var watchContentType: String {
        encoding == .protobuf ? "application/vnd.kubernetes.protobuf;stream=watch" : "application/json"
    }
}

/// One element of an `Accept` or `Content-Type` header.
struct MediaRange: Sendable {
    var type: String
    var parameters: [String: String]

    /// Elements by falling `q`, otherwise in the order sent.
    static func parse(_ header: String) -> [MediaRange] {
        let ranges = header.split(separator: ",").map { MediaRange($0) }
        return ranges.enumerated().sorted { left, right in
            left.element.quality == right.element.quality
                ? left.offset < right.offset : left.element.quality > right.element.quality
        }.map(\.element)
    }

    init(_ text: some StringProtocol) {
        let parts = text.split(separator: ";").map { trimmed($0) }
        type = (parts.first ?? "").lowercased()
        parameters = [:]
        for part in parts.dropFirst() {
            let halves = part.split(separator: "=", maxSplits: 1).map { trimmed($0) }
            guard halves.count == 2 else { continue }
            parameters[halves[0].lowercased()] = trimmed(halves[1], quotes: true)
        }
    }

    private var quality: Double { parameters["q"].flatMap(Double.init) ?? 1 }
}

func trimmed(_ text: some StringProtocol, quotes: Bool = false) -> String {
    var slice = Substring(text)
    while let first = slice.first, first == " " || first == "\t" || (quotes && first == "\"") { slice.removeFirst() }
    while let last = slice.last, last == " " || last == "\t" || (quotes && last == "\"") { slice.removeLast() }
    return String(slice)
}
