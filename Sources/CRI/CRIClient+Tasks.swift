internal import SwiftProtobuf

/// containerd's own task service, for what the CRI of its version does not offer.
extension CRIClient {
    private static let tasks = "containerd.services.tasks.v1.Tasks"

    /// Sends a signal to a container's first process.
    package func signal(_ id: String, _ signal: UInt32) async throws(CRIError) {
        let request = ContainerdTaskRequest(containerID: id, signal: signal)
        let _: Google_Protobuf_Empty = try await call(
            "Kill", request, service: Self.tasks, namespace: "k8s.io", timeout: .seconds(10))
    }

    /// Returns when the container's first process has ended.
    /// - Throws: when it has not within `timeout`, or there is none.
    package func waitForExit(_ id: String, timeout: Duration) async throws(CRIError) {
        let request = ContainerdTaskRequest(containerID: id)
        let _: Google_Protobuf_Empty = try await call(
            "Wait", request, service: Self.tasks, namespace: "k8s.io", timeout: timeout)
    }
}

/// `KillRequest` and `WaitRequest` of containerd, whose fields have the same numbers.
struct ContainerdTaskRequest: Message, Sendable, Equatable, Hashable {
    static let protoMessageName = "containerd.services.tasks.v1.KillRequest"

    var containerID = ""
    var signal: UInt32 = 0
    var unknownFields = UnknownStorage()

    init() {}

    init(containerID: String, signal: UInt32 = 0) {
        self.containerID = containerID
        self.signal = signal
    }

    mutating func decodeMessage<D: Decoder>(decoder: inout D) throws {
        while let field = try decoder.nextFieldNumber() {
            switch field {
            case 1: try decoder.decodeSingularStringField(value: &containerID)
            case 3: try decoder.decodeSingularUInt32Field(value: &signal)
            default: break
            }
        }
    }

    func traverse<V: Visitor>(visitor: inout V) throws {
        if !containerID.isEmpty { try visitor.visitSingularStringField(value: containerID, fieldNumber: 1) }
        if signal != 0 { try visitor.visitSingularUInt32Field(value: signal, fieldNumber: 3) }
        try unknownFields.traverse(visitor: &visitor)
    }

    func isEqualTo(message: any Message) -> Bool { (message as? Self) == self }
}
