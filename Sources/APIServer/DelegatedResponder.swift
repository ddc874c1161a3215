internal import Transport

/// What the handler of another group answers through: its answers are counted, audited and marked like the server's
/// own.
struct DelegatedResponder: HTTPResponder {
    let reply: Reply
    let responder: any HTTPResponder

    func respond(status: Int, headers: HTTPFields, body: HTTPBody) {
        responder.respond(status: status, headers: reply.delegated(status, headers), body: body)
    }

    func respond(status: Int, headers: HTTPFields, stream: any HTTPBodyStream) {
        responder.respond(status: status, headers: reply.delegated(status, headers), stream: stream)
    }

    func upgrade(headers: HTTPFields) async throws -> any ByteStream {
        try await responder.upgrade(headers: reply.delegated(101, headers))
    }
}
