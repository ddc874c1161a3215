internal import APIMachinery
internal import CRI
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Owns one worker for each pod of this node, and tells them what happens.
actor PodWorkers {
    private let shared: PodServices
    private let pods: Informer<Pod>
    private var workers: [String: PodWorker] = [:]
    /// What the runtime had when we started, by pod uid, until its worker takes it.
    private var found: [String: PodObservation] = [:]
    /// Changes in the order they came. Bounded by the informer, which reads nothing while it delivers.
    private let changes: AsyncStream<Change>
    private let change: AsyncStream<Change>.Continuation
    /// Between two full comparisons with the runtime.
    private static let compareInterval = Duration.seconds(60)
    private static let reconnectDelay = Duration.milliseconds(200)

    private enum Change: Sendable {
        case pod(Pod)
        case gone(Pod)
        case runtime(RuntimeEvent)
        /// The event stream was (re)opened, or a minute has passed.
        case compare
        /// A ConfigMap or Secret of the pod changed.
        case content(String)
        case finished(String)
    }

    init(shared: PodServices, pods: Informer<Pod>) {
        self.shared = shared
        self.pods = pods
        (changes, change) = AsyncStream.makeStream(of: Change.self)
    }

    /// Adopts what runs, then follows pods and events until the task is cancelled. Containers are left running.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.followRuntime() }
            group.addTask { [shared, change] in await shared.content.run { change.yield(.content($0)) } }
            group.addTask { await self.compareRegularly() }
            await pods.waitForSync()
            guard !Task.isCancelled else { return group.cancelAll() }
            await adopt()
            pods.addHandler(
                onAdd: { [change] in change.yield(.pod($0)) },
                onUpdate: { [change] _, new in change.yield(.pod(new)) },
                onDelete: { [change] in change.yield(.gone($0)) })
            group.addTask { await self.endOrphans() }
            for await next in changes { await take(next, &group) }
            group.cancelAll()
        }
    }

    private func take(_ next: Change, _ group: inout DiscardingTaskGroup) async {
        switch next {
        case .pod(let pod):
            guard let uid = pod.metadata.uid else { return }
            if let worker = workers[uid] {
                await worker.update(pod)
            } else {
                await start(pod, &group)
            }
        case .gone(let pod):
            guard let uid = pod.metadata.uid else { return }
            await workers[uid]?.removed()
        case .runtime(let event):
            guard let uid = shared.owners[event.containerID], let worker = workers[uid] else { return }
            // Reading the container's state must not hold up other pods.
            group.addTask { await worker.handle(event) }
        case .compare:
            for worker in workers.values { group.addTask { await worker.compare() } }
        case .content(let uid): await workers[uid]?.contentChanged()
        case .finished(let uid):
            workers[uid] = nil
        }
    }

    private func start(_ pod: Pod, _ group: inout DiscardingTaskGroup) async {
        guard let uid = pod.metadata.uid else { return }
        let existing = found.removeValue(forKey: uid)
        // A pod that ran here before was let in before.
        let verdict =
            existing == nil
            ? PodAdmission(node: shared.node, state: shared.state.current).refusal(of: pod, among: pods.lister.all)
            : nil
        let worker = PodWorker(pod: pod, shared: shared, verdict: verdict)
        if let verdict { shared.recorder.record(pod, .warning, reason: verdict.reason, verdict.message) }
        await worker.adopt(existing ?? PodObservation())
        workers[uid] = worker
        let runsAlready = existing?.sandbox?.isReady == true
        group.addTask { [shared] in
            if runsAlready { await shared.groups.place(pod) }
            await worker.run()
            await self.ended(uid)
        }
    }

    // MARK: - The node's own decisions

    /// Pods that have a worker.
    var uids: Set<String> { Set(workers.keys) }

    /// Tells a pod to end for the node's sake. False if it ends anyway, or is not here.
    func end(_ uid: String, _ verdict: PodVerdict, grace: Int64) async -> Bool {
        await workers[uid]?.endByNode(verdict, grace: grace) ?? false
    }

    /// Whether nothing of these pods runs any more.
    func haveEnded(_ uids: [String]) async -> Bool {
        for uid in uids {
            if let worker = workers[uid], await !worker.hasEnded { return false }
        }
        return true
    }

    private func ended(_ uid: String) { change.yield(.finished(uid)) }

    // MARK: - Runtime

    private func followRuntime() async {
        while !Task.isCancelled {
            do {
                try await shared.cri.subscribe { [change] in change.yield(.runtime($0)) }
            } catch {
                if !Task.isCancelled { shared.logger.debug("the runtime's event stream ended: \(error)") }
            }
            do { try await Task.sleep(for: Self.reconnectDelay) } catch { return }
            change.yield(.compare)
        }
    }

    private func compareRegularly() async {
        while !Task.isCancelled {
            do { try await Task.sleep(for: Self.compareInterval, tolerance: .seconds(5)) } catch { return }
            change.yield(.compare)
        }
    }

    // MARK: - Adoption

    private func adopt() async {
        while !Task.isCancelled {
            do {
                found = try await RuntimeInventory(cri: shared.cri).read(shared.owners)
                return
            } catch {
                shared.logger.warning("cannot read the runtime's containers: \(error)")
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }

    /// Ends what runs for pods that were deleted while we were away.
    private func endOrphans() async {
        let known = Set(pods.lister.all.compactMap(\.metadata.uid))
        let orphans = found.filter { !known.contains($0.key) }
        for uid in orphans.keys { found[uid] = nil }
        await withDiscardingTaskGroup { group in
            for (uid, orphan) in orphans {
                group.addTask { [shared] in
                    for record in orphan.containers.values where record.isRunning {
                        guard let id = record.id else { continue }
                        try? await shared.cri.stopContainer(id, grace: 30)
                    }
                    if let sandbox = orphan.sandbox { try? await shared.cri.stopPodSandbox(sandbox.id) }
                    await PodRemains(shared.cri, shared.configuration).remove(uid: uid, cgroup: nil)
                    shared.owners.forget(pod: uid)
                }
            }
        }
        await removeStrayDirectories(known)
    }

    /// Directories of pods that neither the API nor the runtime knows.
    private func removeStrayDirectories(_ known: Set<String>) async {
        let configuration = shared.configuration
        let workers = Set(workers.keys)
        let stray = try? await BlockingWork.run {
            FileSystem.entries(configuration.runtime.podDirectory).filter {
                !known.contains($0) && !workers.contains($0)
            }
        }
        for uid in stray ?? [] { await PodRemains(shared.cri, configuration).remove(uid: uid, cgroup: nil) }
    }
}
