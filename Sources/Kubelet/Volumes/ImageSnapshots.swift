internal import APIMachinery
internal import CRI

/// containerd's snapshots of images, looked at read-only: what an image volume shows.
///
/// containerd 1.6 cannot mount an image into a container by itself, as later ones do.
struct ImageSnapshots: Sendable {
    let cri: CRIClient
    let snapshotter: String

    private static let service = "containerd.services.snapshots.v1.Snapshots"

    /// How to mount the image's content. `key` names the view, which keeps the image's layers until `remove`.
    func view(_ image: String, key: String) async throws -> [SnapshotMount] {
        guard let chain = try await cri.imageChainID(image) else {
            throw ConfigurationError("image \"\(image)\" has no content")
        }
        var request = SnapshotViewRequest()
        request.snapshotter = snapshotter
        request.key = key
        request.parent = chain
        // Without it the garbage collector would take the view, which no container knows of.
        request.labels = ["containerd.io/gc.root": Time.now().description]
        do {
            let answer = try await cri.callContainerd(
                service: Self.service, method: "View", request.protobufBytes())
            return try SnapshotMounts(protobuf: answer).mounts
        } catch {
            guard let refusal = error as? CRIError, refusal.alreadyExists else { throw error }
            var request = SnapshotRequest()
            request.snapshotter = snapshotter
            request.key = key
            let answer = try await cri.callContainerd(
                service: Self.service, method: "Mounts", request.protobufBytes())
            return try SnapshotMounts(protobuf: answer).mounts
        }
    }

    /// Best effort: one that is left costs no space of its own.
    func remove(key: String) async {
        var request = SnapshotRequest()
        request.snapshotter = snapshotter
        request.key = key
        _ = try? await cri.callContainerd(service: Self.service, method: "Remove", request.protobufBytes())
    }
}

/// `containerd.services.snapshots.v1.ViewSnapshotRequest`.
private struct SnapshotViewRequest: ProtobufMessage {
    var snapshotter = ""
    var key = ""
    var parent = ""
    var labels: [String: String] = [:]

    mutating func merge(from reader: inout ProtobufReader) throws(ProtobufError) {
        while try reader.nextField() != nil { try reader.skip() }
    }

    func write(to writer: inout ProtobufWriter) {
        writer.field(1, snapshotter)
        writer.field(2, key)
        writer.field(3, parent)
        writer.field(4, entries: labels)
    }
}

/// `MountsRequest` and `RemoveSnapshotRequest`, which look the same.
private struct SnapshotRequest: ProtobufMessage {
    var snapshotter = ""
    var key = ""

    mutating func merge(from reader: inout ProtobufReader) throws(ProtobufError) {
        while try reader.nextField() != nil { try reader.skip() }
    }

    func write(to writer: inout ProtobufWriter) {
        writer.field(1, snapshotter)
        writer.field(2, key)
    }
}

/// `ViewSnapshotResponse` and `MountsResponse`, which look the same.
private struct SnapshotMounts: ProtobufMessage {
    var mounts: [SnapshotMount] = []

    mutating func merge(from reader: inout ProtobufReader) throws(ProtobufError) {
        while let field = try reader.nextField() {
            if field == 1 { try reader.readElement(&mounts) } else { try reader.skip() }
        }
    }

    func write(to writer: inout ProtobufWriter) { writer.field(1, each: mounts) }
}

/// `containerd.types.Mount`.
struct SnapshotMount: ProtobufMessage, Equatable, Sendable {
    var type = ""
    var source = ""
    var options: [String] = []

    mutating func merge(from reader: inout ProtobufReader) throws(ProtobufError) {
        while let field = try reader.nextField() {
            switch field {
            case 1: try reader.read(&type)
            case 2: try reader.read(&source)
            case 4: try reader.readElement(&options)
            default: try reader.skip()
            }
        }
    }

    func write(to writer: inout ProtobufWriter) {
        writer.field(1, type)
        writer.field(2, source)
        writer.field(4, each: options)
    }
}
