internal import APIMachinery
internal import CLinux
internal import CRI
internal import KubeAPI
internal import KubeClient
internal import Synchronization

/// The content of an image as a read-only volume: https://kubernetes.io/docs/tasks/configure-pod-container/image-volumes/
struct ImageVolume: Sendable {
    let podUID: String
    let podDirectory: String
    let name: String

    var path: String { Self.directory(podDirectory) + "/" + name }
    /// Names the view of the image in the runtime.
    var key: String { "skiff-volume-\(podUID)-\(name)" }

    /// What mount(2) takes as its options.
    private static let optionsLengthMax = 4095
    /// Two containers of a pod may ask for the same volume at once.
    private static let mounting = Mutex(())

    static func directory(_ podDirectory: String) -> String { podDirectory + "/volumes/kubernetes.io~image" }

    /// The image volumes that a pod's directory shows. Blocks.
    static func found(podUID: String, podDirectory: String) -> [ImageVolume] {
        FileSystem.entries(directory(podDirectory)).map {
            ImageVolume(podUID: podUID, podDirectory: podDirectory, name: $0)
        }
    }

    /// Mounts the image once a pod. Returns its path on the node.
    func mount(_ image: String, _ snapshots: ImageSnapshots) async throws -> String {
        let path = path
        if try await BlockingWork.run({ FileSystem.isMountPoint(path) }) { return path }
        let mounts = try await snapshots.view(image, key: key)
        try await BlockingWork.run {
            try Self.mounting.withLock { _ in
                guard !FileSystem.isMountPoint(path) else { return }
                try FileSystem.createDirectory(path, mode: 0o750)
                for mount in mounts { try Self.mount(mount, at: path) }
            }
        }
        return path
    }

    private static func mount(_ mount: SnapshotMount, at path: String) throws {
        let isBind = mount.type == "bind" || mount.options.contains("rbind") || mount.options.contains("bind")
        if isBind {
            guard clinux_mount(mount.source, path, nil, UInt(MountFlag.bind), nil) == 0 else {
                throw SystemError("mount \(mount.source) on \(path)")
            }
            // A bind mount takes its flags by a second call.
            let flags = MountFlag.bind | MountFlag.remount | MountFlag.readOnly
            guard clinux_mount(nil, path, nil, UInt(flags), nil) == 0 else {
                throw SystemError("make \(path) read-only")
            }
            return
        }
        let options = mount.options.filter { $0 != "ro" && $0 != "rw" }.joined(separator: ",")
        guard options.utf8.count <= optionsLengthMax else {
            throw ConfigurationError("the image has too many layers to be mounted")
        }
        guard clinux_mount(mount.source, path, mount.type, UInt(MountFlag.readOnly), options) == 0 else {
            throw SystemError("mount \(mount.type) on \(path)")
        }
    }
}

extension PodWorker {
    /// Makes the images present that a container mounts, as its own image, and mounts them.
    func prepareImageVolumes(_ container: Container) async throws(StartFailure) {
        let wanted = Set(container.volumeMounts.map(\.name))
        for volume in pod.spec.volumes where wanted.contains(volume.name) {
            guard let source = volume.image, let reference = source.reference, !reference.isEmpty else { continue }
            var puller = Container()
            puller.name = container.name
            puller.image = reference
            puller.imagePullPolicy = source.pullPolicy
            let image = try await ensureImage(puller)
            let directory = shared.configuration.podDirectory(uid)
            let mounted = ImageVolume(podUID: uid, podDirectory: directory, name: volume.name)
            do {
                imageVolumes[volume.name] = try await mounted.mount(
                    image.id, ImageSnapshots(cri: shared.cri, snapshotter: shared.configuration.runtime.snapshotter))
            } catch {
                throw .configuration("failed to mount image volume \"\(volume.name)\": \(error)")
            }
        }
    }
}
