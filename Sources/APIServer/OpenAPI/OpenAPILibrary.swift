internal import APIMachinery
internal import KubeAPI
internal import Synchronization
internal import Transport

/// Generates the OpenAPI documents of a set of resources.
final class OpenAPILibrary: Sendable {
    private let schema: Schema
    private let resources: [ResourceDefinition]
    private let version: String
    /// Paths of the v3 documents in the order of the index.
    private let paths: [String]
    /// Computed once, when the index is first asked for.
    private let fingerprint = Mutex<String?>(nil)

    init(schema: Schema, resources: [ResourceDefinition], version: String) {
        self.schema = schema
        self.resources = resources
        self.version = version
        var paths: [String] = ["api", "apis", "version"] + Self.issuerPaths.keys
        for resource in resources {
            if !resource.group.isEmpty, !paths.contains("apis/" + resource.group) {
                paths.append("apis/" + resource.group)
            }
            if !paths.contains(Self.path(of: resource)) { paths.append(Self.path(of: resource)) }
        }
        self.paths = paths.sorted()
    }

    func contains(_ name: OpenAPIName) -> Bool {
        switch name {
        case .v2: true
        case .v3(let path): paths.contains(path)
        }
    }

    /// The list of v3 documents with the hash of each, by which clients cache them for good.
    func index() -> CompressedDocument {
        let entries = paths.map { path -> (String, Value) in
            let url = "/openapi/v3/\(path)?hash=\(hash(of: path))"
            return (path, .ordered([("serverRelativeURL", .string(url))]))
        }
        let body = Value.ordered([("paths", .ordered(entries))]).jsonBytes()
        return CompressedDocument(contentType: DocumentMedia.json, gzip: Gzip.compress(body))
    }

    /// Stands for the document's content: the same schema and resources always give the same document.
    func hash(of path: String) -> String {
        Digest.hexadecimal(Array((schemaFingerprint() + version + path).utf8))
    }

    /// `nil` for a name that is not served.
    func document(_ name: OpenAPIName, isProtobuf: Bool, contentType: String) -> CompressedDocument? {
        guard contains(name) else { return nil }
        let dialect: OpenAPIDialect = name == .v2 ? .v2 : .v3
        let document = content(of: name, dialect)
        let gzip: [UInt8]
        switch (dialect, isProtobuf) {
        case (.v2, true):
            var writer = GnosticV2Writer(title: "Kubernetes", version: version)
            document.write(to: &writer)
            gzip = writer.finish()
        case (.v3, true):
            var writer = GnosticV3Writer(title: "Kubernetes", version: version)
            document.write(to: &writer)
            gzip = writer.finish()
        case (_, false):
            let format: (String, Value) = dialect == .v2 ? ("swagger", "2.0") : ("openapi", "3.0.0")
            let info: Value = ["title": "Kubernetes", "version": .string(version)]
            var writer = OpenAPIJSONWriter(dialect: dialect, head: [format, ("info", info)])
            document.write(to: &writer)
            gzip = writer.finish(security: [
                "BearerToken": [
                    "description": "Bearer Token authentication", "in": "header", "name": "authorization",
                    "type": "apiKey",
                ]
            ])
        }
        return CompressedDocument(contentType: contentType, gzip: gzip)
    }

    private func content(of name: OpenAPIName, _ dialect: OpenAPIDialect) -> OpenAPIDocument {
        switch name {
        case .v2:
            let discovery = paths.flatMap(discoveryPaths)
            return OpenAPIDocument(schema: schema, dialect: dialect, resources: resources, discoveryPaths: discovery)
        case .v3(let path):
            let members = resources.filter { Self.path(of: $0) == path }
            return OpenAPIDocument(
                schema: schema, dialect: dialect, resources: members, discoveryPaths: discoveryPaths(path)
            )
        }
    }

    private func discoveryPaths(_ path: String) -> [DocumentPath] {
        if let issuer = Self.issuerPaths[path] { return [issuer] }
        let parts = path.split(separator: "/")
        let title = Self.title(path)
        let identifier: String
        let description: String
        let type: String
        switch (parts.count, parts.first) {
        case (_, "version"):
            (identifier, description, type) = (
                "CodeVersion", "the version of the server", SharedSchema.versionInfo.rawValue
            )
        case (1, "api"):
            (identifier, description, type) = ("CoreAPIVersions", "the versions of the core group", TypeName.versions)
        case (1, _): (identifier, description, type) = ("APIVersions", "the groups of the API", TypeName.groupList)
        case (2, "apis"):
            (identifier, description, type) = (title + "APIGroup", "the versions of a group", TypeName.group)
        default:
            (identifier, description, type) = (
                title + "APIResources", "the resources of a version", TypeName.resourceList
            )
        }
        let tag = title.isEmpty ? String(path) : title.prefix(1).lowercased() + title.dropFirst()
        return [
            DocumentPath(
                path: "/" + path + "/", identifier: "get" + identifier, description: "get " + description, tag: tag,
                type: type
            )
        ]
    }

    /// How others check the tokens of service accounts.
    private static let issuerPaths: [String: DocumentPath] = [
        ".well-known/openid-configuration": DocumentPath(
            path: "/.well-known/openid-configuration/", identifier: "getServiceAccountIssuerOpenIDConfiguration",
            description: "get where the keys of the service account issuer are", tag: "WellKnown",
            mediaTypes: [DocumentMedia.json]
        ),
        "openid/v1/jwks": DocumentPath(
            path: "/openid/v1/jwks/", identifier: "getServiceAccountIssuerOpenIDKeyset",
            description: "get the keys of the service account issuer", tag: "openid",
            mediaTypes: ["application/jwk-set+json"]
        ),
    ]

    /// `AppsV1` for `apis/apps/v1`.
    private static func title(_ path: String) -> String {
        path.split(separator: "/").dropFirst().flatMap { $0.split(separator: ".") }
            .map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    private static func path(of resource: ResourceDefinition) -> String {
        resource.group.isEmpty ? "api/" + resource.version : "apis/" + resource.group + "/" + resource.version
    }

    /// Covers every type, field and resource, so that a server with other tables has other hashes.
    private func schemaFingerprint() -> String {
        if let known = fingerprint.withLock({ $0 }) { return known }
        var text = Digest.hexadecimal(EmbeddedDescriptions.gzip())
        for type in schema.types {
            text += type.name
            for field in type.fields { text += ",\(field.name) \(Self.code(field.type)) \(field.isRequired)" }
        }
        for resource in resources {
            text += "\n\(resource.group)/\(resource.version)/\(resource.plural)\(resource.verbs)"
        }
        let computed = Digest.hexadecimal(Array(text.utf8))
        fingerprint.withLock { $0 = computed }
        return computed
    }

    private static func code(_ type: FieldType) -> String {
        switch type {
        case .string: "s"
        case .bool: "b"
        case .int32: "i"
        case .int64: "l"
        case .double: "d"
        case .bytes: "y"
        case .quantity: "q"
        case .time: "t"
        case .microTime: "m"
        case .duration: "u"
        case .intOrString: "x"
        case .rawExtension: "r"
        case .fieldsV1: "f"
        case .json: "j"
        case .object(let id): "o\(id.rawValue)"
        case .array(let element): "[" + code(element)
        case .map(let element): "{" + code(element)
        }
    }
}
