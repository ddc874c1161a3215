internal import APIMachinery
internal import CLinux
internal import CRI
internal import Glibc
internal import Transport

/// Serves one SPDY port-forward: each pair of streams, one for data and one for errors, becomes a connection inside the
/// pod's network namespace. Either side may end before the other; containerd 1.6, left to do this, cuts off the answer
/// half a second after the client has said all.
struct PortForwarder: Sendable {
    let connection: SPDYConnection
    let sandboxID: String
    /// Of the pod's network namespace.
    let namespacePath: String

    private struct Pair {
        var data: SPDYStream?
        var error: SPDYStream?
    }

    /// Pairs of which one stream has come; more are refused.
    private static let halfPairsMax = 64
    /// A server whose queue is full takes a connection when the kernel has asked again: after 1, 3, 7 and 15 seconds.
    private static let connectSecondsMax: Int32 = 30

    /// Returns when the client has left. All connections are closed then.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { try? await connection.run() }
            // By request; bounded as the connection's streams are.
            var pairs: [String: Pair] = [:]
            for await stream in connection.incoming {
                guard let id = stream.header("requestid"), let port = stream.header("port").flatMap({ UInt16($0) }),
                    port > 0, pairs.count < Self.halfPairsMax
                else {
                    await stream.reset()
                    continue
                }
                try? await stream.acknowledge()
                var pair = pairs[id] ?? Pair()
                if stream.header("streamtype") == "error" { pair.error = stream } else { pair.data = stream }
                if let data = pair.data, let error = pair.error {
                    pairs[id] = nil
                    group.addTask { await forward(port, data, error) }
                } else {
                    pairs[id] = pair
                }
            }
            group.cancelAll()
        }
    }

    private func forward(_ port: UInt16, _ data: SPDYStream, _ error: SPDYStream) async {
        do {
            let socket = try await connect(port)
            await relay(data, socket)
            await socket.close()
        } catch let failure as PortForwardError {
            try? await error.write(Array(failure.description.utf8))
        } catch {
            // The client left, or the socket could not be taken over.
        }
        try? await data.finish()
        try? await error.finish()
    }

    /// Ends when the server in the pod has said all, or either side is gone.
    private func relay(_ data: SPDYStream, _ socket: any HalfClosingByteStream) async {
        await withTaskGroup { group in
            group.addTask {
                do {
                    while let bytes = try await data.read() { try await socket.write(bytes) }
                    await socket.finish()
                } catch {
                    // Reset: nobody waits for the answer.
                    await socket.close()
                }
            }
            group.addTask {
                while let bytes = try? await socket.read() {
                    guard (try? await data.write(bytes)) != nil else { break }
                }
                // The client learns of the end now; what it still sends goes nowhere.
                try? await data.finish()
                await socket.close()
            }
            await group.waitForAll()
        }
    }

    private func connect(_ port: UInt16) async throws -> any HalfClosingByteStream {
        let path = namespacePath
        let (descriptor, four, six) =
            await OwnThread.run { () -> (Int32, Int32, Int32) in
                let first = clinux_connect_local(path, 0, port, Self.connectSecondsMax)
                if first >= 0 { return (first, 0, 0) }
                let four = errno
                return (clinux_connect_local(path, 1, port, Self.connectSecondsMax), four, errno)
            } ?? (-1, EAGAIN, EAGAIN)
        guard descriptor >= 0 else {
            func text(_ code: Int32) -> String { String(cString: strerror(code)).lowercased() }
            throw PortForwardError(
                description: "error forwarding port \(port) to pod \(sandboxID), uid : failed to connect to "
                    + "localhost:\(port) inside namespace \"\(sandboxID)\", IPv4: dial tcp4 127.0.0.1:\(port): connect: "
                    + "\(text(four)) IPv6 dial tcp6 [::1]:\(port): connect: \(text(six))")
        }
        return try await ConnectedSocket.stream(descriptor)
    }
}

/// Work that changes the thread it runs on, or that may hold it for long. Bounded by its callers.
enum OwnThread {
    private final class Job {
        let body: () -> Void

        init(_ body: @escaping () -> Void) {
            self.body = body
        }
    }

    /// `nil` if there is no thread to be had.
    static func run<T: Sendable>(_ body: @escaping @Sendable () -> T) async -> T? {
        await withCheckedContinuation { (continuation: CheckedContinuation<T?, Never>) in
            let job = Unmanaged.passRetained(Job { continuation.resume(returning: body()) })
            var thread = pthread_t()
            let code = pthread_create(
                &thread, nil,
                { argument in
                    guard let argument else { return nil }
                    Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().body()
                    return nil
                }, job.toOpaque())
            guard code == 0 else {
                job.release()
                return continuation.resume(returning: nil)
            }
            pthread_detach(thread)
        }
    }
}

/// Why a connection into the pod did not come about.
struct PortForwardError: Error, CustomStringConvertible {
    let description: String
}

extension KubeletServer {
    /// Where the pod's network is; `nil` if the runtime does not tell.
    func networkNamespace(ofSandbox id: String) async -> String? {
        guard let text = try? await cri.podSandboxDetails(id), let info = try? Value(json: Array(text.utf8)),
            let pid = info["pid"]?.int, pid > 0
        else { return nil }
        return "/proc/\(pid)/ns/net"
    }

    /// Serves a client that speaks SPDY, bare or within a WebSocket.
    func forwardPorts(
        _ request: HTTPRequest, sandboxID: String, namespacePath: String, _ responder: any HTTPResponder
    ) async throws {
        let stream: any ByteStream
        if WebSocketHandshake.isRequested(request) {
            let (headers, _) = try acceptWebSocket(request, [Self.tunnel])
            let upgraded = try await responder.upgrade(headers: headers)
            stream = WebSocketByteStream(WebSocket(upgraded, role: .server, messageBytesMax: 32 << 20))
        } else {
            guard request.headers["Upgrade"]?.lowercased() == "spdy/3.1" else {
                throw .badRequest("unable to upgrade: missing upgrade headers in request") as KubeletRefusal
            }
            let offered = request.headers.values(of: "X-Stream-Protocol-Version")
            guard offered.isEmpty || offered.contains(Self.portForward) else {
                throw KubeletRefusal(
                    403, "Forbidden",
                    "unable to upgrade: unable to negotiate protocol: client supports \(offered), server accepts "
                        + "[\(Self.portForward)]")
            }
            stream = try await responder.upgrade(headers: [
                "Connection": "Upgrade", "Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": Self.portForward,
            ])
        }
        let connection = SPDYConnection(stream, role: .server)
        await PortForwarder(connection: connection, sandboxID: sandboxID, namespacePath: namespacePath).run()
        await connection.close()
    }
}
