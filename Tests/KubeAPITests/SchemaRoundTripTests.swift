internal import APIMachinery
internal import KubeAPI
internal import Testing

/// Upstream's fully set objects pass between JSON and protobuf, driven by the embedded schema alone.
@Suite(.enabled(if: Reference.isPresent, "../shared/reference/roundtrip is not there"))
struct `Schema round trip` {
    static let schema = Schema.kubernetes

    /// The kinds there that some resource or subresource serves. Options of streaming subresources are not among
    /// them: they travel as query parameters, and no published schema describes them as objects.
    static let served: [String] = {
        let resources = ResourceTable.all.map(\.groupVersionKind)
        let subresources = ResourceTable.all.flatMap(\.subresources).map(\.kind)
        let kinds = Set(resources + subresources)
        return Reference.names.filter { name in
            let kind = Reference.kind(name)
            return kinds.contains(kind) && !options.contains(kind.kind)
        }
    }()

    private static let options: Set = [
        "NodeProxyOptions", "PodAttachOptions", "PodExecOptions", "PodPortForwardOptions", "PodProxyOptions",
        "ServiceProxyOptions",
    ]

    @Test(arguments: served)
    func `JSON becomes upstream's protobuf and comes back`(name: String) throws {
        let type = try #require(Self.schema.type(of: Reference.kind(name)), "no type for a served kind")
        let value = try Value(json: Reference.read(name + ".json"))
        let bytes = try Reference.read(name + ".pb")
        let encoded = try Self.schema.encodeProtobuf(value, as: type)
        #expect(encoded.count == bytes.count)
        #expect(encoded.elementsEqual(bytes), "differs at byte \(Self.difference(encoded, bytes))")
        let decoded = try Self.schema.decodeProtobuf(bytes, as: type)
        #expect(decoded == value, "\(PlainJSON.difference(value, decoded))")
    }

    @Test(arguments: served)
    func `a full object has no unknown field`(name: String) throws {
        let type = try #require(Self.schema.type(of: Reference.kind(name)))
        let report = Self.schema.check(try Value(json: Reference.read(name + ".json")), as: type)
        #expect(report == StrictReport())
    }

    @Test
    func `every served kind is covered or known not to be`() {
        let kinds = Set(
            ResourceTable.all.map(\.groupVersionKind) + ResourceTable.all.flatMap(\.subresources).map(\.kind))
        let covered = Set(Self.served.map(Reference.kind))
        let missing = Set(kinds.subtracting(covered).map(\.kind))
        // Upstream's set has no objects of its two extension servers.
        #expect(missing == Self.options.union(["APIService", "CustomResourceDefinition"]))
    }

    private static func difference(_ one: [UInt8], _ other: [UInt8]) -> Int {
        zip(one, other).enumerated().first { $1.0 != $1.1 }?.offset ?? min(one.count, other.count)
    }
}
