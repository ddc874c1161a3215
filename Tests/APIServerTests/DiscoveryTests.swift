internal import APIMachinery
internal import KubeAPI
internal import Testing
internal import Transport

@testable import APIServer

@Suite struct `Discovery` {
    private let handler = DiscoveryHandler(
        schema: .kubernetes, resources: ResourceTable.all, serverAddress: "10.0.0.1:6443"
    )

    private func get(_ path: String, accept: String? = nil, match: String? = nil) -> DocumentResponse? {
        var headers = HTTPFields()
        headers["Accept"] = accept
        headers["If-None-Match"] = match
        return handler.respond(
            to: HTTPRequest(
                method: "GET", path: path, headers: headers, connection: HTTPConnection(remoteAddress: "test")
            )
        )
    }

    private func json(_ path: String, accept: String? = nil) throws -> Value {
        try Value(json: try #require(get(path, accept: accept)).body)
    }

    @Test func `the core group has one version`() throws {
        let versions = try json("/api/")
        #expect(versions["kind"] == "APIVersions")
        #expect(versions["versions"] == ["v1"])
        #expect(versions["serverAddressByClientCIDRs"]?.array?.first?["serverAddress"] == "10.0.0.1:6443")
    }

    @Test func `groups come in upstream's order with their preferred version`() throws {
        let groups = try #require(try json("/apis")["groups"]?.array)
        #expect(groups.prefix(3).map { $0["name"] } == ["apiregistration.k8s.io", "apps", "events.k8s.io"])
        let autoscaling = try json("/apis/autoscaling/")
        #expect(autoscaling["preferredVersion"]?["groupVersion"] == "autoscaling/v2")
    }

    @Test func `resources say how they are stored and what their subresources speak`() throws {
        let core = try json("/api/v1")
        #expect(core["apiVersion"] == nil)
        let resources = try #require(core["resources"]?.array)
        let pods = try #require(resources.first { $0["name"] == "pods" })
        #expect(pods["storageVersionHash"] == "xPOwRZ+Yhw8=")
        let scale = try #require(
            try json("/apis/apps/v1")["resources"]?.array?.first { $0["name"] == "deployments/scale" })
        #expect(scale["group"] == "autoscaling" && scale["kind"] == "Scale" && scale["singularName"] == "")
    }

    @Test func `what is not served is somebody else's`() {
        #expect(get("/apis/apps/v9")?.status == 404)
        #expect(get("/apis/nosuch") == nil)
        #expect(get("/api/v1/pods") == nil)
    }

    @Test(arguments: [
        ("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json", "v2"),
        (
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList;profile=nopeer,"
                + "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList", "v2"
        ),
        (
            "application/json;q=0.1, application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList;q=0.5",
            "v2beta1"
        ),
    ])
    func `aggregated discovery is negotiated`(accept: String, version: String) throws {
        let response = try #require(get("/apis", accept: accept))
        let type = "application/json;g=apidiscovery.k8s.io;v=\(version);as=APIGroupDiscoveryList"
        #expect(response.headers["Content-Type"] == type)
        let document = try Value(json: response.body)
        #expect(document["apiVersion"] == .string("apidiscovery.k8s.io/" + version))
        let apps = try #require(document["items"]?.array?.first { $0["metadata"]?["name"] == "apps" })
        let resources = try #require(apps["versions"]?.array?.first?["resources"]?.array)
        let deployments = try #require(resources.first { $0["resource"] == "deployments" })
        #expect(deployments["scope"] == "Namespaced" && deployments["shortNames"] == ["deploy"])
    }

    @Test func `plain JSON wins where it is named first`() throws {
        let accept = "application/json,application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        #expect(try json("/apis", accept: accept)["kind"] == "APIGroupList")
    }

    @Test func `a client that has the document gets 304`() throws {
        let first = try #require(get("/apis"))
        #expect(first.headers["Cache-Control"] == "no-cache, private")
        let tag = try #require(first.headers["ETag"])
        let second = try #require(get("/apis", match: tag))
        #expect(second.status == 304 && second.body.isEmpty && second.headers["ETag"] == tag)
    }

    @Test func `a format that there is not is 406`() throws {
        #expect(try #require(get("/apis", accept: "text/html")).status == 406)
    }

    @Test func `protobuf carries the envelope`() throws {
        let response = try #require(get("/api/v1", accept: "application/vnd.kubernetes.protobuf"))
        #expect(response.headers["Content-Type"] == "application/vnd.kubernetes.protobuf")
        #expect(Array(response.body.prefix(4)) == [0x6b, 0x38, 0x73, 0])
    }
}
