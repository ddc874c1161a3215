internal import APIMachinery
internal import TestSupport
internal import Testing
internal import Transport

/// A request that must be refused, and what the refusal says.
struct BadRequest: Sendable {
    let what: String
    var method = "POST"
    var target = "/api/v1/namespaces/default/configmaps"
    var contentType: String? = "application/json"
    var accept = "application/json"
    var token: String?
    var body: [UInt8] = []
    let code: Int64
    let reason: String
    /// A part of the message.
    var says = ""
    /// Outside the API's groups upstream answers with a line of text.
    var isPlain = false
}

@Suite(
    .serialized,
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"),
    .timeLimit(.minutes(3)))
struct `Bad input` {
    @Test func `is answered with the Status that upstream gives, and the server stays up`() async throws {
        try await withServer { server in
            let http = try server.makeClient()
            defer { http.shutdown() }
            for object in [Self.map("taken", data: #"{"a":"b"}"#), Self.deployment("kept")] {
                let reply = try await http.send(
                    HTTPClientRequest(
                        method: "POST", target: object.target, headers: ["Content-Type": "application/json"],
                        body: Array(object.text.utf8)))
                try #require(reply.status == 201, "\(String(decoding: reply.body, as: UTF8.self))")
            }
            for request in Self.bodies + Self.objects + Self.verbs + Self.queries {
                try await Self.expect(request, http)
            }
            let anonymous = try server.makeClient(isAdmin: false)
            defer { anonymous.shutdown() }
            for request in Self.strangers { try await Self.expect(request, anonymous) }
            let alive = try await http.send(
                HTTPClientRequest(target: "/api/v1/namespaces/default/configmaps/taken"))
            #expect(alive.status == 200)
        }
    }

    private static func expect(_ request: BadRequest, _ http: HTTPClient) async throws {
        var headers: HTTPFields = ["Accept": request.accept]
        if let contentType = request.contentType { headers.add("Content-Type", contentType) }
        if let token = request.token { headers.add("Authorization", "Bearer " + token) }
        let reply: HTTPReply
        do {
            reply = try await http.send(
                HTTPClientRequest(
                    method: request.method, target: request.target, headers: headers, body: request.body))
        } catch {
            Issue.record("\(request.what): \(error)")
            return
        }
        let text = String(decoding: reply.body.prefix(2000), as: UTF8.self)
        #expect(reply.status == Int(request.code), "\(request.what): \(text)")
        if request.isPlain { return }
        let status = try? Value(json: reply.body)
        #expect(status?["kind"]?.string == "Status", "\(request.what): \(text)")
        #expect(status?["status"]?.string == "Failure", "\(request.what): \(text)")
        #expect(status?["code"]?.int == request.code, "\(request.what): \(text)")
        #expect(status?["reason"]?.string == request.reason, "\(request.what): \(text)")
        #expect(status?["message"]?.string?.contains(request.says) == true, "\(request.what): \(text)")
    }

    // MARK: Objects

    private static func map(_ name: String, data: String) -> (target: String, text: String) {
        (
            "/api/v1/namespaces/default/configmaps",
            #"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"\#(name)"},"data":\#(data)}"#
        )
    }

    private static func deployment(_ name: String, extra: String = "") -> (target: String, text: String) {
        (
            deployments,
            #"""
            {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"\#(name)"},"spec":{"replicas":0,\#(extra)
            "selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},
            "spec":{"containers":[{"name":"c","image":"i"}]}}}}
            """#
        )
    }

    private static let deployments = "/apis/apps/v1/namespaces/default/deployments"
    private static let pods = "/api/v1/namespaces/default/pods"

    // MARK: Requests

    private static let bodies = [
        BadRequest(what: "cut off JSON", body: Array(#"{"apiVersion":"#.utf8), code: 400, reason: "BadRequest"),
        BadRequest(what: "no JSON", body: Array("hello".utf8), code: 400, reason: "BadRequest"),
        BadRequest(what: "an empty body", code: 400, reason: "BadRequest"),
        BadRequest(what: "a list for an object", body: Array("[]".utf8), code: 400, reason: "BadRequest"),
        BadRequest(
            what: "deeply nested JSON", body: Array(repeating: UInt8(ascii: "["), count: 500_000), code: 400,
            reason: "BadRequest"),
        BadRequest(
            what: "deeply nested data",
            body: Array(
                map("deep", data: String(repeating: #"{"a":"#, count: 200_000)).text.utf8), code: 400,
            reason: "BadRequest"
        ),
        BadRequest(what: "no UTF-8", body: [0x7b, 0xff, 0xfe, 0x7d], code: 400, reason: "BadRequest"),
        BadRequest(
            what: "4 MiB",
            body: Array(map("big", data: #"{"a":"\#(String(repeating: "x", count: 4 << 20))"}"#).text.utf8),
            code: 413, reason: "RequestEntityTooLarge", says: "limit is 3145728"),
        BadRequest(
            what: "text/plain", contentType: "text/plain", body: Array("a".utf8), code: 415,
            reason: "UnsupportedMediaType"),
        BadRequest(
            what: "wrong protobuf", contentType: "application/vnd.kubernetes.protobuf",
            body: Array("k8s\u{0}".utf8) + [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], code: 400, reason: "BadRequest"),
        BadRequest(
            what: "YAML that refers to itself", contentType: "application/yaml", body: Array("a: &a [*a]".utf8),
            code: 400, reason: "BadRequest"),
        BadRequest(
            what: "text/html wanted", method: "GET", contentType: nil, accept: "text/html", code: 406,
            reason: "NotAcceptable", says: "406: Not Acceptable"),
    ]

    private static let objects = [
        BadRequest(
            what: "a number for a string", body: Array(map("a", data: #"{"a":1}"#).text.utf8), code: 400,
            reason: "BadRequest", says: "cannot unmarshal number into Go struct field ConfigMap.data of type string"),
        BadRequest(
            what: "a string for an object", body: Array(map("a", data: #""x""#).text.utf8), code: 400,
            reason: "BadRequest", says: "ConfigMap in version \"v1\" cannot be handled as a ConfigMap"),
        BadRequest(
            what: "an unknown field under Strict", target: deployments + "?fieldValidation=Strict",
            body: Array(deployment("a", extra: #""foo":1,"#).text.utf8), code: 400, reason: "BadRequest",
            says: #"strict decoding error: unknown field "spec.foo""#),
        BadRequest(
            what: "a field twice under Strict", target: deployments + "?fieldValidation=Strict",
            body: Array(deployment("a", extra: #""replicas":1,"#).text.utf8), code: 400, reason: "BadRequest",
            says: #"strict decoding error: duplicate field "spec.replicas""#),
        BadRequest(
            what: "a wrong apiVersion", body: Array(#"{"apiVersion":"v9","kind":"ConfigMap"}"#.utf8), code: 400,
            reason: "BadRequest"),
        BadRequest(
            what: "a wrong kind", body: Array(#"{"apiVersion":"v1","kind":"Secret"}"#.utf8), code: 400,
            reason: "BadRequest"),
        BadRequest(
            what: "another namespace than the path's",
            body: Array(#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"b"}}"#.utf8),
            code: 400, reason: "BadRequest", says: "the namespace of the provided object does not match"),
        BadRequest(
            what: "no name", body: Array(#"{"apiVersion":"v1","kind":"ConfigMap"}"#.utf8), code: 422,
            reason: "Invalid", says: "name or generateName is required"),
        BadRequest(
            what: "a wrong name", body: Array(map("Not_A_Name", data: "{}").text.utf8), code: 422, reason: "Invalid",
            says: "a lowercase RFC 1123 subdomain must consist of"),
        BadRequest(
            what: "a pod without containers", target: pods,
            body: Array(#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[]}}"#.utf8),
            code: 422, reason: "Invalid", says: "spec.containers: Required value"),
        BadRequest(
            what: "negative replicas", method: "PATCH", target: deployments + "/kept",
            contentType: "application/merge-patch+json", body: Array(#"{"spec":{"replicas":-1}}"#.utf8), code: 422,
            reason: "Invalid", says: "must be greater than or equal to 0"),
        BadRequest(
            what: "a name that is taken", body: Array(map("taken", data: "{}").text.utf8), code: 409,
            reason: "AlreadyExists", says: #"configmaps "taken" already exists"#),
        BadRequest(
            what: "an old resourceVersion", method: "PUT", target: "/api/v1/namespaces/default/configmaps/taken",
            body: Array(
                #"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"taken","resourceVersion":"1"}}"#.utf8),
            code: 409, reason: "Conflict", says: "the object has been modified"),
        BadRequest(
            what: "a namespace that is not there", target: "/api/v1/namespaces/nowhere/configmaps",
            body: Array(map("a", data: "{}").text.utf8), code: 404, reason: "NotFound",
            says: #"namespaces "nowhere" not found"#),
    ]

    private static let verbs = [
        BadRequest(
            what: "PUT to a collection", method: "PUT", body: Array("{}".utf8), code: 405, reason: "MethodNotAllowed"),
        BadRequest(
            what: "POST to an object", target: "/api/v1/namespaces/default/configmaps/taken", body: Array("{}".utf8),
            code: 405, reason: "MethodNotAllowed"),
        BadRequest(what: "a method of no use", method: "TRACE", code: 405, reason: "MethodNotAllowed"),
        BadRequest(
            what: "an unknown resource", method: "GET", target: "/api/v1/nothings", code: 404, reason: "NotFound"),
        BadRequest(
            what: "an unknown group", method: "GET", target: "/apis/nothing.example/v1", code: 404, reason: "NotFound",
            isPlain: true),
        BadRequest(
            what: "an unknown path", method: "GET", target: "/nothing", code: 404, reason: "NotFound",
            isPlain: true),
        BadRequest(
            what: "an object that is not there", method: "GET", target: "/api/v1/namespaces/default/configmaps/nothing",
            code: 404, reason: "NotFound", says: #"configmaps "nothing" not found"#),
        BadRequest(
            what: "an unknown subresource", method: "GET",
            target: "/api/v1/namespaces/default/configmaps/taken/nothing", code: 404, reason: "NotFound"),
        BadRequest(
            what: "a patch of no kind", method: "PATCH", target: "/api/v1/namespaces/default/configmaps/taken",
            body: Array("{}".utf8), code: 415, reason: "UnsupportedMediaType"),
        BadRequest(
            what: "a patch that is none", method: "PATCH", target: "/api/v1/namespaces/default/configmaps/taken",
            contentType: "application/json-patch+json", body: Array(#"{"a":1}"#.utf8), code: 400, reason: "BadRequest"),
        BadRequest(
            what: "a patch whose test fails", method: "PATCH", target: "/api/v1/namespaces/default/configmaps/taken",
            contentType: "application/json-patch+json",
            body: Array(#"[{"op":"test","path":"/data/a","value":"z"}]"#.utf8), code: 422, reason: "Invalid"),
        BadRequest(
            what: "a log of a pod that is not there", method: "GET", target: pods + "/nothing/log", code: 404,
            reason: "NotFound"),
    ]

    private static let queries = [
        BadRequest(
            what: "a label selector that is none", method: "GET", target: pods + "?labelSelector=a%3D%3D%28",
            code: 400, reason: "BadRequest"),
        BadRequest(
            what: "a field that cannot be selected", method: "GET", target: pods + "?fieldSelector=spec.nothing%3Da",
            code: 400, reason: "BadRequest"),
        BadRequest(
            what: "a limit that is no number", method: "GET", target: pods + "?limit=many", code: 400,
            reason: "BadRequest"),
        BadRequest(
            what: "a continue token that is none", method: "GET", target: pods + "?limit=1&continue=abc", code: 400,
            reason: "BadRequest"),
        BadRequest(
            what: "a fieldValidation that is none", target: deployments + "?fieldValidation=Maybe",
            body: Array(deployment("a").text.utf8), code: 422, reason: "Invalid"),
    ]

    private static let strangers = [
        BadRequest(what: "nobody", method: "GET", code: 403, reason: "Forbidden", says: "system:anonymous"),
        BadRequest(what: "a wrong token", method: "GET", token: "abc", code: 401, reason: "Unauthorized"),
        BadRequest(
            what: "a token that looks like one", method: "GET", token: "e30.e30.e30", code: 401,
            reason: "Unauthorized"),
    ]
}
