import APIMachinery
import Glibc
import Testing
import Transport

@testable import APIServer

@Suite struct `Audit policy` {
    private static func policy(_ rules: String) throws -> AuditPolicy {
        try AuditPolicy(yaml: Array("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n\(rules)".utf8))
    }

    private static func attributes(
        _ verb: String, _ resource: String, sub: String = "", name: String = "", user: String = "bob"
    ) -> AccessAttributes {
        var attributes = AccessAttributes(
            user: UserInfo(name: user, groups: ["g"]), verb: verb, isResourceRequest: true)
        attributes.resource = resource
        attributes.subresource = sub
        attributes.name = name
        attributes.namespace = "default"
        return attributes
    }

    @Test func `the first rule that matches decides`() throws {
        let policy = try Self.policy(
            """
            - {level: None, users: [ann]}
            - {level: Metadata, resources: [{group: "", resources: [secrets, pods/log]}]}
            - {level: Request, verbs: [create], userGroups: [g], namespaces: [default]}
            - {level: RequestResponse, nonResourceURLs: ["/healthz*"]}
            """)
        #expect(policy.verdict(Self.attributes("get", "secrets", user: "ann")).level == .none)
        #expect(policy.verdict(Self.attributes("create", "secrets")).level == .metadata)
        #expect(policy.verdict(Self.attributes("get", "pods", sub: "log")).level == .metadata)
        #expect(policy.verdict(Self.attributes("get", "pods")).level == .none)
        #expect(policy.verdict(Self.attributes("create", "pods")).level == .request)
        var health = AccessAttributes(user: .anonymous, verb: "get", isResourceRequest: false)
        health.path = "/healthz/ping"
        #expect(policy.verdict(health).level == .requestResponse)
    }

    @Test(arguments: [
        "", "- {level: Loud}", "- {level: Metadata, omitStages: [Never]}",
        "- {level: Metadata, nonResourceURLs: [/x], namespaces: [a]}",
    ])
    func `what cannot be meant is refused`(_ rules: String) {
        #expect(throws: AuditPolicyError.self) { try Self.policy(rules) }
    }

    @Test func `events say who did what, and bodies only where they may`() async throws {
        let path = "/tmp/skiff-audit-test-\(UInt64.random(in: 0...UInt64.max)).log"
        defer { unlink(path) }
        let file = try AuditFile(AuditFile.Configuration(path: path))
        let log = AuditLog(
            policy: try Self.policy(
                """
                - {level: Metadata, resources: [{group: "", resources: [secrets]}]}
                - {level: RequestResponse, omitStages: [RequestReceived]}
                """), file: file)
        func record(_ resource: String) {
            let request = HTTPRequest(
                method: "POST", path: "/api/v1/namespaces/default/" + resource,
                headers: ["Content-Type": "application/json"],
                body: Array(#"{"metadata":{"name":"s","managedFields":[]},"data":{"k":"hidden"}}"#.utf8),
                connection: HTTPConnection(remoteAddress: "192.0.2.7:4711"))
            let record = log.begin(request, Self.attributes("create", resource), id: "id-" + resource)
            record?.decided(true, "because")
            record?.answers(Array(#"{"answer":"hidden"}"#.utf8))
            record?.completed(201)
            record?.completed(201)
        }
        record("secrets")
        record("configmaps")
        await file.flush()
        var info = stat()
        #expect(stat(path, &info) == 0 && info.st_mode & 0o777 == 0o600)
        let lines = try Self.read(path).split(separator: UInt8(ascii: "\n")).map { try Value(json: Array($0)) }
        #expect(lines.map { $0["stage"] } == ["RequestReceived", "ResponseComplete", "ResponseComplete"])
        #expect(lines[1]["sourceIPs"] == ["192.0.2.7"])
        #expect(lines[1][path: "objectRef", "name"] == "s")
        #expect(lines[1]["annotations"]?["authorization.k8s.io/reason"] == "because")
        #expect(lines[1]["requestObject"] == nil && lines[1]["responseObject"] == nil)
        #expect(lines[2][path: "responseObject", "answer"] == "hidden")
        #expect(lines[2][path: "requestObject", "data", "k"] == "hidden")
        #expect(file.dropped == 0)
    }

    private static func read(_ path: String) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        return Array(buffer.prefix(max(0, count)))
    }
}
