internal import GRPCCore

extension CRIClient {
    /// One call to a service of containerd beside CRI, in CRI's namespace, with messages as their bytes.
    package func callContainerd(
        service: String, method: String, _ request: [UInt8], timeout: Duration = .seconds(120)
    ) async throws(CRIError) -> [UInt8] {
        var options = CallOptions.defaults
        options.timeout = timeout
        options.waitForReady = true
        let descriptor = MethodDescriptor(
            service: ServiceDescriptor(fullyQualifiedService: service), method: method, type: .unary
        )
        do {
            return try await withConnection { client in
                try await client.unary(
                    request: ClientRequest(message: request, metadata: ["containerd-namespace": "k8s.io"]),
                    descriptor: descriptor, serializer: RawBytes(), deserializer: RawBytes(), options: options,
                    onResponse: { try $0.message }
                )
            }
        } catch {
            throw CRIError(method: method, underlying: error)
        }
    }
}

/// Messages that are made and read elsewhere.
private struct RawBytes: MessageSerializer, MessageDeserializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) throws -> Bytes { Bytes(message) }

    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> [UInt8] {
        bytes.withUnsafeBytes { Array($0) }
    }
}
