internal import APIMachinery
internal import KubeAPI
internal import Testing
internal import Transport

@testable import APIServer

@Suite struct `OpenAPI` {
    private let handler = OpenAPIHandler(schema: .kubernetes, resources: ResourceTable.all, version: "v1.36.2+skiff")

    private func get(_ path: String, _ headers: HTTPFields = HTTPFields(), query: String? = nil) -> DocumentResponse? {
        handler.respond(
            to: HTTPRequest(
                method: "GET", path: path, query: query, headers: headers,
                connection: HTTPConnection(remoteAddress: "test")
            )
        )
    }

    private func document(_ path: String) throws -> Value {
        try Value(json: try #require(get(path)).body)
    }

    @Test func `the index leads to each document`() throws {
        let paths = try #require(try document("/openapi/v3")["paths"]?.fields)
        let url = try #require(paths["apis/apps/v1"]?["serverRelativeURL"]?.string)
        let parts = url.split(separator: "?").map(String.init)
        #expect(parts[0] == "/openapi/v3/apis/apps/v1")
        let response = try #require(get(parts[0], query: parts[1]))
        #expect(response.status == 200)
        #expect(response.headers["Cache-Control"]?.contains("immutable") == true)
        let outdated = try #require(get(parts[0], query: "hash=0"))
        #expect(outdated.status == 301 && outdated.headers["Location"] == url)
    }

    @Test func `patch offers what kubectl looks for`() throws {
        let paths = try #require(try document("/openapi/v3/apis/apps/v1")["paths"])
        let patch = try #require(paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]?["patch"])
        #expect(
            patch["x-kubernetes-group-version-kind"] == ["group": "apps", "kind": "Deployment", "version": "v1"]
        )
        let parameters = Set((patch["parameters"]?.array ?? []).compactMap { $0["name"]?.string })
        #expect(parameters == ["dryRun", "fieldManager", "fieldValidation", "force"])
        #expect(patch["requestBody"]?["content"]?["application/strategic-merge-patch+json"] != nil)
    }

