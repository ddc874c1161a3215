internal import APIMachinery
internal import Glibc
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Reads a pod's manifest: JSON or YAML in, a pod with every default as JSON out, and what is odd about it.
package typealias ManifestReader = @Sendable (_ text: [UInt8]) throws -> (json: [UInt8], warnings: [String])

/// The directory of static pods' manifests: one pod a file, JSON or YAML; names that begin with a dot are passed over.
///
/// A file that cannot be used is told of in the log and by an event of the node; what was read of it before goes on.
actor ManifestDirectory {
    private let path: String
    private let nodeName: String
    private let reader: ManifestReader
    private let recorder: EventRecorder
    private let logger: Logger
    /// What each file gave, until it changes.
    private var known: [String: Entry] = [:]

    private struct Entry {
        var stamp: Stamp
        var pod: Pod?
    }

    private struct Stamp: Equatable {
        let inode: UInt
        let size: Int
        let seconds: Int
        let nanoseconds: Int
    }

    /// Longest manifest that is read.
    private static let manifestBytesMax = 3 << 20
    /// More files than this are not looked at.
    private static let filesMax = 500
    /// An editor's several steps are one change.
    private static let settleTime = Duration.milliseconds(100)
    /// Mends what notices of the file system could not tell: a directory that was replaced, a link's other end.
    private static let lookInterval = Duration.seconds(60)

    init(
        path: String, nodeName: String, reader: @escaping ManifestReader, recorder: EventRecorder, logger: Logger
    ) {
        self.path = path
        self.nodeName = nodeName
        self.reader = reader
        self.recorder = recorder
        self.logger = logger
    }

    /// The pods that the files ask for now.
    func read() async -> [Pod] {
        let path = path
        let found = (try? await BlockingWork.run { Self.files(in: path) }) ?? []
        var entries: [String: Entry] = [:]
        var names: Set<ObjectKey> = []
        for (file, stamp) in found {
            var entry = known[file] ?? Entry(stamp: stamp, pod: nil)
            if known[file]?.stamp != stamp {
                entry = Entry(stamp: stamp, pod: await pod(in: file) ?? entry.pod)
            }
            if let pod = entry.pod, !names.insert(pod.key).inserted {
                complain(file, "another file has a pod of the name \(pod.key)")
                entry.pod = nil
            }
            entries[file] = entry
        }
        known = entries
        return entries.values.compactMap(\.pod)
    }

    /// Hands out the pods whenever the directory has changed, until the task is cancelled.
    func follow(_ body: ([Pod]) async -> Void) async {
        let watcher = DirectoryWatcher(
            mask: [IN_CREATE, IN_CLOSE_WRITE, IN_MOVED_TO, IN_MOVED_FROM, IN_DELETE, IN_ATTRIB].map { Int32($0) })
        let bell = Bell()
        await withDiscardingTaskGroup { group in
            group.addTask {
                while !Task.isCancelled {
                    do { try await Task.sleep(for: Self.lookInterval, tolerance: .seconds(10)) } catch { return }
                    bell.ring()
                }
            }
            watcher.add(bell, to: path + "/.")
            while (try? await bell.wait()) != nil {
                guard (try? await Task.sleep(for: Self.settleTime)) != nil else { break }
                // Watched anew: the directory may be another one.
                watcher.remove(bell, from: path + "/.")
                watcher.add(bell, to: path + "/.")
                await body(await read())
            }
            group.cancelAll()
        }
    }

    private static func files(in path: String) -> [(String, Stamp)] {
        FileSystem.entries(path).filter { !$0.hasPrefix(".") }.sorted().prefix(filesMax).compactMap { name in
            var facts = Glibc.stat()
            let file = path + "/" + name
            guard stat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { return nil }
            let stamp = Stamp(
                inode: UInt(facts.st_ino), size: Int(facts.st_size), seconds: facts.st_mtim.tv_sec,
                nanoseconds: facts.st_mtim.tv_nsec)
            return (file, stamp)
        }
    }

    private func pod(in file: String) async -> Pod? {
        do {
            let bytes = try await BlockingWork.run { try FileSystem.read(file, bytesMax: Self.manifestBytesMax) }
            // Just made, and not written yet.
            if bytes.isEmpty { return nil }
            let (json, warnings) = try reader(bytes)
            for warning in warnings { logger.warning("static pod manifest \(file): \(warning)") }
            return try StaticPod.make(Pod(json: json), file: file, nodeName: nodeName)
        } catch {
            complain(file, "\((error as? StaticPodError)?.description ?? String(describing: error))")
            return nil
        }
    }

    private func complain(_ file: String, _ reason: String) {
        logger.error("static pod manifest \(file) cannot be used: \(reason)")
        recorder.record(
            ObjectReference(node: nodeName), .warning, reason: "InvalidStaticPod",
            "Manifest \(file) cannot be used: \(reason)")
    }
}

