internal import APIMachinery
internal import CRI
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Removes what pods left in the runtime: of a pod that is here, all but the newest dead container of each name and the
/// one before it, which `logs --previous` reads; of a pod that is gone, everything, its logs too.
/// https://kubernetes.io/docs/concepts/architecture/garbage-collection/#container-image-garbage-collection
struct ContainerCollector: Sendable {
    let shared: PodServices
    let pods: NodePods
    let workers: PodWorkers

    private static let interval = Duration.seconds(60)

    /// Collects every minute until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            do { try await Task.sleep(for: Self.interval, tolerance: .seconds(10)) } catch { return }
            do {
                _ = try await collect(keepingEnded: true)
            } catch {
                shared.recorder.record(
                    ObjectReference(node: shared.node.name), .warning, reason: "ContainerGCFailed", "\(error)")
            }
        }
    }

    /// Removes every dead container that no pod needs for its next step, to make room. False where there was none.
    func removeUnused() async -> Bool {
        do {
            return try await collect(keepingEnded: false)
        } catch {
            shared.logger.warning("cannot remove dead containers: \(error)")
            return false
        }
    }

    /// `keepingEnded`: pods that have ended keep their last containers.
    private func collect(keepingEnded: Bool) async throws -> Bool {
        let containers = try await shared.cri.listContainers()
        let sandboxes = try await shared.cri.listPodSandboxes()
        // Read after the lists: what came since is in neither of them.
        let known = await workers.uids.union(pods.all.compactMap(\.metadata.uid))
        // The workers know of an eviction's end before it comes back by way of the API.
        let ended = await workers.endedUIDs.union(
            pods.all.filter { $0.status.phase == PodPhase.failed || $0.status.phase == PodPhase.succeeded }
                .compactMap(\.metadata.uid))
        let surplus = Self.surplus(containers, known: keepingEnded ? known : known.subtracting(ended))
        for id in surplus {
            shared.owners[id] = nil
            try await shared.cri.removeContainer(id)
        }
        for id in Self.surplus(sandboxes, containers, known: known) { try await shared.cri.removePodSandbox(id) }
        await removeLogs(known)
        return !surplus.isEmpty
    }

    /// Dead containers that nobody will ask for. Those of other makers, without a pod's uid, are left alone.
    static func surplus(_ containers: [CRIContainer], known: Set<String>) -> [String] {
        var kept: [String: Int] = [:]
        var surplus: [String] = []
        for container in containers.sorted(by: { $0.createdAt > $1.createdAt }) {
            guard let uid = container.labels[RuntimeLabels.podUID] else { continue }
            let name = uid + "/" + container.metadata.name
            kept[name, default: 0] += 1
            guard container.state == .containerExited else { continue }
            if !known.contains(uid) || kept[name, default: 0] > 2 { surplus.append(container.id) }
        }
        return surplus
    }

    /// Dead sandboxes that are not their pod's newest and hold no container any more, and those of pods that are gone.
    static func surplus(_ sandboxes: [CRIPodSandbox], _ containers: [CRIContainer], known: Set<String>) -> [String] {
        let inUse = Set(containers.map(\.podSandboxID))
        var seen: Set<String> = []
        return sandboxes.sorted { $0.createdAt > $1.createdAt }.compactMap { sandbox in
            guard sandbox.annotations[RuntimeLabels.gracePeriod] != nil else { return nil }
            let isNewest = seen.insert(sandbox.metadata.uid).inserted
            guard sandbox.state == .sandboxNotready else { return nil }
            if !known.contains(sandbox.metadata.uid) { return sandbox.id }
            return isNewest || inUse.contains(sandbox.id) ? nil : sandbox.id
        }
    }

    private func removeLogs(_ known: Set<String>) async {
        let directory = shared.configuration.runtime.podLogDirectory
        _ = try? await BlockingWork.run {
            for name in FileSystem.entries(directory) {
                guard let uid = name.split(separator: "_").last, !known.contains(String(uid)) else { continue }
                try? FileSystem.remove(directory + "/" + name)
            }
        }
    }
}
