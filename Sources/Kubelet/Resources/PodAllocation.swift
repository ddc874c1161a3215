internal import APIMachinery
internal import KubeAPI

/// What the node has given a pod, which may differ from what its specification asks for by now:
/// https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/
struct PodAllocation: Sendable, Equatable {
    private var containers: [String: ResourceRequirements] = [:]
    private var whole: ResourceRequirements?

    /// Exactly what `pod` asks for.
    init(of pod: Pod) {
        for container in pod.allContainers { containers[container.name] = container.resources }
        whole = pod.spec.resources
    }

    subscript(name: String) -> ResourceRequirements { containers[name] ?? ResourceRequirements() }

    /// `pod` with these resources in place of its own.
    func applied(to pod: Pod) -> Pod {
        var pod = pod
        func apply(_ container: inout Container) {
            if let resources = containers[container.name] { container.resources = resources }
        }
        for index in pod.spec.containers.indices { apply(&pod.spec.containers[index]) }
        for index in pod.spec.initContainers.indices { apply(&pod.spec.initContainers[index]) }
        pod.spec.resources = whole
        return pod
    }

    /// Whether `pod` asks for something else.
    func differs(from pod: Pod) -> Bool { self != PodAllocation(of: pod) }

    // MARK: - On disk

    /// Written only once a resize has happened: before that, the specification is the allocation.
    static func file(_ podDirectory: String) -> String { podDirectory + "/allocation.json" }

    /// `nil` where nothing was saved. Blocks.
    static func load(_ path: String) -> PodAllocation? {
        guard let bytes = try? FileSystem.read(path, bytesMax: 1 << 20), let saved = try? Pod(json: bytes) else {
            return nil
        }
        return PodAllocation(of: saved)
    }

    /// Kept as the pod that it was given to, without all that does not matter here. Blocks.
    func save(_ path: String, for pod: Pod) throws(SystemError) {
        var saved = Pod()
        saved.metadata.name = pod.metadata.name
        func bare(_ container: Container) -> Container {
            var bare = Container()
            bare.name = container.name
            return bare
        }
        saved.spec.containers = pod.spec.containers.map(bare)
        saved.spec.initContainers = pod.spec.initContainers.map(bare)
        try FileSystem.write(path, applied(to: saved).jsonBytes(), mode: 0o600)
    }
}