/// Why a manifest makes no static pod.
struct StaticPodError: Error, CustomStringConvertible {
    let description: String
}

/// What a node adds to a pod that it reads from a file.
enum StaticPod {
    static func make(_ read: Pod, file: String, nodeName: String) throws(StaticPodError) -> Pod {
        if let kind = reference(in: read) {
            throw StaticPodError(description: "static pods may not reference \(kind)")
        }
        guard read.spec.ephemeralContainers.isEmpty else {
            throw StaticPodError(description: "static pods may not have ephemeral containers")
        }
        var pod = read
        let uid = uid(of: read, file, nodeName)
        pod.metadata.uid = uid
        pod.metadata.generateName = nil
        pod.metadata.name = (read.metadata.name ?? "") + "-" + nodeName
        pod.metadata.deletionTimestamp = nil
        pod.metadata.deletionGracePeriodSeconds = nil
        pod.metadata.annotations[PodAnnotation.hash] = uid
        pod.metadata.annotations[PodAnnotation.source] = PodAnnotation.file
        pod.metadata.annotations[PodAnnotation.seen] = MicroTime.now().description
        pod.spec.nodeName = nodeName
        var everything = Toleration()
        everything.operator = "Exists"
        everything.effect = "NoExecute"
        if !pod.spec.tolerations.contains(everything) { pod.spec.tolerations.append(everything) }
        pod.status.phase = PodPhase.pending
        return pod
    }

    /// A node runs these whatever the API says, so they may take nothing from it.
    private static func reference(in pod: Pod) -> String? {
        if !(pod.spec.serviceAccountName ?? "").isEmpty { return "serviceaccounts" }
        if !pod.spec.resourceClaims.isEmpty { return "resourceclaims" }
        for container in pod.spec.initContainers + pod.spec.containers {
            if container.envFrom.contains(where: { $0.configMapRef != nil }) { return "configmaps" }
            if container.envFrom.contains(where: { $0.secretRef != nil }) { return "secrets" }
            if container.env.contains(where: { $0.valueFrom?.configMapKeyRef != nil }) { return "configmaps" }
            if container.env.contains(where: { $0.valueFrom?.secretKeyRef != nil }) { return "secrets" }
        }
        if !pod.spec.imagePullSecrets.isEmpty { return "secrets" }
        for volume in pod.spec.volumes {
            if volume.secret != nil { return "secrets" }
            if volume.configMap != nil { return "configmaps" }
            if volume.persistentVolumeClaim != nil { return "persistentvolumeclaims" }
            for source in volume.projected?.sources ?? [] {
                if source.secret != nil { return "secrets" }
                if source.configMap != nil { return "configmaps" }
                if source.serviceAccountToken != nil { return "serviceaccounts" }
            }
        }
        return nil
    }

    /// Another text is another pod; the same text is the same one, also after a restart of the node's agent.
    private static func uid(of pod: Pod, _ file: String, _ nodeName: String) -> String {
        // FNV-1a: names need to differ, not to resist an attacker.
        var hash: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d
        let prime: UInt128 = 0x0000_0000_0100_0000_0000_0000_0000_013b
        for byte in Array("host:\(nodeName)file:\(file)".utf8) + pod.jsonBytes() {
            hash = (hash ^ UInt128(byte)) &* prime
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 32 - digits.count) + digits
    }
}
