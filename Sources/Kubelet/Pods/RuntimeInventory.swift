internal import APIMachinery
internal import CRI
internal import KubeAPI

/// Reads back from the runtime what an earlier Skiff made.
struct RuntimeInventory: Sendable {
    let cri: CRIClient

    /// Everything that carries a pod's uid, and notes who owns what.
    func read(_ owners: ContainerOwners) async throws -> [String: PodObservation] {
        async let sandboxes = cri.listPodSandboxes()
        async let containers = cri.listContainers()
        var found: [String: PodObservation] = [:]
        let newestFirst = try await sandboxes.sorted { $0.createdAt > $1.createdAt }
        for sandbox in newestFirst {
            let uid = sandbox.metadata.uid
            guard !uid.isEmpty, found[uid]?.sandbox == nil else { continue }
            owners[sandbox.id] = uid
            found[uid, default: PodObservation()].sandbox = SandboxRecord(try await cri.podSandboxStatus(sandbox.id))
        }
        for container in try await containers.sorted(by: { $0.createdAt > $1.createdAt }) {
            guard let uid = container.labels[RuntimeLabels.podUID] else { continue }
            let name = container.metadata.name
            owners[container.id] = uid
            var record = found[uid]?.containers[name] ?? ContainerRecord()
            if record.status == nil {
                try await take(container, into: &record)
                if record.termination != nil { found[uid, default: PodObservation()].exits[name] = .now }
            } else if record.previousID == nil {
                record.previousID = container.id
                if let status = try? await cri.containerStatus(container.id), status.state == .containerExited {
                    record.lastTermination = Self.termination(status)
                }
            }
            found[uid, default: PodObservation()].containers[name] = record
        }
        return found
    }

    private func take(
        _ container: CRIContainer, into record: inout ContainerRecord
    ) async throws(CRIError) {
        let status: CRIContainerStatus
        do {
            status = try await cri.containerStatus(container.id)
        } catch {
            if error.isNotFound { return }
            throw error
        }
        record.status = status
        record.sandboxID = container.podSandboxID
        record.restartCount = Int(status.annotations[RuntimeLabels.restartCount] ?? "") ?? Int(status.metadata.attempt)
        record.hasStarted = status.state == .containerRunning
        // Created but never started: as good as none, but its name is taken until it is removed.
        if status.state == .containerCreated {
            try? await cri.removeContainer(status.id)
            record.status = nil
        }
        if status.state == .containerExited { record.termination = Self.termination(status) }
    }

    /// Without the container's last words, which were read when it ended.
    private static func termination(_ status: CRIContainerStatus) -> ContainerStateTerminated {
        var ended = ContainerStateTerminated()
        ended.exitCode = status.exitCode
        ended.reason = status.reason.isEmpty ? nil : status.reason
        ended.message = status.message.isEmpty ? nil : status.message
        ended.startedAt = Time(nanoseconds: status.startedAt)
        ended.finishedAt = Time(nanoseconds: status.finishedAt)
        ended.containerID = "containerd://" + status.id
        return ended
    }
}
