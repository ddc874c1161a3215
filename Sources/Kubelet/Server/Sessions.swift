internal import APIMachinery
internal import CRI
internal import Transport

/// exec and attach. A SPDY client talks to the runtime directly; a WebSocket client is translated.
extension KubeletServer {
    func serveSession(
        _ target: ContainerTarget, isExec: Bool, _ request: HTTPRequest, _ responder: any HTTPResponder
    ) async throws {
        let query = QueryParameters(request.query)
        let streams = ContainerStreams(
            stdin: query.isTrue("stdin") || query.isTrue("input"),
            stdout: query.isTrue("stdout") || query.isTrue("output"),
            stderr: query.isTrue("stderr") || query.isTrue("error"), tty: query.isTrue("tty")
        )
        guard streams.stdin || streams.stdout || streams.stderr else {
            throw .badRequest("you must specify at least 1 of stdin, stdout, stderr") as KubeletRefusal
        }
        guard let container = index[target.pod]?.containers[target.container], container.isRunning else {
            throw KubeletRefusal.noSession("container not found (\"\(target.container)\")")
        }
        let text =
            if isExec {
                try await cri.execURL(container.id, command: query.all("command"), streams: streams)
            } else {
                try await cri.attachURL(container.id, streams: streams)
            }
        guard let url = StreamingURL(text) else {
            throw KubeletRefusal(500, "InternalError", "runtime answered \(text)")
        }
        if WebSocketHandshake.isRequested(request) {
            let (headers, chosen) = try acceptWebSocket(request, RemoteProtocol.all)
            try await translate(RemoteProtocol(chosen), streams, url, headers, responder)
        } else {
            try await pipeSPDY(url, request, responder)
        }
    }

    /// Joins a SPDY client to the runtime, byte by byte.
    func pipeSPDY(_ url: StreamingURL, _ request: HTTPRequest, _ responder: any HTTPResponder) async throws {
        guard request.headers["Upgrade"]?.lowercased() == "spdy/3.1" else {
            throw .badRequest("unable to upgrade: missing upgrade headers in request") as KubeletRefusal
        }
        let offered = request.headers.values(of: "X-Stream-Protocol-Version")
        let (answer, runtime) = try await url.openSPDY(offered)
        var headers: HTTPFields = ["Connection": "Upgrade", "Upgrade": "SPDY/3.1"]
        for value in answer.values(of: "X-Stream-Protocol-Version") { headers.add("X-Stream-Protocol-Version", value) }
        do {
            let client = try await responder.upgrade(headers: headers)
            await ByteRelay.run(client, runtime)
        } catch {
            await runtime.close()
            throw error
        }
    }

    private func translate(
        _ spoken: RemoteProtocol, _ streams: ContainerStreams, _ url: StreamingURL, _ headers: HTTPFields,
        _ responder: any HTTPResponder
    ) async throws {
        let (_, runtime) = try await url.openSPDY(["v4.channel.k8s.io"])
        let stream: any ByteStream
        do {
            stream = try await responder.upgrade(headers: headers)
        } catch {
            await runtime.close()
            throw error
        }
        let socket = WebSocket(stream, role: .server, messageBytesMax: 32 << 20)
        await RemoteSession(
            socket: socket, spoken: spoken, streams: streams, connection: SPDYConnection(runtime, role: .client)
        )
        .run()
    }
}

/// How a WebSocket client wants exec's and attach's streams put into messages.
struct RemoteProtocol: Equatable {
    static let all = [
        "v5.channel.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io", "channel.k8s.io", "base64.channel.k8s.io",
    ]

    /// A message `255, CHANNEL` ends a channel.
    var hasClose: Bool
    /// Channel 3 carries a `Status` at the end, whatever the outcome; before v4 only the text of a failure.
    var hasStatus: Bool
    /// Text messages: the channel as a digit, the rest in Base64.
    var isBase64: Bool

    /// `nil`, no sub-protocol, means the oldest.
    init(_ name: String?) {
        hasClose = name == "v5.channel.k8s.io"
        hasStatus = name?.hasPrefix("v5.") == true || name?.hasPrefix("v4.") == true
        isBase64 = name == "v4.base64.channel.k8s.io" || name == "base64.channel.k8s.io"
    }

    func encode(_ channel: UInt8, _ bytes: [UInt8]) -> WebSocketMessage {
        isBase64
            ? WebSocketMessage(isText: true, bytes: [UInt8(ascii: "0") + channel] + Base64.encode(bytes))
            : WebSocketMessage(bytes: [channel] + bytes)
    }

