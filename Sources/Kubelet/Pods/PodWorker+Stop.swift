internal import APIMachinery
internal import CRI
internal import KubeAPI
internal import KubeClient
internal import Logging

extension PodWorker {
    /// Stops one running container of a pod that goes on, or of which only this one has no reason to run.
    func stop(_ name: String, message: String) async {
        guard let id = seen.containers[name]?.id, seen.containers[name]?.isRunning == true else { return }
        seen.containers[name]?.activity = .stopping
        await end(name, id, grace: pod.spec.terminationGracePeriodSeconds ?? 30, message: message)
        seen.containers[name]?.activity = .idle
        wake()
    }

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
            return seen.containers.filter { $0.value.isRunning }.compactMap { name, record in
                guard let id = record.id else { return nil }
                return { await self.end(name, id, grace: wanted, message: nil) }
            }
        }
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
        let sidecars = pod.spec.initContainers.filter(\.isSidecar).map(\.name)
        await endAll { !sidecars.contains($0) }
        for name in sidecars.reversed() { await endAll { $0 == name } }
        await waitForSandbox()
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

    private func endAll(_ isChosen: (String) -> Bool) async {
        let chosen = seen.containers.filter { isChosen($0.key) && $0.value.isRunning }
        await withDiscardingTaskGroup { group in
            for (name, record) in chosen {
                guard let id = record.id else { continue }
                let seconds = grace ?? 0
                group.addTask { await self.end(name, id, grace: seconds, message: "Stopping container \(name)") }
            }
        }
    }

    /// Ends one container: its `preStop` hook, then SIGTERM, after the grace period SIGKILL.
    func end(_ name: String, _ id: String, grace: Int64, message: String?) async {
        if let message { shared.recorder.record(reference(to: name), .normal, reason: "Killing", message) }
        let began = ContinuousClock.now
        if message != nil, grace > 0, let container = pod.runnableContainers.first(where: { $0.name == name }),
            let hook = container.lifecycle?.preStop
        {
            let prober = Prober(
                cri: shared.cri, containerID: id, container: container,
                address: seen.sandbox?.ips.first ?? shared.node.address)
            if case .failure(let words) = await prober.attempt(hook, limitSeconds: grace) { preStopFailed(name, words) }
        }
        // The hook's time counts, but the process gets a moment in any case.
        let left = message == nil ? grace : max(grace - (ContinuousClock.now - began).components.seconds, min(grace, 2))
        do {
            try await shared.cri.stopContainer(id, grace: left)
        } catch {
            if !error.isNotFound { shared.logger.warning("cannot stop container \(name) of pod \(pod.key): \(error)") }
        }
        await refresh(name, id: id)
    }

    private func preStopFailed(_ name: String, _ reason: String) {
        shared.recorder.record(
            reference(to: name), .warning, reason: "FailedPreStopHook", "PreStopHook failed: \(reason)")
    }

    /// A sandbox that is being made while the pod ends must not be left behind.
    private func waitForSandbox() async {
        while seen.isSandboxBusy {
            do { try await Task.sleep(for: .milliseconds(20)) } catch { return }
        }
    }

    /// Stops all sandboxes the pod ever had. False if the runtime could not.
    private func stopEverySandbox() async -> Bool {
        do {
            for sandbox in try await shared.cri.listPodSandboxes(labels: [RuntimeLabels.podUID: uid]) {
                try await shared.cri.stopPodSandbox(sandbox.id)
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
