internal import SwiftProtobuf

/// Something that happened to a container's first process, as containerd tells it.
package enum RuntimeEvent: Sendable, Equatable {
    case started(containerID: String)
    /// `containerID` may be a sandbox's.
    case exited(containerID: String, exitCode: UInt32)
    case outOfMemory(containerID: String)

    package var containerID: String {
        switch self {
        case .started(let id), .exited(let id, _), .outOfMemory(let id): id
        }
    }
}

extension CRIClient {
    /// Hands each event to `body`, in order, until the stream breaks.
    ///
    /// Events may be lost between two calls of this: whoever calls it compares the whole state after each (re)start.
    /// - Throws: when the runtime ended the stream or went away.
    package func subscribe(_ body: @escaping @Sendable (RuntimeEvent) async -> Void) async throws(CRIError) {
        var request = ContainerdSubscribeRequest()
        request.filters = ["namespace==k8s.io,topic~=^/tasks/(start|exit|oom)"]
        try await stream(
            "Subscribe", request, service: "containerd.services.events.v1.Events", of: ContainerdEnvelope.self
        ) { envelope in
            if let event = RuntimeEvent(envelope) { await body(event) }
        }
    }
}

extension RuntimeEvent {
    /// `nil` for the end of an exec'ed process and for what cannot be read.
    init?(_ envelope: ContainerdEnvelope) {
        let bytes = envelope.event.value
        switch envelope.topic {
        case "/tasks/start":
            guard let event = try? ContainerdTaskStart(serializedBytes: bytes) else { return nil }
            self = .started(containerID: event.containerID)
        case "/tasks/exit":
            guard let event = try? ContainerdTaskExit(serializedBytes: bytes), event.id == event.containerID else {
                return nil
            }
            self = .exited(containerID: event.containerID, exitCode: event.exitStatus)
        case "/tasks/oom":
            guard let event = try? ContainerdTaskOOM(serializedBytes: bytes) else { return nil }
            self = .outOfMemory(containerID: event.containerID)
        default:
            return nil
        }
    }
}
