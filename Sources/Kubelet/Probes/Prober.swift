internal import APIMachinery
internal import CRI
internal import KubeAPI
internal import NIOCore
internal import NIOPosix
internal import Transport

/// What one try of a probe or hook found.
enum ProbeOutcome: Sendable, Equatable {
    case success
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

    /// How much of a command's output goes into an event.
    private static let outputBytesMax = 1024
    private static let bodyBytesMax = 10 << 10

    func attempt(_ probe: Probe) async -> ProbeOutcome {
        let timeout = Int64(max(probe.timeoutSeconds ?? 1, 1))
        if let exec = probe.exec { return await run(exec.command, timeoutSeconds: timeout) }
        if let get = probe.httpGet { return await request(get, timeout: .seconds(timeout)) }
        if let socket = probe.tcpSocket {
            return await connect(socket.host, socket.port, timeout: .seconds(timeout))
        }
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

    /// A `postStart` or `preStop` handler, with as much time as it needs up to `limit`.
    func attempt(_ handler: LifecycleHandler, limitSeconds limit: Int64) async -> ProbeOutcome {
        if let exec = handler.exec { return await run(exec.command, timeoutSeconds: limit) }
        if let get = handler.httpGet { return await request(get, timeout: .seconds(limit > 0 ? limit : 60)) }
        if let sleep = handler.sleep {
            try? await Task.sleep(for: .seconds(limit > 0 ? min(sleep.seconds, limit) : sleep.seconds))
        }
        return .success
    }

    private func run(_ command: [String], timeoutSeconds: Int64) async -> ProbeOutcome {
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

    private func request(_ get: HTTPGetAction, timeout: Duration) async -> ProbeOutcome {
        guard let port = number(of: get.port) else {
            return .unknown("couldn't find port: \(get.port?.description ?? "")")
        }
        let host = get.host.flatMap { $0.isEmpty ? nil : $0 } ?? address
        let isSecure = get.scheme == "HTTPS"
        let path = get.path.map { $0.hasPrefix("/") ? $0 : "/" + $0 } ?? "/"
        let url = "\(isSecure ? "https" : "http")://\(HTTPAddress.tcp(host: host, port: port))\(path)"
        var fields: HTTPFields = ["User-Agent": "kube-probe/1.36", "Accept": "*/*"]
        var name: String?
        for header in get.httpHeaders {
            if header.name.lowercased() == "host" { name = header.value } else { fields[header.name] = header.value }
        }
        do {
            var configuration = HTTPClient.Configuration(
                address: .tcp(host: host, port: port),
                tls: isSecure ? try TLSClientContext(serverCAsPEM: nil, isVerified: false) : nil)
            configuration.serverName = name
            configuration.connectTimeout = timeout
            configuration.responseTimeout = timeout
            let client = HTTPClient(configuration)
            defer { client.shutdown() }
            let reply = try await client.send(
                HTTPClientRequest(target: path, headers: fields), bodyBytesMax: Self.bodyBytesMax)
            if (200..<400).contains(reply.status) { return .success }
            return .failure("HTTP probe failed with statuscode: \(reply.status)")
        } catch HTTPClientError.bodyTooLarge {
            // The head came, and it was read: upstream cuts long bodies.
            return .success
        } catch {
            return .failure("Get \"\(url)\": \(Self.words(error, host: host, port: port))")
        }
    }

    private func connect(_ host: String?, _ port: IntOrString?, timeout: Duration) async -> ProbeOutcome {
        guard let port = number(of: port) else { return .unknown("couldn't find port: \(port?.description ?? "")") }
        let host = host.flatMap { $0.isEmpty ? nil : $0 } ?? address
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.seconds(timeout.components.seconds)).connect(host: host, port: port).get()
            channel.close(promise: nil)
            return .success
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
