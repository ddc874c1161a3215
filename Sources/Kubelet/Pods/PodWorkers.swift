internal import APIMachinery
internal import CRI
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Owns one worker for each pod of this node, and tells them what happens.
actor PodWorkers {
    nonisolated let shared: PodServices
    private let pods: Informer<Pod>
    private let manifests: ManifestDirectory
    private let mirrors: ControllerRunner<MirrorPods>
    /// What the node's own files ask for, and the static pods that run, by uid.
    private var wanted: [ObjectKey: Pod] = [:]
    private var statics: [ObjectKey: String] = [:]
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
        case manifests([Pod])
        case gone(Pod)
        case runtime(RuntimeEvent)
        /// The event stream was (re)opened, or a minute has passed.
        case compare
        /// A ConfigMap or Secret of the pod changed.
        case content(String)
        /// Something that the resize of this pod waits for may be free.
        case resize(String)
        case finished(String)
    }

    init(shared: PodServices, pods: Informer<Pod>, manifests: ManifestDirectory) {
        self.shared = shared
        self.pods = pods
        self.manifests = manifests
        let reconciler = MirrorPods(
            client: shared.client, pods: shared.pods, lister: pods.lister, nodeName: shared.node.name)
        mirrors = ControllerRunner(
            name: "mirror pods", reconciler: reconciler, queue: MirrorPods.makeQueue(), workers: 1,
            logger: shared.logger)
        (changes, change) = AsyncStream.makeStream(of: Change.self)
    }

    /// Adopts what runs, then follows pods and events until the task is cancelled. Containers are left running.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.followRuntime() }
            group.addTask { [shared, change] in await shared.content.run { change.yield(.content($0)) } }
            group.addTask { await self.compareRegularly() }
            group.addTask { [shared, change] in
                for await uid in shared.allocations.retries { change.yield(.resize(uid)) }
            }
            await pods.waitForSync()
            guard !Task.isCancelled else { return group.cancelAll() }
            await adopt()
            // Known before mirrors and orphans are looked at.
            await follow(manifests.read(), &group)
            group.addTask { [manifests, change] in await manifests.follow { change.yield(.manifests($0)) } }
            group.addTask { [mirrors] in await mirrors.run() }
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
            if await isMirror(pod, isThere: true) { return }
            guard let uid = pod.metadata.uid else { return }
            if let worker = workers[uid] {
                await worker.update(pod)
            } else {
                await start(pod, &group)
            }
        case .gone(let pod):
            if await isMirror(pod, isThere: false) { return }
            guard let uid = pod.metadata.uid else { return }
            await workers[uid]?.removed()
        case .runtime(let event):
            guard let uid = shared.owners[event.containerID], let worker = workers[uid] else { return }
            // Reading the container's state must not hold up other pods.
            group.addTask { await worker.handle(event) }
        case .compare:
            for worker in workers.values { group.addTask { await worker.compare() } }
        case .content(let uid): await workers[uid]?.contentChanged()
        case .manifests(let pods): await follow(pods, &group)
        case .resize(let uid): await workers[uid]?.retryResize()
        case .finished(let uid):
            workers[uid] = nil
            await staticEnded(uid, &group)
        }
    }

    private func start(_ pod: Pod, _ group: inout DiscardingTaskGroup) async {
        guard let uid = pod.metadata.uid else { return }
        let shared = shared
        let existing = found.removeValue(forKey: uid)
        // A pod that ran here before was let in before.
        let verdict =
            existing == nil
            ? PodAdmission(node: shared.node, state: shared.state.current).refusal(
                of: pod, among: shared.pods.all, allocated: { shared.allocations[$0] })
            : nil
        let worker = PodWorker(pod: pod, shared: shared, verdict: verdict)
        if let verdict { shared.recorder.record(pod, .warning, reason: verdict.reason, verdict.message) }
        await worker.adopt(existing ?? PodObservation())
        workers[uid] = worker
        let runsAlready = existing?.sandbox?.isReady == true
        group.addTask { [shared] in
            await worker.loadAllocation()
            if runsAlready { await shared.groups.place(worker.pod) }
            await worker.run()
            await self.ended(uid)
        }
    }

    // MARK: - The node's own decisions

    /// Pods that have a worker.
    var uids: Set<String> { Set(workers.keys) }

    /// Pods of which nothing runs any more, before the API has told everybody.
    var endedUIDs: Set<String> {
        get async {
            var ended: Set<String> = []
            for (uid, worker) in workers where await worker.hasEnded { ended.insert(uid) }
            return ended
        }
    }

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

    // MARK: - Static pods

    /// Takes what the files ask for now. A pod whose file has changed is another one, which starts when the old is gone.
    private func follow(_ pods: [Pod], _ group: inout DiscardingTaskGroup) async {
        wanted = Dictionary(pods.map { ($0.key, $0) }) { first, _ in first }
        for (key, uid) in statics where wanted[key]?.metadata.uid != uid { await workers[uid]?.withdraw() }
        for key in wanted.keys where statics[key] == nil { await startStatic(key, &group) }
    }

    private func startStatic(_ key: ObjectKey, _ group: inout DiscardingTaskGroup) async {
        guard var pod = wanted[key], let uid = pod.metadata.uid else { return }
        let mirror = pods.lister[key].flatMap { $0.metadata.annotations[PodAnnotation.mirror] == uid ? $0 : nil }
        // After a restart: restarts were counted and conditions turned before.
        if let mirror { pod.status = mirror.status }
        statics[key] = uid
        shared.pods[static: key] = pod
        await start(pod, &group)
        if let mirror { await workers[uid]?.mirrorChanged(mirror) }
        mirrors.queue.add(key)
    }

    private func staticEnded(_ uid: String, _ group: inout DiscardingTaskGroup) async {
        guard let key = statics.first(where: { $0.value == uid })?.key else { return }
        statics[key] = nil
        shared.pods[static: key] = nil
        mirrors.queue.add(key)
        await startStatic(key, &group)
    }

    /// Whether `pod` only stands for a static pod. Those are nobody's to run, but to be kept and to be told of.
    private func isMirror(_ pod: Pod, isThere: Bool) async -> Bool {
        let uid = statics[pod.key]
        if pod.isMirror || uid != nil { mirrors.queue.add(pod.key) }
        guard pod.isMirror else { return false }
        if let uid, pod.metadata.annotations[PodAnnotation.mirror] == uid {
            await workers[uid]?.mirrorChanged(isThere ? pod : nil)
        }
        return true
    }

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
        let known = Set((pods.lister.all + wanted.values).compactMap(\.metadata.uid))
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
