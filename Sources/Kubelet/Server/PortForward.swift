internal import APIMachinery
internal import CRI
internal import Transport

/// port-forward, in the three ways that clients speak it.
extension KubeletServer {
    /// kubectl's: raw SPDY bytes in WebSocket messages.
    static let tunnel = "SPDY/3.1+portforward.k8s.io"
    static let portForward = "portforward.k8s.io"

    func servePortForward(
        _ target: ContainerTarget, _ request: HTTPRequest, _ responder: any HTTPResponder
    ) async throws {
        guard let sandbox = index[target.pod]?.sandboxID else {
            throw KubeletRefusal(404, "NotFound", "pod \"\(target.pod.name)\" is not running")
        }
        let query = QueryParameters(request.query)
        let ports = try (query.all("ports") + query.all("port")).flatMap { $0.split(separator: ",") }.map { text in
            guard let port = UInt16(text), port > 0 else {
                throw KubeletRefusal.badRequest("unable to parse \"\(text)\" as a port")
            }
            return port
        }
        let isWebSocket = WebSocketHandshake.isRequested(request)
        let isTunnel = WebSocketHandshake.offeredProtocols(request.headers).contains(Self.tunnel)
        guard !isWebSocket || isTunnel || !ports.isEmpty else {
            throw .badRequest("query parameter \"port\" is required") as KubeletRefusal
        }
        if !isWebSocket || isTunnel, let path = await networkNamespace(ofSandbox: sandbox) {
            return try await forwardPorts(request, sandboxID: sandbox, namespacePath: path, responder)
        }
        // The runtime's own way.
        let text = try await cri.portForwardURL(sandboxID: sandbox, ports: ports.map { Int32($0) })
        guard let url = StreamingURL(text) else {
            throw KubeletRefusal(500, "InternalError", "runtime answered \(text)")
        }
        guard isWebSocket else { return try await pipeSPDY(url, request, responder) }

        let known = isTunnel ? [Self.tunnel] : ["v4.channel.k8s.io", "v4.base64.channel.k8s.io", "channel.k8s.io"]
        let (headers, chosen) = try acceptWebSocket(request, known)
        let (_, runtime) = try await url.openSPDY([Self.portForward])
        let stream: any ByteStream
        do {
            stream = try await responder.upgrade(headers: headers)
        } catch {
            await runtime.close()
            throw error
        }
        let socket = WebSocket(stream, role: .server, messageBytesMax: 32 << 20)
        if isTunnel {
            await ByteRelay.run(WebSocketByteStream(socket), runtime)
        } else {
            await PortForwardSession(
                socket: socket, spoken: RemoteProtocol(chosen), ports: ports,
                connection: SPDYConnection(runtime, role: .client)
            ).run()
        }
    }
}

/// The bytes in a WebSocket's messages, whatever their borders.
struct WebSocketByteStream: ByteStream {
    private let socket: WebSocket

    init(_ socket: WebSocket) {
        self.socket = socket
    }

    func read() async throws -> [UInt8]? {
        while let message = try await socket.receive() {
            if !message.bytes.isEmpty { return message.bytes }
        }
        return nil
    }

    func write(_ bytes: [UInt8]) async throws {
        try await socket.send(bytes)
    }

    func close() async {
        try? await socket.close()
        await socket.shutdown()
    }
}

/// Port-forward over plain WebSocket channels: for the n-th port, channel 2n carries data and 2n+1 errors, and each
/// begins with the port's number, two bytes, low one first.
struct PortForwardSession: Sendable {
    let socket: WebSocket
    let spoken: RemoteProtocol
    let ports: [UInt16]
    let connection: SPDYConnection

    func run() async {
        await withTaskGroup { group in
            group.addTask { try? await connection.run() }
            group.addTask {
                try? await serve()
                try? await socket.close()
                await connection.close()
                await socket.shutdown()
            }
            await group.waitForAll()
        }
    }

    private func serve() async throws {
        var data: [SPDYStream] = []
        var errors: [SPDYStream] = []
        for (index, port) in ports.enumerated() {
            let shared = [("port", "\(port)"), ("requestid", "\(index)")]
            let error = try await connection.open([("streamtype", "error")] + shared)
            // This side has nothing to say about errors.
            try await error.finish()
            errors.append(error)
            data.append(try await connection.open([("streamtype", "data")] + shared))
            let number = [UInt8(truncatingIfNeeded: port), UInt8(port >> 8)]
            try await send(UInt8(2 * index), number)
            try await send(UInt8(2 * index + 1), number)
        }
        let (dataStreams, errorStreams) = (data, errors)
        await withTaskGroup { group in
            group.addTask { await forwardInput(dataStreams) }
            group.addTask { await forwardOutput(dataStreams, errorStreams) }
            await group.next()
            group.cancelAll()
        }
    }

    private func forwardInput(_ data: [SPDYStream]) async {
        while let message = try? await socket.receive() {
            guard let (channel, bytes) = spoken.decode(message), channel % 2 == 0, Int(channel / 2) < data.count else {
                continue
            }
            if !bytes.isEmpty { try? await data[Int(channel / 2)].write(bytes) }
        }
    }

    private func forwardOutput(_ data: [SPDYStream], _ errors: [SPDYStream]) async {
        await withTaskGroup { group in
            for (index, stream) in data.enumerated() {
                group.addTask { await copy(stream, to: UInt8(2 * index)) }
            }
            for (index, stream) in errors.enumerated() {
                group.addTask { await copy(stream, to: UInt8(2 * index + 1)) }
            }
            await group.waitForAll()
        }
    }

    private func copy(_ stream: SPDYStream, to channel: UInt8) async {
        while let bytes = try? await stream.read() {
            guard (try? await send(channel, bytes)) != nil else { return }
        }
    }

    private func send(_ channel: UInt8, _ bytes: [UInt8]) async throws {
        let message = spoken.encode(channel, bytes)
        try await socket.send(message.bytes, isText: message.isText)
    }
}
