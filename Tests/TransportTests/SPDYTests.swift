import Testing

@testable import Transport

@Suite struct `SPDY` {
    @Test func `the dictionary is the specification's`() {
        #expect(SPDYDictionary.bytes.count == 1423)
        // A zlib stream names its dictionary by its checksum.
        var encoder = SPDYHeaderEncoder()
        #expect(Array(encoder.encode([("a", "b")])[..<6]) == [0x78, 0xf9, 0xe3, 0xc6, 0xa7, 0xc2])
    }

    @Test func `streams carry headers and bytes and end one side at a time`() async throws {
        let (left, right) = MemoryByteStream.pair()
        let (client, server) = (SPDYConnection(left, role: .client), SPDYConnection(right, role: .server))
        try await withThrowingTaskGroup { group in
            group.addTask { try await client.run() }
            group.addTask { try await server.run() }
            var arrivals = server.incoming.makeAsyncIterator()
            for (index, kind) in ["error", "stdin"].enumerated() {
                let ours = try await client.open([("streamType", kind), ("port", "80")])
                #expect(ours.id == UInt32(2 * index + 1))
                let theirs = try #require(await arrivals.next())
                #expect(theirs.id == ours.id)
                #expect(theirs.header("streamtype") == kind)
                try await theirs.acknowledge()
                try await ours.waitForReply()

                let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0) }
                async let sent: Void = ours.write(bytes)
                var received: [UInt8] = []
                while received.count < bytes.count, let chunk = try await theirs.read() { received += chunk }
                try await sent
                #expect(received == bytes)
                try await ours.finish()
                #expect(try await theirs.read() == nil)
                try await theirs.write([1])
                #expect(try await ours.read() == [1])
                try await theirs.finish()
                #expect(try await ours.read() == nil)
            }
            let doomed = try await client.open([])
            let theirs = try #require(await arrivals.next())
            await theirs.reset()
            await #expect(throws: SPDYError.streamReset(status: 5)) { _ = try await doomed.read() }
            await client.close()
            try await group.waitForAll()
        }
    }

    @Test func `pings are answered and nonsense ends the connection`() async throws {
        let (left, right) = MemoryByteStream.pair()
        let server = SPDYConnection(right, role: .server)
        let running = Task { try await server.run() }
        let ping: [UInt8] = [0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1]
        try await left.write(ping)
        #expect(try await left.read() == ping)
        try await left.write([0x80, 2, 0, 6, 0, 0, 0, 0])
        await #expect(throws: SPDYError.self) { try await running.value }
    }
}

@Suite struct `gzip` {
    @Test func `what is compressed comes back`() {
        let bytes = (0..<500_000).map { UInt8(truncatingIfNeeded: $0 / 100) }
        let packed = Gzip.compress(bytes)
        #expect(packed.count < bytes.count / 10)
        #expect(Gzip.decompress(packed, bytesMax: 1 << 20) == bytes)
        #expect(Gzip.decompress(packed, bytesMax: 1_000) == nil)
        #expect(Gzip.decompress(Array(packed.dropLast(5)), bytesMax: 1 << 20) == nil)
        #expect(Gzip.decompress([1, 2, 3], bytesMax: 100) == nil)
        #expect(Gzip.compress([Array(bytes[..<1000]), Array(bytes[1000...])]) == packed)
    }
}
