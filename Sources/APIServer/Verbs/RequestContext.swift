internal import APIMachinery
internal import Transport

/// One request on its way through the pipeline, after authentication and authorization.
struct RequestContext: Sendable {
    let request: HTTPRequest
    let info: RequestInfo
    let query: Query
    let user: UserInfo
    let resource: Resource
    let format: ResponseFormat
    let schema: Schema

    var deleteOptionsType: TypeID? { schema.type(named: "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions") }

    var isInProcess: Bool { request.connection.attachment is UserInfo && request.connection.peerCertificate == nil }

    /// The name in errors and keys.
    var name: String { info.name }
    /// Empty for cluster-scoped resources; for Namespaces the path's namespace is the name and is not one here.
    var namespace: String { resource.isNamespaced ? info.namespace : "" }
    var key: String { resource.key(namespace: namespace, name: name) }

    /// Where upstream keeps the object, which one of its refusals names.
    var upstreamKey: String {
        let folders = [
            "endpoints": "services/endpoints", "ingresses": "ingress", "nodes": "minions",
            "replicationcontrollers": "controllers", "services": "services/specs",
            "apiservices": "apiregistration.k8s.io/apiservices",
        ]
        let folder = folders[resource.id.plural] ?? resource.id.plural
        return "/registry/" + ([folder, namespace, name].filter { !$0.isEmpty }).joined(separator: "/")
    }

    var includeObject: TableIncludeObject {
        get throws(APIError) {
            guard let text = query["includeObject"], !text.isEmpty else { return .metadata }
            guard let include = TableIncludeObject(rawValue: text) else {
                throw .badRequest(
                    "Unable to convert to Table as requested: includeObject: Invalid value: \(quoted(text)): "
                        + "must be 'Metadata', 'Object', 'None', or empty")
            }
            return include
        }
    }
}

/// What a verb answers.
enum Answer: Sendable {
    /// An object of the resource, as JSON; projected and encoded as the client wants.
    case object(status: Int, json: [UInt8], warnings: [String])
    /// Anything else that is JSON of a kind in the schema (`Status`, `Scale`, reviews).
    case other(status: Int, Value, warnings: [String])
    /// Bytes that are final.
    case raw(status: Int, contentType: String, HTTPBody)
    case stream(contentType: String, any HTTPBodyStream)
    /// Another handler has taken the responder over.
    case handedOver
    /// Everything has been said through a `DelegatedResponder`, or will be.
    case answered
}
