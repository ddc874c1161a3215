internal import APIMachinery
internal import KubeAPI
internal import Testing
internal import Transport

@Suite struct `Descriptions` {
    @Test func `there is a line for every type and field`() throws {
        let packed = EmbeddedDescriptions.gzip()
        #expect(packed.count < 100 << 10)
        let text = try #require(Gzip.decompress(packed, bytesMax: 1 << 20))
        let lines = text.split(separator: 0x0A, omittingEmptySubsequences: false)
        #expect(lines.count == Schema.kubernetes.types.reduce(0) { $0 + 1 + $1.fields.count })
        #expect(lines.allSatisfy { $0.count > 5 })
    }
}
