internal import APIMachinery
internal import CRI
internal import KubeAPI
internal import KubeClient
internal import Logging

extension PodWorker {
    /// Stops one running container of a pod that goes on.
    func stop(_ name: String, message: String) async {
        guard let id = seen.containers[name]?.id, seen.containers[name]?.isRunning == true else { return }
        seen.containers[name]?.activity = .stopping
        await end(name, id, grace: pod.spec.terminationGracePeriodSeconds ?? 30, message: message)
        seen.containers[name]?.activity = .idle
        wake()
    }

    /// Ends what stays of a pod whose main containers have ended for good: sidecars and visitors.
    func endRest() async {
        endBy = .now + .seconds(pod.spec.terminationGracePeriodSeconds ?? 30)
        await endEverything(grace: pod.spec.terminationGracePeriodSeconds ?? 30)
        isEndingRest = false
        wake()
    }

    /// Starts the pod over in its sandbox, as a rule of `cause` asks. No hooks run.
    /// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-all-containers
    func restartAll(_ cause: String) async {
        await publish()
        await withDiscardingTaskGroup { group in
            for (name, record) in seen.containers where record.isRunning && !isEphemeral(name) {
                guard let id = record.id else { continue }
                let words = "Stopping container \(name): the pod starts over after the end of \(cause)"
                shared.recorder.record(reference(to: name), .normal, reason: "Killing", words)
                group.addTask {
                    await self.halt(name, id, grace: min(2, self.pod.spec.terminationGracePeriodSeconds ?? 30))
                }
            }
        }
        for name in seen.containers.keys where !isEphemeral(name) { seen.containers[name]?.startsOver = true }
        isRestartingAll = false
        wake()
    }

    private func isEphemeral(_ name: String) -> Bool { pod.spec.ephemeralContainers.contains { $0.name == name } }

    func stopSandbox(_ id: String) async {
        do {
            try await shared.cri.stopPodSandbox(id)
        } catch {
            isSandboxReleased = false
            shared.logger.warning("cannot stop the sandbox of pod \(pod.key): \(error)")
            return
        }
        seen.sandbox?.isReady = false
        await shared.groups.forget(uid)
        await releaseVolumes()
        wake()
    }

    /// An ended pod keeps nothing in memory or on disk but its last containers and their logs.
    private func releaseVolumes() async {
        volumes = nil
        shared.allocations.forget(uid)
        await PodRemains(shared.cri, shared.configuration).releaseVolumes(uid: uid)
    }

    /// What to do for a pod that is to end.
    func terminationSteps() -> [Operation] {
        releasePrerequisites(false)
        let wanted = terminationGrace
        if isTerminationUnderWay {
            guard let told = grace, wanted < told else { return [{ await self.publish() }] }
            // A second, more impatient delete.
            grace = wanted
            endBy = min(endBy, .now + .seconds(wanted))
            for hook in hooks.values { hook.cancel() }
            let sidecars = Set(pod.spec.initContainers.filter(\.isSidecar).map(\.name))
            return seen.containers.filter { $0.value.isRunning }.compactMap { name, record in
                // Sidecars still go last; their time follows `endBy`.
                guard let id = record.id, wanted == 0 || !sidecars.contains(name) else { return nil }
                return { await self.halt(name, id, grace: wanted) }
            }
        }
        endBy = .now + .seconds(wanted)
        isTerminationUnderWay = true
        grace = wanted
        return [{ await self.terminate() }]
    }

    private var terminationGrace: Int64 {
        if let graceOfNode { return min(graceOfNode, pod.metadata.deletionGracePeriodSeconds ?? graceOfNode) }
        if let seconds = pod.metadata.deletionGracePeriodSeconds { return max(seconds, 0) }
        return pod.spec.terminationGracePeriodSeconds ?? 30
    }

    /// Ends the pod: containers, sandbox, API object, and last what is left on disk.
    private func terminate() async {
        for hook in hooks.values { hook.cancel() }
        await endEverything(grace: grace ?? 0)
        await waitUntilQuiet()
        await publish()
        var isStopped = false
        while !isStopped {
            isStopped = await stopEverySandbox()
            if !isStopped {
                do { try await Task.sleep(for: .seconds(1)) } catch { return }
            }
        }
        if verdict != nil, pod.metadata.deletionTimestamp == nil, !isGone, !isWithdrawn {
            // Ended by its deadline or by the node: it stays to be seen, until someone deletes it.
            await releaseVolumes()
            await shared.groups.forget(uid)
            isTerminating = false
            isTerminationUnderWay = false
            isSandboxReleased = true
            await publish()
            return wake()
        }
        await publisher.waitUntilIdle()
        guard await deleteObject() else { return }
        await remove()
        isFinished = true
        wake()
    }

    // MARK: - Containers

    /// Ends everything that runs: all hooks at once, then sidecars after the others, the last of them first. They
    /// share one grace period, which ends at `endBy`.
    /// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination-with-sidecar-containers
    private func endEverything(grace: Int64) async {
        let names = pod.spec.initContainers.filter(\.isSidecar).map(\.name)
        let running = seen.containers.filter { $0.value.isRunning }
        let sidecars = names.reversed().filter { running[$0] != nil }
        for name in running.keys.sorted() {
            shared.recorder.record(reference(to: name), .normal, reason: "Killing", "Stopping container \(name)")
        }
        async let hooksOfSidecars: Void = preStop(sidecars, grace: grace)
        await withDiscardingTaskGroup { group in
            for (name, record) in running where !sidecars.contains(name) {
                guard let id = record.id else { continue }
                group.addTask {
                    await self.preStop([name], grace: grace)
                    await self.halt(name, id, grace: self.remaining(of: grace))
                }
            }
        }
        await hooksOfSidecars
        for name in sidecars {
            guard let id = seen.containers[name]?.id, seen.containers[name]?.isRunning == true else { continue }
            await halt(name, id, grace: remaining(of: grace))
        }
    }

