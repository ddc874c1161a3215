import Testing

@testable import Kubelet

@Suite struct NFTablesTests {
    @Test func `what is listed comes as JSON`() async throws {
        let text = String(decoding: try await NFTables.shared.json("list tables"), as: UTF8.self)
        #expect(text.hasPrefix("{\"nftables\": ["))
    }

    @Test func `commands that are refused say why, and leave nothing for the next`() async throws {
        let error = await #expect(throws: NFTablesError.self) {
            try await NFTables.shared.run("add rule ip no-such-table any accept\n")
        }
        #expect(error?.message.contains("No such file or directory") == true)
        #expect(error?.message.contains("no-such-table") == true)
        try await NFTables.shared.run("")
        #expect(try await !NFTables.shared.json("list tables").isEmpty)
    }

    @Test func `a thousand errors are not a page`() async throws {
        let script = String(repeating: "nonsense\n", count: 1_000)
        let error = await #expect(throws: NFTablesError.self) { try await NFTables.shared.run(script) }
        #expect((error?.message.count ?? 0) < 1_100)
    }
}
