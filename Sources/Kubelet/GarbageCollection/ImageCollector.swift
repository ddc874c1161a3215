internal import APIMachinery
internal import CRI
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Removes images that nothing uses: when the disk fills, the longest unused first, and those unused for too long.
/// https://kubernetes.io/docs/concepts/architecture/garbage-collection/#containers-images
actor ImageCollector {
    private struct Record {
        let firstSeen: ContinuousClock.Instant
        var lastUsed: ContinuousClock.Instant
    }

    /// Lies on the file system of the images.
    nonisolated let directory: String
    private let shared: PodServices
    private let pods: NodePods
    private let settings: ImageCollectionSettings
    private var records: [String: Record] = [:]
    private var lastFailed = false

    static let interval = Duration.seconds(300)

    init(shared: PodServices, pods: NodePods) {
        self.shared = shared
        self.pods = pods
        settings = shared.configuration.settings.images
        let runtime = shared.configuration.runtime
        directory = runtime.externalEndpoint == nil ? runtime.dataDirectory : "/var/lib/containerd"
    }

    /// Collects every five minutes until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            do {
                try await collect()
                lastFailed = false
            } catch {
                // The first failure may be the start: the runtime has not measured its disk yet.
                if lastFailed { record("ImageGCFailed", "\(error)") }
                lastFailed = true
                shared.logger.warning("image garbage collection failed: \(error)")
            }
            do { try await Task.sleep(for: Self.interval, tolerance: .seconds(10)) } catch { return }
        }
    }

    /// Removes every image that nothing uses. Returns the bytes that they had.
    @discardableResult
    func removeUnused() async -> Int64 {
        guard let unused = try? await unused(at: .now) else { return 0 }
        return await remove(unused, until: .max)
    }

    func collect() async throws {
        let now = ContinuousClock.now
        var unused = try await unused(at: now)
        if settings.ageMax > .zero {
            let old = unused.filter { now - $0.record.lastUsed > settings.ageMax }
            await remove(old, until: .max)
            let gone = Set(old.map(\.image.id))
            unused.removeAll { gone.contains($0.image.id) }
        }
        let directory = directory
        guard let room = try await BlockingWork.run({ NodeSignals.fileSystem(directory) })?.bytes, room.capacity > 0
        else { throw CollectionFailure("invalid capacity 0 on image filesystem") }
        let percent = Self.percent(room)
        guard percent >= settings.highPercent else { return }
        let wanted = room.capacity * Int64(100 - settings.lowPercent) / 100 - room.available
        let freed = await remove(unused, until: wanted)
        guard freed < wanted else { return }
        let text =
            "Insufficient free disk space on the node's image filesystem (\(percent)% of \(Self.size(room.capacity)) "
            + "used). Failed to free sufficient space by deleting unused images (freed \(freed) bytes). "
            + "Investigate disk usage, as it could be used by active images, logs, volumes, or other data."
        record("FreeDiskSpaceFailed", text)
        throw CollectionFailure(text)
    }

    static func percent(_ room: SignalReading) -> Int { 100 - Int(room.available * 100 / room.capacity) }

    /// `10.0 GiB`.
    static func size(_ bytes: Int64) -> String {
        let tenths = bytes * 10 / (1 << 30)
        return "\(tenths / 10).\(tenths % 10) GiB"
    }

    // MARK: - Images

    private struct Unused {
        let image: CRIImage
        let record: Record
    }

    /// Notes what is used now. Returns the rest that is old enough, the longest unused first.
    private func unused(at now: ContinuousClock.Instant) async throws -> [Unused] {
        let began = ContinuousClock.now
        let images = try await shared.cri.listImages()
        await shared.access.retain(Set(images.map(\.id)), asOf: began)
        let used = try await inUse(images)
        var current: [String: Record] = [:]
        for image in images {
            var record = records[image.id] ?? Record(firstSeen: now, lastUsed: now)
            if used.contains(image.id) { record.lastUsed = now }
            current[image.id] = record
        }
        records = current
        return images.compactMap { image in
            guard !used.contains(image.id), let record = current[image.id], now - record.firstSeen >= settings.ageMin
            else { return nil }
            return Unused(image: image, record: record)
        }.sorted { left, right in
            (left.record.lastUsed, left.record.firstSeen) < (right.record.lastUsed, right.record.firstSeen)
        }
    }

    /// Images of containers, of pods that are to run here, and the sandboxes' own.
    private func inUse(_ images: [CRIImage]) async throws -> Set<String> {
        var used = Set(images.filter { $0.pinned || $0.repoTags.contains { $0.contains(PauseImage.name) } }.map(\.id))
        for container in try await shared.cri.listContainers() {
            used.insert(container.imageRef)
            used.insert(container.image.image)
        }
        let names = Set(
            pods.all.filter { $0.status.phase != PodPhase.succeeded && $0.status.phase != PodPhase.failed }
                .flatMap { pod in
                    pod.runnableContainers.compactMap(\.image) + pod.spec.volumes.compactMap(\.image?.reference)
                })
        for name in names where !name.isEmpty {
            if let image = try? await shared.cri.imageStatus(name) { used.insert(image.id) }
        }
        return used
    }

    @discardableResult
    private func remove(_ unused: [Unused], until wanted: Int64) async -> Int64 {
        var freed: Int64 = 0
        for candidate in unused where freed < wanted {
            do {
                try await shared.cri.removeImage(candidate.image.id)
            } catch {
                shared.logger.warning("cannot remove image \(candidate.image.id): \(error)")
                continue
            }
            records[candidate.image.id] = nil
            freed += Int64(clamping: candidate.image.size)
            let name = candidate.image.repoTags.first ?? candidate.image.id
            shared.logger.info("removed unused image \(name)", metadata: ["bytes": "\(candidate.image.size)"])
        }
        return freed
    }

    private func record(_ reason: String, _ text: String) {
        shared.recorder.record(ObjectReference(node: shared.node.name), .warning, reason: reason, text)
    }
}

struct CollectionFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