    @Test func `schemas carry merge keys, defaults and kinds`() throws {
        let schemas = try #require(try document("/openapi/v3/api/v1")["components"]?["schemas"])
        let containers = try #require(schemas["io.k8s.api.core.v1.PodSpec"]?["properties"]?["containers"])
        #expect(containers["x-kubernetes-patch-merge-key"] == "name")
        #expect(containers["x-kubernetes-patch-strategy"] == "merge")
        let port = try #require(schemas["io.k8s.api.core.v1.ServicePort"])
        #expect(port["required"] == ["port"])
        #expect(port["properties"]?["protocol"]?["default"] == "TCP")
        #expect(
            schemas["io.k8s.api.core.v1.Pod"]?["x-kubernetes-group-version-kind"]
                == [["group": "", "kind": "Pod", "version": "v1"]]
        )
    }

    @Test func `every reference is defined`() throws {
        for path in ["/openapi/v3/api/v1", "/openapi/v3/apis/apps/v1", "/openapi/v2"] {
            let document = try document(path)
            let definitions = document["definitions"] ?? document["components"]?["schemas"]
            let defined = Set(try #require(definitions?.fields).keys)
            var missing: Set<String> = []
            visitReferences(document) { reference in
                let name = String(reference.split(separator: "/").last ?? "")
                if !defined.contains(name) { missing.insert(name) }
            }
            #expect(missing.isEmpty)
        }
    }

    private func visitReferences(_ value: Value, _ body: (String) -> Void) {
        switch value {
        case .array(let elements): for element in elements { visitReferences(element, body) }
        case .object(let fields):
            for entry in fields.entries {
                // Where `$ref` is a property's name, its value is a schema and not text.
                if entry.key == "$ref", let reference = entry.value.string { body(reference) }
                visitReferences(entry.value, body)
            }
        default: break
        }
    }

    @Test func `definitions are those of the published schema`() throws {
        guard let published = try publishedSchemas() else { return }
        let schemas = try #require(try document("/openapi/v3/apis/apps/v1")["components"]?["schemas"]?.fields)
        for entry in schemas.entries {
            guard let expected = published[entry.key]?["properties"]?.fields else { continue }
            let actual = try #require(entry.value["properties"]?.fields)
            #expect(Set(actual.keys) == Set(expected.keys), "\(entry.key)")
            for field in expected.entries where !["granular"].contains(field.value["x-kubernetes-map-type"]?.string) {
                if entry.key.hasSuffix(".APIResource") { continue }
                #expect(actual[field.key].map(withoutTexts) == withoutTexts(field.value), "\(entry.key).\(field.key)")
            }
        }
    }

    /// The published facts leave out descriptions, and have no enumerations.
    private func withoutTexts(_ value: Value) -> Value {
        guard let fields = value.fields else { return value }
        var kept: [(String, Value)] = []
        for entry in fields.entries where entry.key != "description" && entry.key != "enum" {
            let isNested = ["items", "additionalProperties"].contains(entry.key)
            kept.append((entry.key, isNested ? withoutTexts(entry.value) : entry.value))
        }
        return .ordered(kept)
    }

    @Test func `every served type and field is described`() throws {
        for path in ["/openapi/v2", "/openapi/v3/api/v1", "/openapi/v3/apis/resource.k8s.io/v1"] {
            let document = try document(path)
            let definitions = try #require((document["definitions"] ?? document["components"]?["schemas"])?.fields)
            for definition in definitions.entries {
                #expect(definition.value["description"]?.string?.isEmpty == false, "\(definition.key)")
                for property in definition.value["properties"]?.fields?.entries ?? [] {
                    let text = property.value["description"]?.string ?? ""
                    #expect(text.count > 5, "\(definition.key).\(property.key)")
                }
            }
        }
    }

    @Test func `enumerations are listed, also inside lists`() throws {
        let schemas = try #require(try document("/openapi/v3/api/v1")["components"]?["schemas"])
        let types = schemas["io.k8s.api.core.v1.ServiceSpec"]?["properties"]?["type"]
        #expect(types?["enum"] == ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"])
        let modes = schemas["io.k8s.api.core.v1.PersistentVolumeSpec"]?["properties"]?["accessModes"]
        #expect(modes?["items"]?["enum"]?.array?.count == 4 && modes?["enum"] == nil)
        let older = try document("/openapi/v2")["definitions"]?["io.k8s.api.core.v1.Taint"]?["properties"]?["effect"]
        #expect(older?["description"]?.string?.hasSuffix("Values: NoExecute, NoSchedule, PreferNoSchedule.") == true)
    }

    @Test func `paths and verbs are those of discovery`() throws {
        let paths = try #require(try document("/openapi/v2")["paths"]?.fields)
        var described: Set<String> = []
        for path in paths.entries where !path.key.contains("/watch/") {
            for operation in path.value.fields?.entries ?? [] {
                guard let action = operation.value["x-kubernetes-action"]?.string, action != "connect" else { continue }
                let verb = ["post": "create", "put": "update"][action] ?? action
                described.insert(path.key.replacing("namespaces/{namespace}/", with: "") + " " + verb)
            }
        }
        var served: Set<String> = []
        for resource in ResourceTable.all {
            let root = resource.group.isEmpty ? "/api/" : "/apis/" + resource.group + "/"
            let base = root + resource.version + "/" + resource.plural
            for verb in resource.verbs where verb != "watch" {
                let isWhole = ["create", "deletecollection", "list"].contains(verb)
                served.insert(base + (isWhole ? " " : "/{name} ") + verb)
            }
            for subresource in resource.subresources {
                if ["attach", "exec", "portforward", "proxy"].contains(subresource.name) { continue }
                for verb in subresource.verbs { served.insert(base + "/{name}/" + subresource.name + " " + verb) }
            }
        }
        #expect(described.symmetricDifference(served).sorted() == [])
    }

    @Test func `watch paths answer events`() throws {
        let paths = try #require(try document("/openapi/v3/api/v1")["paths"])
        let watch = paths["/api/v1/watch/namespaces/{namespace}/pods/{name}"]?["get"]
        #expect(watch?["x-kubernetes-action"] == "watch" && watch?["operationId"] == "watchCoreV1NamespacedPod")
        #expect(paths["/api/v1/watch/nodes"]?["get"]?["x-kubernetes-action"] == "watchlist")
    }

    @Test func `operation identifiers are unique`() throws {
        var known: Set<String> = []
        for path in try #require(try document("/openapi/v2")["paths"]?.fields).entries {
            for operation in path.value.fields?.entries ?? [] {
                guard let identifier = operation.value["operationId"]?.string else { continue }
                #expect(known.insert(identifier).inserted, "\(identifier)")
            }
        }
    }

    /// The facts beside the repository, where they are there.
    private func publishedSchemas() throws -> Value? {
        guard let bytes = ReferenceFile.bytes("schemas.json") else {
            print("skipped: ../shared/reference/schemas.json is not there")
            return nil
        }
        return try Value(json: bytes)
    }

    @Test(arguments: [
        "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
        "application/com.github.proto-openapi.spec.v2.v1+protobuf",
    ])
    func `version 2 comes as gnostic's protobuf`(accept: String) throws {
        let response = try #require(get("/openapi/v2", ["Accept": accept]))
        #expect(response.headers["Content-Type"]?.hasSuffix("+protobuf") == true)
        // Field 1, `swagger`: "2.0".
        #expect(Array(response.body.prefix(5)) == [0x0a, 3, 0x32, 0x2e, 0x30])
    }

    @Test func `compressed documents unpack to the plain ones`() throws {
        let plain = try #require(get("/openapi/v3/apis/batch/v1"))
        let packed = try #require(get("/openapi/v3/apis/batch/v1", ["Accept-Encoding": "gzip, br"]))
        #expect(packed.headers["Content-Encoding"] == "gzip")
        #expect(packed.body.count < plain.body.count / 4)
        #expect(Gzip.decompress(packed.body, bytesMax: 1 << 24) == plain.body)
    }
}
