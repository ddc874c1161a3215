internal import APIMachinery
internal import CRI
internal import KubeAPI
internal import Transport

/// What one try of a probe or hook found.
enum ProbeOutcome: Sendable, Equatable {
    case success
    /// Good, with something to be said in an event.
    case warning(String)
    /// With the words for the event.
    case failure(String)
    /// The probe itself could not be made: counts neither way.
    case unknown(String)
}

/// Makes single tries of a container's probes and hooks:
/// https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
struct Prober: Sendable {
    let cri: CRIClient
    let containerID: String
    let container: Container
    /// Where the pod answers: its own address, or the node's.
    let address: String
    let client = OneShotClient()

    /// How much of a command's output goes into an event.
    private static let outputBytesMax = 1024
    private static let bodyBytesMax = 10 << 10
    private static let redirectsMax = 10

    /// One try of a probe, begun at `due` (`nil` is now).
    /// - Throws: `CancellationError` if the task ended before its turn.
    func attempt(_ probe: Probe, at due: ContinuousClock.Instant? = nil) async throws -> ProbeOutcome {
        let timeout = Int64(max(probe.timeoutSeconds ?? 1, 1))
        if let get = probe.httpGet { return try await request(get, timeout: .seconds(timeout), at: due) }
        if let socket = probe.tcpSocket {
            return try await connect(socket.host, socket.port, timeout: .seconds(timeout), at: due)
        }
        if let due { try await Task.sleep(until: due, clock: .continuous) }
        if let exec = probe.exec { return await run(exec.command, timeoutSeconds: timeout) }
        if let grpc = probe.grpc {
            let answer = await GRPCHealth.check(
                host: address, port: Int(grpc.port), service: grpc.service, timeout: .seconds(timeout))
            switch answer {
            case .serving: return .success
            case .unhealthy(let words): return .failure(words)
            }
        }
        return .unknown("missing probe handler")
    }

    func run(_ command: [String], timeoutSeconds: Int64) async -> ProbeOutcome {
        do {
            let result = try await cri.execSync(containerID, command: command, timeoutSeconds: timeoutSeconds)
            if result.exitCode == 0 { return .success }
            let output = Array((result.stdout + result.stderr).prefix(Self.outputBytesMax))
            return .failure(String(decoding: output, as: UTF8.self))
        } catch {
            if error.isTimeout {
                return .failure("command timed out: \(error.message)")
            }
            return .unknown(error.description)
        }
    }

    func request(
        _ get: HTTPGetAction, timeout: Duration, at due: ContinuousClock.Instant?
    ) async throws -> ProbeOutcome {
        guard let port = number(of: get.port) else {
            return .unknown("couldn't find port: \(get.port?.description ?? "")")
        }
        let host = get.host.flatMap { $0.isEmpty ? nil : $0 } ?? address
        let path = get.path.map { $0.hasPrefix("/") ? $0 : "/" + $0 } ?? "/"
        var url = ProbeURL(isSecure: get.scheme == "HTTPS", host: host, port: port, target: path)
        var request = HTTPClientRequest(target: path, headers: ["User-Agent": "kube-probe/1.36", "Accept": "*/*"])
        for header in get.httpHeaders { request.headers[header.name] = header.value }
        var due = due
        for _ in 0..<Self.redirectsMax {
            request.target = url.target
            let reply: HTTPReply
            do {
                reply = try await client.send(
                    request, to: try url.destination(timeout), bodyBytesMax: Self.bodyBytesMax, at: due)
            } catch let error as CancellationError {
                throw error
            } catch {
                return .failure("Get \"\(url)\": \(Self.words(error, host: url.host, port: url.port))")
            }
            due = nil
            guard (200..<400).contains(reply.status) else {
                return .failure("HTTP probe failed with statuscode: \(reply.status)")
            }
            guard ProbeURL.redirects.contains(reply.status), let location = reply.headers["Location"] else {
                return .success
            }
            guard let next = url.following(location), next.host == url.host else {
                // Another host's health is not this pod's: what answered is alive.
                let body = String(decoding: reply.body, as: UTF8.self)
                return .warning("Probe terminated redirects, Response body: \(body)")
            }
            url = next
        }
        return .failure("Get \"\(url)\": stopped after \(Self.redirectsMax) redirects")
    }

    private func connect(
        _ host: String?, _ port: IntOrString?, timeout: Duration, at due: ContinuousClock.Instant?
    ) async throws -> ProbeOutcome {
        guard let port = number(of: port) else { return .unknown("couldn't find port: \(port?.description ?? "")") }
        let host = host.flatMap { $0.isEmpty ? nil : $0 } ?? address
        do {
            try await client.connect(to: .init(host: host, port: port, timeout: timeout), at: due)
            return .success
        } catch let error as CancellationError {
            throw error
        } catch HTTPClientError.timeout {
            return .failure("dial tcp \(HTTPAddress.tcp(host: host, port: port)): i/o timeout")
        } catch {
            return .failure(Self.words(error, host: host, port: port))
        }
    }

    /// A port by number, or by its name in the container.
    private func number(of port: IntOrString?) -> Int? {
        switch port {
        case .int(let number): Int(number)
        case .string(let name):
            container.ports.first { $0.name == name }.map { Int($0.containerPort) } ?? Int(name)
        case nil: nil
        }
    }

    /// What Go's network library would say.
    private static func words(_ error: any Error, host: String, port: Int) -> String {
        let text = String(describing: error)
        let target = HTTPAddress.tcp(host: host, port: port)
        if text.contains("refused") { return "dial tcp \(target): connect: connection refused" }
        if text.contains("unreachable") { return "dial tcp \(target): connect: no route to host" }
        if text.lowercased().contains("timeout") || text.contains("no answer") {
            return "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        }
        return text
    }
}
