internal import ServiceLifecycle

/// One long-lived part of the process, run by the `ServiceGroup`. It is cancelled when the group is asked to end.
struct Part: Service, CustomStringConvertible {
    let name: String
    let body: @Sendable () async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable () async throws -> Void) {
        self.name = name
        self.body = body
    }

    var description: String { name }

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            do {
                try await body()
            } catch is CancellationError {
                // The group ends: this is how a part hears of it.
            }
        }
        // A part that ends by itself would end the process; one that has nothing left to do waits with the others.
        try await gracefulShutdown()
    }
}