    /// `nil` for what is not a message of this protocol.
    func decode(_ message: WebSocketMessage) -> (channel: UInt8, bytes: [UInt8])? {
        guard let first = message.bytes.first else { return nil }
        guard isBase64 else { return (first, Array(message.bytes.dropFirst())) }
        guard first >= UInt8(ascii: "0"), let bytes = Base64.decode(message.bytes.dropFirst()) else { return nil }
        return (first - UInt8(ascii: "0"), bytes)
    }
}

/// One exec or attach of a WebSocket client, carried over SPDY to the runtime.
struct RemoteSession: Sendable {
    let socket: WebSocket
    let spoken: RemoteProtocol
    let streams: ContainerStreams
    let connection: SPDYConnection

    private enum Channel {
        static let stdin: UInt8 = 0
        static let stdout: UInt8 = 1
        static let stderr: UInt8 = 2
        static let status: UInt8 = 3
        static let resize: UInt8 = 4
        static let close: UInt8 = 255
    }

    /// Returns when the command has ended and its client been told, or when the client has left.
    func run() async {
        await withTaskGroup { group in
            group.addTask { try? await connection.run() }
            group.addTask {
                try? await serve()
                await connection.close()
                await socket.shutdown()
            }
            await group.waitForAll()
        }
    }

    private func serve() async throws {
        // In the order that the runtime's own clients open them.
        let status = try await connection.open([("streamtype", "error")])
        let stdin = streams.stdin ? try await connection.open([("streamtype", "stdin")]) : nil
        let stdout = streams.stdout ? try await connection.open([("streamtype", "stdout")]) : nil
        let stderr = streams.stderr ? try await connection.open([("streamtype", "stderr")]) : nil
        let resize = streams.tty ? try await connection.open([("streamtype", "resize")]) : nil
        // Tells the client that the session stands, as upstream does.
        let first = streams.stdout ? Channel.stdout : streams.stderr ? Channel.stderr : Channel.status
        try await send(first, [])
        await withTaskGroup { group in
            group.addTask {
                await forwardInput(stdin: stdin, resize: resize)
                return false
            }
            group.addTask {
                await forwardOutput(status: status, stdout: stdout, stderr: stderr)
                return true
            }
            // Either the command is over or the client is gone: the other half has nothing left to do.
            if await group.next() == true {
                try? await socket.close()
            }
            group.cancelAll()
        }
    }

    /// Ends when the client closes its connection.
    private func forwardInput(stdin: SPDYStream?, resize: SPDYStream?) async {
        while let message = try? await socket.receive() {
            guard let (channel, bytes) = spoken.decode(message) else { continue }
            switch channel {
            case Channel.stdin:
                // A command that has closed its input is no reason to lose its output.
                if !bytes.isEmpty { try? await stdin?.write(bytes) }
            case Channel.resize: try? await resize?.write(bytes)
            case Channel.close where spoken.hasClose:
                if bytes.first == Channel.stdin { try? await stdin?.finish() }
            default: break
            }
        }
    }

    /// Output first, then the status: the client takes the status for the end.
    private func forwardOutput(status: SPDYStream, stdout: SPDYStream?, stderr: SPDYStream?) async {
        var outcome: [UInt8] = []
        await withTaskGroup { group in
            if let stdout { group.addTask { await copy(stdout, to: Channel.stdout) } }
            if let stderr { group.addTask { await copy(stderr, to: Channel.stderr) } }
            while let bytes = try? await status.read() { outcome += bytes }
            await group.waitForAll()
        }
        if spoken.hasStatus {
            if outcome.isEmpty { outcome = Array(#"{"metadata":{},"status":"Success"}"#.utf8) }
            try? await send(Channel.status, outcome)
        } else if let message = Self.failure(in: outcome) {
            try? await send(Channel.status, Array(message.utf8))
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

    /// The text of a failed `Status`; `nil` for success.
    private static func failure(in outcome: [UInt8]) -> String? {
        guard !outcome.isEmpty, let status = try? Status(json: outcome), status.status != "Success" else { return nil }
        return status.message ?? ""
    }
}

extension KubeletServer {
    /// `/run`: one command to its end, its output as the answer.
    func serveRun(
        _ target: ContainerTarget, _ request: HTTPRequest, _ responder: any HTTPResponder
    ) async throws {
        guard request.method == "POST" else {
            throw KubeletRefusal(405, "MethodNotAllowed", "405: Method Not Allowed")
        }
        guard let container = index[target.pod]?.containers[target.container], container.isRunning else {
            throw KubeletRefusal.noSession("container not found (\"\(target.container)\")")
        }
        let command = (QueryParameters(request.query)["cmd"] ?? "").split(separator: " ").map(String.init)
        let result = try await cri.execSync(container.id, command: command, timeoutSeconds: 0)
        responder.respond(
            status: 200, headers: ["Content-Type": "text/plain; charset=utf-8"],
            body: .bytes(Array(result.stdout) + Array(result.stderr)))
    }
}
