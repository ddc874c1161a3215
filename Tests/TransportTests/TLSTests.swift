import Glibc
import Testing
import Transport

/// Certificates made with openssl, where it is installed.
private struct TestCertificates {
    let directory: String

    init?() {
        var template = Array("/tmp/skiff-tls-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { return nil }
        directory = template.withUnsafeBufferPointer {
            String(decoding: $0.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        let script = """
            cd \(directory) && K="openssl ecparam -genkey -name prime256v1 -noout"
            $K -out ca.key && openssl req -x509 -new -key ca.key -subj /CN=ca -days 2 -out ca.pem
            $K -out other.key && openssl req -x509 -new -key other.key -subj /CN=client -days 2 -out other.pem
            echo subjectAltName=IP:127.0.0.1 > ext
            for n in server client; do
              $K | openssl pkcs8 -topk8 -nocrypt -out $n.key && openssl req -new -key $n.key -subj /CN=$n -out $n.csr
              openssl x509 -req -in $n.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out $n.pem
            done
            """
        guard system("{ \(script); } >/dev/null 2>&1") == 0, !self["client.pem"].isEmpty else { return nil }
    }

    subscript(name: String) -> [UInt8] {
        guard let file = fopen("\(directory)/\(name)", "r") else { return [] }
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        let count = fread(&buffer, 1, buffer.count, file)
        return Array(buffer[..<count])
    }

    func server() throws -> TLSServerContext {
        try TLSServerContext(
            certificateChainPEM: self["server.pem"], privateKeyPEM: self["server.key"], clientCAsPEM: self["ca.pem"]
        )
    }

    func remove() {
        system("rm -rf \(directory)")
    }
}

@Suite struct `TLS` {
    @Test func `a client certificate is optional and handed on`() async throws {
        let files = try #require(TestCertificates(), "openssl is needed to make certificates")
        defer { files.remove() }
        try await withServer(tls: try files.server()) { address in
            let anonymous = HTTPClient(.init(address: address, tls: try .init(serverCAsPEM: files["ca.pem"])))
            #expect(text(try await anonymous.send(.init(target: "/")).body).hasSuffix("nobody"))
            let known = try TLSClientContext(
                serverCAsPEM: files["ca.pem"], certificateChainPEM: files["client.pem"],
                privateKeyPEM: files["client.key"]
            )
            let reply = try await HTTPClient(.init(address: address, tls: known)).send(.init(target: "/"))
            #expect(text(reply.body).hasSuffix("certified"))
            let forged = try TLSClientContext(
                serverCAsPEM: files["ca.pem"], certificateChainPEM: files["other.pem"],
                privateKeyPEM: files["other.key"]
            )
            // Whether a certificate is one of ours is for the server behind to say, with a 401.
            let stranger = try await HTTPClient(.init(address: address, tls: forged)).send(.init(target: "/"))
            #expect(text(stranger.body).hasSuffix("certified"))
            let wrongCA = try TLSClientContext(serverCAsPEM: files["other.pem"])
            await #expect(throws: HTTPClientError.self) {
                _ = try await HTTPClient(.init(address: address, tls: wrongCA)).send(.init(target: "/"))
            }
        }
    }

    @Test func `curl speaks HTTP/2`() async throws {
        let files = try #require(TestCertificates(), "openssl is needed to make certificates")
        defer { files.remove() }
        try await withServer(tls: try files.server()) { address in
            let curl = "curl -sS -m 20 --http2 --cacert \(files.directory)/ca.pem"
            let out = "\(files.directory)/out"
            func run(_ arguments: String) async -> Int32 {
                let command = "\(curl) \(arguments) > \(out) 2>&1"
                return await withCheckedContinuation { continuation in
                    // curl blocks, and the server needs the pool's threads.
                    startThread { continuation.resume(returning: system(command)) }
                }
            }
            let url = "https://\(address)"
            #expect(await run("\(url)/x?y") == 0)
            #expect(text(files["out"]) == "GET /x y true nobody")
            #expect(await run("\(url)/pieces -w '%{size_download}' -o /dev/null") == 0)
            #expect(text(files["out"]) == "1000000")
            #expect(await run("\(url)/stream") == 0)
            #expect(text(files["out"]).hasSuffix("line 4\n"))
            // Refused while it is still being sent: the answer must arrive all the same.
            #expect(await run("-o \(out).body -w '%{http_code}' -T /dev/zero -m 10 \(url)/count") == 0)
            #expect(text(files["out"]) == "413")
        }
    }

    @Test func `damaged material is refused and the old kept`() async throws {
        let files = try #require(TestCertificates(), "openssl is needed to make certificates")
        defer { files.remove() }
        let context = try files.server()
        #expect(throws: TLSError.self) { try context.reload(certificateChainPEM: [1], privateKeyPEM: [2]) }
        try await withServer(tls: context) { address in
            let client = HTTPClient(.init(address: address, tls: try .init(serverCAsPEM: files["ca.pem"])))
            #expect(try await client.send(.init(target: "/")).status == 200)
        }
    }
}

private func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    pthread_create(
        &thread, nil,
        { argument in
            if let argument { Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body() }
            return nil
        }, Unmanaged.passRetained(Box(body)).toOpaque()
    )
    pthread_detach(thread)
}

/// HTTP/2 spoken frame by frame, through openssl's own client.
@Suite(.serialized) struct `HTTP/2 storms` {
    private func frame(_ type: UInt8, flags: UInt8, stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
        let length = UInt32(payload.count)
        let head: [UInt8] = [
            UInt8(length >> 16 & 0xFF), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF), type, flags,
            UInt8(stream >> 24 & 0x7F), UInt8(stream >> 16 & 0xFF), UInt8(stream >> 8 & 0xFF), UInt8(stream & 0xFF),
        ]
        return head + payload
    }