    /// What is left of a grace period; a process gets a moment in any case.
    private func remaining(of grace: Int64) -> Int64 {
        let least = min(grace, self.grace ?? grace, Self.graceMin)
        return max((endBy - .now).roundedUpSeconds, least)
    }

    private static let graceMin: Int64 = 2

    /// Ends one container: its `preStop` hook, then its signal, after the grace period SIGKILL.
    func end(_ name: String, _ id: String, grace: Int64, message: String, runsHook: Bool = true) async {
        shared.recorder.record(reference(to: name), .normal, reason: "Killing", message)
        let due = ContinuousClock.now + .seconds(grace)
        if runsHook { await preStop([name], grace: grace) }
        await halt(name, id, grace: max((due - .now).roundedUpSeconds, min(grace, Self.graceMin)))
    }

    /// Runs the `preStop` hooks of running containers, together, for as long as the grace period lasts.
    private func preStop(_ names: [String], grace: Int64) async {
        guard grace > 0 else { return }
        await withDiscardingTaskGroup { group in
            for name in names {
                guard let container = pod.runnableContainers.first(where: { $0.name == name }),
                    let hook = container.lifecycle?.preStop, let id = seen.containers[name]?.id
                else { continue }
                group.addTask {
                    if await self.run(hook, of: container, id, limitSeconds: grace) != nil {
                        // Not the words themselves, which may hold secrets.
                        await self.shared.recorder.record(
                            self.reference(to: name), .warning, reason: "FailedPreStopHook", "PreStopHook failed")
                    }
                }
            }
        }
    }

    /// Signals a container and waits for its end, at most `grace` seconds before it is killed.
    func halt(_ name: String, _ id: String, grace: Int64) async {
        var grace = grace
        let wanted = pod.runnableContainers.first { $0.name == name }?.lifecycle?.stopSignal
        if grace > 0, let wanted, let signal = StopSignal.number(wanted) {
            // The runtime itself knows only the image's signal.
            if (try? await shared.cri.signal(id, signal)) != nil {
                let due = ContinuousClock.now + .seconds(grace)
                try? await shared.cri.waitForExit(id, timeout: .seconds(grace))
                grace = min(max((due - .now).roundedUpSeconds, 0), grace)
                if seen.containers[name]?.id == id { await refresh(name, id: id) }
                if seen.containers[name]?.isRunning == true { grace = 0 }
            }
        }
        do {
            try await shared.cri.stopContainer(id, grace: grace)
        } catch {
            if !error.isNotFound { shared.logger.warning("cannot stop container \(name) of pod \(pod.key): \(error)") }
        }
        await refresh(name, id: id)
    }

    // MARK: - Sandboxes and what is left

    /// Nothing that is being made while the pod ends may be left behind: sandbox, volumes, containers.
    private func waitUntilQuiet() async {
        guard !isQuiet else { return }
        await withCheckedContinuation { quietWaiters.append($0) }
    }

    private var isQuiet: Bool { !seen.isSandboxBusy && !areVolumesBusy && launching == 0 }

    /// Lets go who waits for that, once nothing is being made.
    func checkQuiet() {
        guard isQuiet else { return }
        for waiter in quietWaiters { waiter.resume() }
        quietWaiters = []
    }

    /// Stops all sandboxes the pod ever had. False if the runtime could not.
    private func stopEverySandbox() async -> Bool {
        do {
            for sandbox in try await shared.cri.listPodSandboxes(labels: [RuntimeLabels.podUID: uid]) {
                // Nothing of the pod runs any more: pods that start come first.
                try await shared.turns.run(StartTurns.last) { () throws(CRIError) in
                    try await shared.cri.stopPodSandbox(sandbox.id)
                }
            }
            seen.sandbox?.isReady = false
            return true
        } catch {
            shared.logger.warning("cannot stop pod \(pod.key): \(error)")
            return false
        }
    }

    /// Removes the API object of exactly this pod. False if the task ended before it could.
    private func deleteObject() async -> Bool {
        // Who keeps the mirrors takes a static pod's away once it is gone.
        if pod.isStatic { return true }
        var options = DeleteOptions()
        options.gracePeriodSeconds = 0
        var preconditions = Preconditions()
        preconditions.uid = uid
        options.preconditions = preconditions
        while !isGone {
            do {
                try await shared.client.delete(Pod.self, pod.key, options: options)
                return true
            } catch {
                if error.isNotFound || error.isConflict { return true }
                shared.logger.warning("cannot delete pod \(pod.key): \(error.message)")
            }
            do { try await Task.sleep(for: .seconds(1)) } catch { return false }
        }
        return true
    }

    /// Takes away what the pod leaves on the node.
    private func remove() async {
        await PodRemains(shared.cri, shared.configuration).remove(uid: uid, cgroup: shared.groups.path(of: pod))
        await shared.groups.forget(uid)
        shared.owners.forget(pod: uid)
    }
}

extension Duration {
    /// Whole seconds, never less than this lasts.
    fileprivate var roundedUpSeconds: Int64 { components.seconds + (components.attoseconds > 0 ? 1 : 0) }
}
