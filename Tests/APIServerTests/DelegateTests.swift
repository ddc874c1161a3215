import APIMachinery
import Testing
import Transport

@testable import APIServer

@Suite struct `Groups that others answer for` {
    private struct Other: HTTPHandler {
        func handle(_ request: HTTPRequest, _ responder: any HTTPResponder) {
            responder.respond(status: 200, headers: ["Content-Type": "text/plain"], body: .bytes(Array("other".utf8)))
        }
    }

    private static let path = "/apis/other.example/v1/things"

    @Test func `are marked and counted like the server's own answers`() async throws {
        try await TestServer.with(delegates: ["other.example": Other()]) { server in
            func inFlight() async -> Substring? {
                let text = String(decoding: await server.get("/metrics").bytes, as: UTF8.self)
                return text.split(separator: "\n").first { $0.hasPrefix("apiserver_current_inflight_requests") }
            }
            let before = await inFlight()
            #expect(before != nil)
            for _ in 0..<3 {
                let reply = await server.get(Self.path)
                #expect(reply.status == 200 && reply.bytes == Array("other".utf8))
                #expect(reply.headers["audit-id"]?.isEmpty == false)
                #expect(reply.headers["x-kubernetes-pf-flowschema-uid"]?.isEmpty == false)
            }
            #expect(await inFlight() == before)
        }
    }

    @Test func `are closed to who may not ask`() async throws {
        try await TestServer.with(delegates: ["other.example": Other()]) { server in
            #expect(await server.send("GET", Self.path, as: UserInfo(name: "nobody", groups: [])).status == 403)
        }
    }
}
