package import GRPCCore

/// What the container runtime, or the way to it, answered instead of a result.
package struct CRIError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The method that was called: `RunPodSandbox`.
    package let method: String
    package let code: RPCError.Code
    /// The runtime's own text, as users of Kubernetes know it from events.
    package let message: String

    package init(method: String, code: RPCError.Code, message: String) {
        self.method = method
        self.code = code
        self.message = message
    }

    /// Upstream's rendering of a gRPC error, which shows up in events and container states.
    package var description: String { "rpc error: code = \(codeName) desc = \(message)" }

    /// containerd's answer where a container or sandbox of that name is there already: whose id has it.
    var ownerOfName: String? {
        let marker = "is reserved for \""
        guard let start = message.ranges(of: marker).last?.upperBound else { return nil }
        return String(message[start...].prefix { $0 != "\"" })
    }

    package var isNotFound: Bool { code == .notFound }
    package var alreadyExists: Bool { code == .alreadyExists }
    package var isUnavailable: Bool { code == .unavailable }
    package var isTimeout: Bool { code == .deadlineExceeded }

    private var codeName: String {
        switch code {
        case .cancelled: "Canceled"
        case .unknown: "Unknown"
        case .invalidArgument: "InvalidArgument"
        case .deadlineExceeded: "DeadlineExceeded"
        case .notFound: "NotFound"
        case .alreadyExists: "AlreadyExists"
        case .permissionDenied: "PermissionDenied"
        case .resourceExhausted: "ResourceExhausted"
        case .failedPrecondition: "FailedPrecondition"
        case .aborted: "Aborted"
        case .outOfRange: "OutOfRange"
        case .unimplemented: "Unimplemented"
        case .internalError: "Internal"
        case .unavailable: "Unavailable"
        case .dataLoss: "DataLoss"
        case .unauthenticated: "Unauthenticated"
        default: "Unknown"
        }
    }
}
