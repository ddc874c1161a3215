internal import Glibc
internal import Logging

/// Hears from systemd-logind that the machine is about to shut down, and holds it up for as long as pods need:
/// https://systemd.io/INHIBITOR_LOCKS/. On a machine without it there is nothing to hear and nothing is done.
struct ShutdownListener: Sendable {
    /// How long the shutdown may have to wait.
    let delay: Duration
    var busPath = DBusConnection.systemPath
    let logger: Logger

    private static let login = "org.freedesktop.login1"
    private static let path = "/org/freedesktop/login1"
    private static let interface = "org.freedesktop.login1.Manager"
    /// Before the bus is asked again after it went away.
    private static let retryDelay = Duration.seconds(10)

    /// Tells `act` of every shutdown (true) and of its being called off (false), until the task is cancelled. The
    /// shutdown waits for `act`.
    func run(_ act: @escaping @Sendable (Bool) async -> Void) async {
        while !Task.isCancelled {
            do {
                let busPath = busPath
                let connection = try await BlockingWork.run { try DBusConnection(path: busPath) }
                try await listen(on: connection, act)
            } catch {
                return logger.info("no graceful shutdown of the machine: \(error)")
            }
            do { try await Task.sleep(for: Self.retryDelay) } catch { return }
        }
    }

    private func listen(on connection: DBusConnection, _ act: @Sendable (Bool) async -> Void) async throws {
        defer { connection.shutDown() }
        // Only the owner of the name counts: anybody may send a signal that looks the same.
        let rule =
            "type='signal',sender='\(Self.login)',path='\(Self.path)',interface='\(Self.interface)',"
            + "member='PrepareForShutdown'"
        try connection.send(DBusConnection.call("AddMatch", [.string(rule)]))
        var request = try inhibit(on: connection)
        var lock: Int32 = -1
        defer { if lock >= 0 { close(lock) } }
        await withTaskCancellationHandler {
            for await next in connection.incoming {
                let message = next.message
                if message.answersTo == request, message.kind == .answer, next.descriptor >= 0 {
                    if lock >= 0 { close(lock) }
                    lock = next.descriptor
                    logger.info("the machine's shutdown waits for pods, \(delay) at most")
                } else if message.answersTo == request, message.kind == .failure {
                    logger.warning("the machine's shutdown will not wait for pods: \(message.failure ?? "")")
                    connection.shutDown()
                } else if message.member == "PrepareForShutdown", case .bool(let isShutdown)? = message.arguments.first
                {
                    await act(isShutdown)
                    if isShutdown {
                        // Lets the shutdown go on.
                        if lock >= 0 { close(lock) }
                        lock = -1
                    } else if let again = try? inhibit(on: connection) {
                        request = again
                    }
                } else if next.descriptor >= 0 {
                    close(next.descriptor)
                }
            }
        } onCancel: {
            connection.shutDown()
        }
    }

    private func inhibit(on connection: DBusConnection) throws(SystemError) -> UInt32 {
        var message = DBusMessage(.call)
        message.destination = Self.login
        message.path = Self.path
        message.interface = Self.interface
        message.member = "Inhibit"
        message.arguments = [
            .string("shutdown"), .string("skiff"), .string("Ends pods in order before the machine shuts down"),
            .string("delay"),
        ]
        return try connection.send(message)
    }
}
