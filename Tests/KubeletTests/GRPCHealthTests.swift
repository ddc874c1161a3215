import CRI
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Testing

@Suite struct `gRPC health` {
    /// A server whose services answer with the status of the same number as their name.
    private struct HealthService: RegistrableRPCService {
        struct Bytes: MessageSerializer, MessageDeserializer {
            func serialize<B: GRPCContiguousBytes>(_ message: [UInt8]) throws -> B { B(message) }
            func deserialize<B: GRPCContiguousBytes>(_ bytes: B) throws -> [UInt8] {
                bytes.withUnsafeBytes { Array($0) }
            }
        }

        func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
            let method = MethodDescriptor(
                service: ServiceDescriptor(fullyQualifiedService: "grpc.health.v1.Health"), method: "Check")
            router.registerHandler(forMethod: method, deserializer: Bytes(), serializer: Bytes()) { request, _ in
                var name = ""
                for try await message in request.messages {
                    name = String(decoding: message.dropFirst(2), as: UTF8.self)
                }
                let status = UInt8(name) ?? 1
                return StreamingServerResponse(single: ServerResponse(message: status == 0 ? [] : [0x08, status]))
            }
        }
    }

    private func withServer(_ services: [any RegistrableRPCService], _ body: (Int) async throws -> Void) async throws {
        let transport = HTTP2ServerTransport.Posix(
            address: .ipv4(host: "127.0.0.1", port: 0), transportSecurity: .plaintext)
        try await withGRPCServer(transport: transport, services: services) { server in
            let address = try await server.listeningAddress
            try await body(try #require(address?.ipv4?.port))
        }
    }

    @Test func `answers are told apart`() async throws {
        try await withServer([HealthService()]) { port in
            func ask(_ service: String) async -> GRPCHealth.Answer {
                await GRPCHealth.check(host: "127.0.0.1", port: port, service: service, timeout: .seconds(5))
            }
            #expect(await ask("") == .serving)
            #expect(await ask("1") == .serving)
            #expect(await ask("2") == .unhealthy(#"service unhealthy (responded with "NOT_SERVING")"#))
            #expect(await ask("0") == .unhealthy(#"service unhealthy (responded with "UNKNOWN")"#))
        }
    }

    @Test func `a server without the service and one that is not there fail`() async throws {
        try await withServer([]) { port in
            let answer = await GRPCHealth.check(host: "127.0.0.1", port: port, service: "", timeout: .seconds(5))
            guard case .unhealthy(let words) = answer else { throw RPCError(code: .unknown, message: "\(answer)") }
            #expect(words.hasPrefix("error: this server does not implement the grpc health protocol"))
        }
        let answer = await GRPCHealth.check(host: "127.0.0.1", port: 1, service: "", timeout: .seconds(1))
        guard case .unhealthy(let words) = answer else { throw RPCError(code: .unknown, message: "\(answer)") }
        #expect(words.contains("127.0.0.1:1") || words.hasPrefix("timeout"), "\(words)")
    }
}
