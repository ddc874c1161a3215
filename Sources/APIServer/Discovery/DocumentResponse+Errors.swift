internal import APIMachinery
internal import Transport

extension DocumentResponse {
    /// Upstream's answer to another method than GET on a path that only describes.
    static var methodNotAllowed: DocumentResponse {
        status(
            405, reason: "MethodNotAllowed",
            message: "the server does not allow this method on the requested resource"
        )
    }

    /// A version that a served group does not have.
    static var notFound: DocumentResponse {
        status(404, reason: "NotFound", message: "the server could not find the requested resource")
    }

    static var notAcceptable: DocumentResponse {
        status(
            406, reason: "NotAcceptable",
            message: "406: Not Acceptable\n\nAvailable representations: "
                + "application/json, application/yaml, application/vnd.kubernetes.protobuf"
        )
    }

    private static func status(_ code: Int, reason: String, message: String) -> DocumentResponse {
        let status = Value.ordered([
            ("kind", .string("Status")), ("apiVersion", .string("v1")), ("metadata", .ordered([])),
            ("status", .string("Failure")), ("message", .string(message)), ("reason", .string(reason)),
            ("details", .ordered([])), ("code", .int(Int64(code))),
        ])
        return DocumentResponse(
            status: code, headers: ["Content-Type": DocumentMedia.json, "Cache-Control": "no-cache, private"],
            body: status.jsonBytes() + [UInt8(ascii: "\n")]
        )
    }
}
