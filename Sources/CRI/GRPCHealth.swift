internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix

/// The standard health question to a gRPC server, over cleartext HTTP/2:
/// https://github.com/grpc/grpc/blob/master/doc/health-checking.md
package enum GRPCHealth {
    /// What came of it, in the words that events use.
    package enum Answer: Sendable, Equatable {
        case serving
        case unhealthy(String)
    }

    private static let statusNames = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"]

    /// Asks once. `service` may be empty, which means the server as a whole.
    package static func check(host: String, port: Int, service: String, timeout: Duration) async -> Answer {
        let address = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        let limit = "\(timeout.components.seconds)s"
        do {
            let code = try await ask(host: host, port: port, service: service, timeout: timeout)
            let name = statusNames.indices.contains(code) ? statusNames[code] : "\(code)"
            return code == 1 ? .serving : .unhealthy("service unhealthy (responded with \"\(name)\")")
        } catch let error as RPCError where error.code == .unimplemented {
            return .unhealthy(
                "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): "
                    + error.message)
        } catch let error as RPCError where error.code == .deadlineExceeded {
            return .unhealthy("timeout: health rpc did not complete within \(limit)")
        } catch let error as RPCError where error.code == .unavailable {
            return .unhealthy("timeout: failed to connect service \"\(address)\" within \(limit): \(error.message)")
        } catch {
            return .unhealthy("error: health rpc probe failed: \(error)")
        }
    }

    private static func ask(host: String, port: Int, service: String, timeout: Duration) async throws -> Int {
        let target: any ResolvableTarget =
            host.contains(":") ? .ipv6(address: host, port: port) : .ipv4(address: host, port: port)
        let transport = try HTTP2ClientTransport.Posix(target: target, transportSecurity: .plaintext)
        var options = CallOptions.defaults
        options.timeout = timeout
        // A server that refuses the connection is an answer; waiting for it would hide it.
        options.waitForReady = false
        let descriptor = MethodDescriptor(
            service: ServiceDescriptor(fullyQualifiedService: "grpc.health.v1.Health"), method: "Check", type: .unary)
        return try await withGRPCClient(transport: transport) { client in
            try await client.unary(
                request: ClientRequest(message: Self.request(service)), descriptor: descriptor,
                serializer: PlainBytes(), deserializer: PlainBytes(), options: options,
                onResponse: { Self.status(try $0.message) })
        }
    }

    /// `HealthCheckRequest`: field 1 is the service's name.
    static func request(_ service: String) -> [UInt8] {
        let name = Array(service.utf8.prefix(127))
        return name.isEmpty ? [] : [0x0A, UInt8(name.count)] + name
    }

    /// `HealthCheckResponse`: field 1 is the status; one that is absent is 0, unknown.
    static func status(_ message: [UInt8]) -> Int {
        message.count == 2 && message[0] == 0x08 ? Int(message[1]) : 0
    }
}

/// Messages that are their own bytes: two of them need no generated code.
private struct PlainBytes: MessageSerializer, MessageDeserializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) throws -> Bytes { Bytes(message) }

    func deserialize<Bytes: GRPCContiguousBytes>(_ serializedMessageBytes: Bytes) throws -> [UInt8] {
        serializedMessageBytes.withUnsafeBytes { Array($0) }
    }
}
