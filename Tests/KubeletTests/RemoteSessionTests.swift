import CRI
import Testing
import Transport

@testable import Kubelet

@Suite struct `Remote sessions` {
    /// A runtime that echoes stdin to stdout until it ends, says one word on stderr, and fails with code 3.
    private func runRuntime(_ stream: any ByteStream, streams: Int) async throws {
        let connection = SPDYConnection(stream, role: .server)
        try await withThrowingTaskGroup { group in
            group.addTask { try await connection.run() }
            var byType: [String: SPDYStream] = [:]
            for await stream in connection.incoming {
                try await stream.acknowledge()
                byType[stream.header("streamtype") ?? ""] = stream
                if byType.count == streams { break }
            }
            try await byType["stderr"]?.write(Array("oops".utf8))
            try await byType["stderr"]?.finish()
            while let bytes = try await byType["stdin"]?.read() { try await byType["stdout"]?.write(bytes) }
            // The status is sent before the last output: the client must see them the other way round.
            try await byType["error"]?.write(Array(#"{"status":"Failure","message":"code 3"}"#.utf8))
            try await byType["error"]?.finish()
            try await byType["stdout"]?.write(Array("bye".utf8))
            try await byType["stdout"]?.finish()
            try await group.waitForAll()
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: ["v5.channel.k8s.io", "v4.base64.channel.k8s.io", "channel.k8s.io"])
    func `a WebSocket client gets output, then the status`(name: String) async throws {
        let (clientSide, serverSide) = MemoryByteStream.pair()
        let (agentSide, runtimeSide) = MemoryByteStream.pair()
        let spoken = RemoteProtocol(name)
        let session = RemoteSession(
            socket: WebSocket(serverSide, role: .server), spoken: spoken,
            streams: ContainerStreams(stdin: spoken.hasClose, stdout: true, stderr: true, tty: false),
            connection: SPDYConnection(agentSide, role: .client)
        )
        let running = Task { await session.run() }
        let runtime = Task { try await runRuntime(runtimeSide, streams: spoken.hasClose ? 4 : 3) }
        let client = WebSocket(clientSide, role: .client)
        if spoken.hasClose {
            try await client.send([0] + "hello".utf8)
            try await client.send([255, 0])
        }
        var (received, order) = ([UInt8: String](), [UInt8]())
        while let message = try await client.receive() {
            let (channel, bytes) = try #require(spoken.decode(message))
            received[channel, default: ""] += String(decoding: bytes, as: UTF8.self)
            order.append(channel)
        }
        #expect(received[1] == (spoken.hasClose ? "hellobye" : "bye"))
        #expect(received[2] == "oops")
        #expect(received[3] == (spoken.hasStatus ? #"{"status":"Failure","message":"code 3"}"# : "code 3"))
        #expect(order.last == 3)
        #expect(client.closeCode == 1000)
        await running.value
        _ = await runtime.result
    }

    @Test func `a streaming URL is taken apart`() throws {
        let url = try #require(StreamingURL("http://127.0.0.1:3456/exec/abc?x=1"))
        #expect(url.host == "127.0.0.1")
        #expect(url.port == 3456)
        #expect(url.target == "/exec/abc?x=1")
        #expect(StreamingURL("https://127.0.0.1:1/") == nil)
        #expect(StreamingURL("http://nowhere/") == nil)
    }
}
