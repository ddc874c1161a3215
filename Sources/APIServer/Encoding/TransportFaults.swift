internal import APIMachinery
package import Transport

extension APIServer {
    /// The `Status` for what the transport refuses before a request gets here; for `HTTPServer.Configuration`.
    package static func answer(to fault: HTTPFault) -> (headers: HTTPFields, body: [UInt8]) {
        let reason =
            switch fault {
            case .malformed: "BadRequest"
            case .unknownMethod: "MethodNotAllowed"
            case .bodyTooLarge: "RequestEntityTooLarge"
            case .timeout: "Timeout"
            case .unanswered: "InternalError"
            }
        let error =
            fault == .unknownMethod
            ? APIError.methodNotAllowed : APIError(code: fault.status, reason: reason, message: fault.message)
        return (["Content-Type": "application/json"], error.status.jsonBytes())
    }
}
