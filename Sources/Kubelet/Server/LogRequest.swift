internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging
internal import Transport

/// The parameters of a log request (`PodLogOptions`).
struct LogOptions: Equatable {
    var isFollowed = false
    var isPrevious = false
    var hasTimestamps = false
    /// Lines from the end; `nil` for all.
    var tailLines: Int?
    var bytesMax: Int?
    var since: MicroTime?
    /// `stdout` or `stderr`; `nil` for both.
    var stream: String?

    init(_ query: QueryParameters, now: MicroTime = .now()) throws(KubeletRefusal) {
        isFollowed = query.isTrue("follow")
        isPrevious = query.isTrue("previous")
        hasTimestamps = query.isTrue("timestamps")
        tailLines = try Self.number("tailLines", query, atLeast: 0)
        bytesMax = try Self.number("limitBytes", query, atLeast: 1)
        switch query["stream"] {
        case nil, "", "All": break
        case "Stdout": stream = "stdout"
        case "Stderr": stream = "stderr"
        case let other?: throw .badRequest("stream: Unsupported value: \"\(other)\"")
        }
        if let seconds = try Self.number("sinceSeconds", query, atLeast: 1) {
            since = now + .seconds(-seconds)
        }
        if let text = query["sinceTime"], !text.isEmpty {
            guard let time = MicroTime(text) else { throw .badRequest("sinceTime: Invalid value: \"\(text)\"") }
            since = time
        }
    }

    private static func number(
        _ name: String, _ query: QueryParameters, atLeast least: Int
    ) throws(KubeletRefusal) -> Int? {
        guard let text = query[name], !text.isEmpty else { return nil }
        guard let value = Int(text) else {
            throw .badRequest("strconv.ParseInt: parsing \"\(text)\": invalid syntax")
        }
        guard value >= least else {
            throw KubeletRefusal(
                422, "Invalid", "\(name): Invalid value: \(value): must be greater than or equal to \(least)"
            )
        }
        return value
    }
}

extension KubeletServer {
    func serveLogs(
        _ target: ContainerTarget, _ request: HTTPRequest, _ responder: any HTTPResponder
    ) async throws {
        let options = try LogOptions(QueryParameters(request.query))
        let container = try logged(target, isPrevious: options.isPrevious)
        if WebSocketHandshake.isRequested(request) {
            return try await serveLogsOverWebSocket(container, options, request, responder)
        }
        let pipe = HTTPBodyPipe()
        let isOpen = await logs.exists(container.logPath)
        guard isOpen else {
            let message = "unable to retrieve container logs for containerd://\(container.id)"
            return responder.respond(
                status: 200, headers: ["Content-Type": "text/plain"], body: .bytes(Array(message.utf8))
            )
        }
        responder.respond(status: 200, headers: ["Content-Type": "text/plain"], stream: pipe)
        let writing = Task {
            try await logs.write(container, options) { bytes in try await pipe.write(bytes) }
        }
        pipe.onCancel { writing.cancel() }
        do {
            try await writing.value
        } catch is CancellationError {
            // The client left.
        } catch {
            logger.warning("log reading ended", metadata: ["path": "\(container.logPath)", "error": "\(error)"])
        }
        pipe.finish()
    }

    /// One binary message for each piece, as upstream's `binary.k8s.io`.
    private func serveLogsOverWebSocket(
        _ container: PodRuntimeIndex.Container, _ options: LogOptions, _ request: HTTPRequest,
        _ responder: any HTTPResponder
    ) async throws {
        let base64 = "base64.binary.k8s.io"
        let (headers, chosen) = try acceptWebSocket(request, ["binary.k8s.io", base64])
        let socket = WebSocket(try await responder.upgrade(headers: headers), role: .server)
        let writing = Task {
            try await logs.write(container, options) { bytes in
                if chosen == base64 {
                    try await socket.send(Base64.encode(bytes), isText: true)
                } else {
                    try await socket.send(bytes)
                }
            }
        }
        let reading = Task {
            // Notices that the client closes, and answers its pings.
            while try await socket.receive() != nil {}
            writing.cancel()
        }
        _ = try? await writing.value
        try? await socket.close()
        reading.cancel()
        await socket.shutdown()
    }

    /// The container whose log is wanted.
    /// - Throws: upstream's words for why there is none.
    private func logged(
        _ target: ContainerTarget, isPrevious: Bool
    ) throws(KubeletRefusal) -> PodRuntimeIndex.Container {
        let name = target.container
        let pod = target.pod.name
        let entry = index[target.pod]
        if isPrevious {
            guard let previous = entry?.previous[name] else {
                throw .badRequest("previous terminated container \"\(name)\" in pod \"\(pod)\" not found")
            }
            return previous
        }
        if let container = entry?.containers[name] { return container }
        guard let status = pods[target.pod]?.status else {
            throw KubeletRefusal(404, "NotFound", "pod \"\(pod)\" not found")
        }
        let all = status.containerStatuses + status.initContainerStatuses + status.ephemeralContainerStatuses
        guard let state = all.first(where: { $0.name == name })?.state else {
            throw .badRequest("container \"\(name)\" in pod \"\(pod)\" is not available")
        }
        if state.terminated != nil {
            throw .badRequest("container \"\(name)\" in pod \"\(pod)\" is terminated")
        }
        let start = "container \"\(name)\" in pod \"\(pod)\" is waiting to start"
        switch state.waiting?.reason {
        case nil: throw .badRequest("\(start) - no logs yet")
        case "ErrImagePull": throw .badRequest("\(start): image can't be pulled")
        case "ImagePullBackOff": throw .badRequest("\(start): trying and failing to pull image")
        case let reason?: throw .badRequest("\(start): \(reason)")
        }
    }

    /// Takes a WebSocket handshake, or refuses it with HTTP's status for the reason.
    func acceptWebSocket(
        _ request: HTTPRequest, _ protocols: [String]
    ) throws(KubeletRefusal) -> (headers: HTTPFields, subprotocol: String?) {
        do {
            return try WebSocketHandshake.accept(request, protocols: protocols)
        } catch .unsupportedVersion {
            throw KubeletRefusal(
                426, "BadRequest", "websocket: unsupported version: 13 not found in 'Sec-Websocket-Version' header")
        } catch .noCommonProtocol(let offered) {
            throw .badRequest("no common websocket protocol: client offers \(offered), server has \(protocols)")
        } catch {
            throw .badRequest("websocket: the handshake is malformed: \(error)")
        }
    }
}
