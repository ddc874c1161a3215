internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Synchronization

/// The pods of this node as they run: those that the API server bound to it, and static ones in place of the mirrors
/// that stand for them there.
final class NodePods: Sendable {
    private let lister: Lister<Pod>
    /// Bounded by the manifests of this node.
    private let statics = Mutex<[ObjectKey: Pod]>([:])

    init(_ lister: Lister<Pod>) {
        self.lister = lister
    }

    /// In no particular order.
    var all: [Pod] {
        let own = statics.withLock { $0 }
        let bound = lister.all
        if own.isEmpty { return bound }
        return bound.filter { own[$0.key] == nil } + own.values
    }

    subscript(key: ObjectKey) -> Pod? { self[static: key] ?? lister[key] }

    /// A static pod that runs here, or still ends.
    subscript(static key: ObjectKey) -> Pod? {
        get { statics.withLock { $0[key] } }
        set { statics.withLock { $0[key] = newValue } }
    }
}

extension Pod {
    /// It comes from a file of the node's.
    var isStatic: Bool { metadata.annotations[PodAnnotation.source] == PodAnnotation.file }

    /// It only shows a static pod in the API.
    var isMirror: Bool { metadata.annotations[PodAnnotation.mirror] != nil }
}

/// What the kubelet writes on pods (https://kubernetes.io/docs/reference/labels-annotations-taints/).
enum PodAnnotation {
    static let source = "kubernetes.io/config.source"
    static let seen = "kubernetes.io/config.seen"
    static let hash = "kubernetes.io/config.hash"
    static let mirror = "kubernetes.io/config.mirror"
    /// The value of `source` for static pods.
    static let file = "file"
}
