package import APIMachinery
package import KubeAPI
internal import Synchronization
package import Transport

/// Answers which groups, versions and resources are served: `/api`, `/apis` and the paths below them that name no resource.
///
/// Both forms are there: one document a group-version, and the aggregated one that clients since 1.26 ask for by `Accept`.
package struct DiscoveryHandler: DocumentHandler {
    private let schema: Schema
    private let documents: DiscoveryDocuments
    private let cache: DocumentCache

    /// Offers `resources`, in their order of groups and versions. `serverAddress` is the `HOST:PORT` that `/api` names
    /// to clients.
    package init(schema: Schema, resources: [ResourceDefinition], serverAddress: String) {
        self.schema = schema
        documents = DiscoveryDocuments(resources: resources, serverAddress: serverAddress)
        cache = DocumentCache()
    }

    package func respond(to request: HTTPRequest) -> DocumentResponse? {
        let segments = request.path.split(separator: "/", omittingEmptySubsequences: true).map(String.init)
        guard let path = DiscoveryPath(segments) else { return nil }
        guard let form = form(of: path, accept: request.headers["Accept"]) else {
            if case .version(let group, _) = path, documents.group(group) != nil || group.isEmpty { return .notFound }
            return nil
        }
        // Upstream's aggregator answers for groups whatever the method.
        guard request.method == "GET" || path.isOfGroups else { return .methodNotAllowed }
        guard form.mediaType != .none else { return .notAcceptable }
        let document = cache.document(form) { render(path, form) }
        return document?.response(to: request)
    }

    /// `nil` if the path names nothing that is served.
    private func form(of path: DiscoveryPath, accept: String?) -> DiscoveryForm? {
        if case .group(let group) = path, documents.group(group) == nil { return nil }
        if case .version(let group, let version) = path,
            documents.resourceList(group: group, version: version) == nil
        {
            return nil
        }
        let accepted = AcceptedTypes(accept)
        for clause in accepted.clauses {
            if path == .core || path == .groups, let version = clause.aggregatedVersion {
                let isProtobuf = clause.type == DocumentMedia.protobuf
                return DiscoveryForm(
                    path: path, mediaType: isProtobuf ? .aggregatedProtobuf(version) : .aggregated(version))
            }
            if clause.takes(DocumentMedia.json) { return DiscoveryForm(path: path, mediaType: .json) }
            if clause.takes(DocumentMedia.yaml) { return DiscoveryForm(path: path, mediaType: .yaml) }
            if clause.takes(DocumentMedia.protobuf) { return DiscoveryForm(path: path, mediaType: .protobuf) }
        }
        return DiscoveryForm(path: path, mediaType: .none)
    }

    private func render(_ path: DiscoveryPath, _ form: DiscoveryForm) -> CachedDocument? {
        let value: Value?
        switch (form.mediaType, path) {
        case (.aggregated(let version), _), (.aggregatedProtobuf(let version), _):
            value = documents.aggregated(isCore: path == .core, version: version)
        case (_, .core): value = documents.coreVersions()
        case (_, .groups): value = documents.groupList()
        case (_, .group(let name)): value = documents.group(name)
        case (_, .version(let group, let version)):
            value = documents.resourceList(group: group, version: version)
        }
        guard let value else { return nil }
        switch form.mediaType {
        case .aggregated(let version):
            let type = "application/json;g=apidiscovery.k8s.io;v=\(version);as=APIGroupDiscoveryList"
            return CachedDocument(contentType: type, body: value.jsonBytes())
        case .aggregatedProtobuf(let version):
            let type = "\(DocumentMedia.protobuf);g=apidiscovery.k8s.io;v=\(version);as=APIGroupDiscoveryList"
            return CachedDocument(contentType: type, body: AggregatedProtobuf.bytes(value))
        case .protobuf:
            if let body = protobuf(value) { return CachedDocument(contentType: DocumentMedia.protobuf, body: body) }
            return CachedDocument(contentType: DocumentMedia.json, body: value.jsonBytes())
        case .yaml:
            return CachedDocument(contentType: DocumentMedia.yaml, body: Array(value.yaml().utf8))
        case .json, .none:
            return CachedDocument(contentType: DocumentMedia.json, body: value.jsonBytes() + [UInt8(ascii: "\n")])
        }
    }

    /// In the `k8s\0` envelope; `nil` where the published schema lacks the kind.
    private func protobuf(_ value: Value) -> [UInt8]? {
        let kind = GroupVersionKind(group: "", version: "v1", kind: value["kind"]?.string ?? "")
        guard let type = schema.type(of: kind) else { return nil }
        var value = value
        value["apiVersion"] = .string("v1")
        return try? schema.encodeProtobuf(value, as: type)
    }
}

/// What a discovery path asks for.
enum DiscoveryPath: Hashable {
    case core
    case groups
    case group(String)
    case version(group: String, version: String)

    var isOfGroups: Bool {
        switch self {
        case .groups, .group: true
        case .core, .version: false
        }
    }

    /// `nil` for paths that are not discovery's.
    init?(_ segments: [String]) {
        switch (segments.first, segments.count) {
        case ("api", 1): self = .core
        case ("api", 2): self = .version(group: "", version: segments[1])
        case ("apis", 1): self = .groups
        case ("apis", 2): self = .group(segments[1])
        case ("apis", 3): self = .version(group: segments[1], version: segments[2])
        default: return nil
        }
    }
}

/// One rendering of one document: the key of the cache.
struct DiscoveryForm: Hashable {
    enum Kind: Hashable {
        case json
        case yaml
        case protobuf
        case aggregated(String)
        case aggregatedProtobuf(String)
        /// Nothing that the client accepts.
        case none
    }

    let path: DiscoveryPath
    let mediaType: Kind
}

extension AcceptedTypes.Clause {
    /// `v2` or `v2beta1` if the clause asks for aggregated discovery in a version that is served.
    fileprivate var aggregatedVersion: String? {
        guard [DocumentMedia.json, DocumentMedia.protobuf].contains(type), parameters["as"] == "APIGroupDiscoveryList",
            parameters["g"] == "apidiscovery.k8s.io", let version = parameters["v"],
            ["v2", "v2beta1"].contains(version)
        else { return nil }
        return version
    }
}

/// Rendered discovery documents. Bounded by the number of paths that exist, times their forms.
private final class DocumentCache: Sendable {
    private let documents = Mutex<[DiscoveryForm: CachedDocument]>([:])

    /// Rendering happens outside the lock: two first requests may both render, with the same outcome.
    func document(_ form: DiscoveryForm, render: () -> CachedDocument?) -> CachedDocument? {
        if let document = documents.withLock({ $0[form] }) { return document }
        guard let document = render() else { return nil }
        documents.withLock { $0[form] = document }
        return document
    }
}