    /// `GET https://a/`, in the shortest header block: indexed fields and one literal authority.
    private let request: [UInt8] = [0x82, 0x84, 0x87, 0x01, 0x01, 0x61]

    /// Types of the frames in what the server sent, with the error code of a GOAWAY.
    private func goAwayCode(_ bytes: [UInt8]) -> UInt32? {
        var rest = bytes[...]
        while rest.count >= 9 {
            let head = Array(rest.prefix(9))
            let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
            let payload = Array(rest.dropFirst(9).prefix(length))
            if head[3] == 7, payload.count >= 8 {
                return payload[4..<8].reduce(0) { $0 << 8 | UInt32($1) }
            }
            rest = rest.dropFirst(9 + length)
        }
        return nil
    }

    @Test func `a client that opens and resets without end is shown the door`() async throws {
        guard let certificates = TestCertificates() else { return }
        try await withServer(tls: try certificates.server()) { address in
            guard case .tcp(_, let port) = address else { return }
            var bytes = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, flags: 0, stream: 0, [])
            for number in 0..<20_000 {
                let stream = UInt32(number * 2 + 1)
                bytes += frame(1, flags: 0x5, stream: stream, request)
                bytes += frame(3, flags: 0, stream: stream, [0, 0, 0, 8])
            }
            let path = certificates.directory
            let file = try #require(fopen(path + "/storm", "w"))
            fwrite(bytes, 1, bytes.count, file)
            fclose(file)
            system(
                "timeout 20 openssl s_client -connect 127.0.0.1:\(port) -alpn h2 -quiet < \(path)/storm "
                    + "> \(path)/answer 2>/dev/null")
            let answer = try #require(fopen(path + "/answer", "r"))
            defer { fclose(answer) }
            var buffer = [UInt8](repeating: 0, count: 4 << 20)
            let count = fread(&buffer, 1, buffer.count, answer)
            // ENHANCE_YOUR_CALM, unless the connection was gone before it could be read.
            let code = goAwayCode(Array(buffer[..<count])) ?? 11
            #expect(code == 11)
            // Others are served as before.
            let tls = try TLSClientContext(serverCAsPEM: certificates["ca.pem"])
            let client = HTTPClient(.init(address: address, tls: tls))
            let reply = try await client.send(.init(target: "/"))
            #expect(reply.status == 200)
            client.shutdown()
        }
    }
}
