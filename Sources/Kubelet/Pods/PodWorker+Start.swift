internal import APIMachinery
internal import CRI
internal import KubeAPI
internal import KubeClient
internal import Logging

extension PodWorker {
    private static let retryMax = Duration.seconds(60)

    // MARK: - Sandbox and volumes

    /// Makes the pod's sandbox, after ending what is left of a dead one.
    func makeSandbox() async {
        let attempt: UInt32
        if let dead = seen.sandbox {
            attempt = dead.attempt + 1
            shared.recorder.record(
                pod, .normal, reason: "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")
            for (name, record) in seen.containers where record.isRunning {
                await stop(name, message: "Stopping container \(name)")
            }
            try? await shared.cri.stopPodSandbox(dead.id)
        } else {
            attempt = 0
        }
        do {
            let (config, handler) = try await sandboxConfig(attempt)
            await shared.groups.place(pod)
            let id = try await shared.turns.run(startOrder) { () throws(CRIError) in
                try await shared.cri.runPodSandbox(config, runtimeHandler: handler)
            }
            shared.owners[id] = uid
            seen.sandbox = SandboxRecord(try await shared.cri.podSandboxStatus(id))
            sandboxFailures = 0
            seen.sandboxRetryAt = nil
            for name in seen.containers.keys { seen.containers[name]?.hasStarted = false }
        } catch {
            sandboxFailures += 1
            seen.sandboxRetryAt = .now + Self.retryDelay(sandboxFailures)
            shared.recorder.record(
                pod, .warning, reason: "FailedCreatePodSandBox", "Failed to create pod sandbox: \(error)")
        }
        seen.isSandboxBusy = false
        checkQuiet()
        checkPrerequisites()
        wake()
        if attempt > 1, let current = seen.sandbox, current.isReady { await removeOldSandboxes(before: attempt - 1) }
    }

    private func sandboxConfig(_ attempt: UInt32) async throws -> (CRIPodSandboxConfig, handler: String) {
        if pod.spec.hostUsers == false {
            throw ConfigurationError("can't set `spec.hostUsers: false`, runtime does not support user namespaces")
        }
        for warning in shared.sandboxes.warnings(pod) {
            shared.recorder.record(pod, .warning, reason: "DNSConfigForming", warning)
        }
        let config = try shared.sandboxes.build(pod, attempt: attempt)
        guard let name = pod.spec.runtimeClassName, !name.isEmpty else { return (config, "") }
        do {
            return (
                config, try await shared.client.get(RuntimeClass.self, ObjectKey(namespace: "", name: name)).handler
            )
        } catch {
            throw ConfigurationError(
                error.isNotFound ? "runtimeclass.node.k8s.io \"\(name)\" not found" : error.message)
        }
    }

    /// The dead sandbox before the current one keeps the last log of each container; older ones are of no use.
    private func removeOldSandboxes(before attempt: UInt32) async {
        guard let all = try? await shared.cri.listPodSandboxes(labels: [RuntimeLabels.podUID: uid]) else { return }
        for sandbox in all where sandbox.metadata.attempt < attempt {
            shared.owners[sandbox.id] = nil
            try? await shared.cri.removePodSandbox(sandbox.id)
        }
    }

    func prepareVolumes() async {
        shared.content.follow(pod)
        var preparation = PodVolumes(
            pod: pod, directory: shared.configuration.podDirectory(uid), client: shared.client, downward: downward(),
            tokens: tokens)
        do {
            volumes = try await preparation.prepare()
            tokens = preparation.tokens
            volumesRetryAt = nil
            volumeFailures = 0
        } catch {
            // What was made before stays as it is.
            areVolumesStale = volumes != nil
            volumeFailures += 1
            volumesRetryAt = .now + Self.retryDelay(volumeFailures)
            shared.recorder.record(pod, .warning, reason: "FailedMount", "\(error)")
        }
        areVolumesBusy = false
        checkQuiet()
        checkPrerequisites()
        wake()
    }

    /// 0.5 s, 1 s, 2 s, ... a minute.
    private static func retryDelay(_ failures: Int) -> Duration {
        min(.milliseconds(500 << min(failures - 1, 10)), retryMax)
    }

    private func downward() -> DownwardAPI {
        DownwardAPI(pod: pod, node: shared.node, podIPs: seen.sandbox?.ips ?? [])
    }

    private var arePrerequisitesMet: Bool { seen.sandbox?.isReady == true && !seen.isSandboxBusy && volumes != nil }

    private func checkPrerequisites() {
        if arePrerequisitesMet { releasePrerequisites(true) }
    }

    func releasePrerequisites(_ isGood: Bool) {
        let waiting = prerequisites
        prerequisites = []
        for continuation in waiting { continuation.resume(returning: isGood) }
    }

    /// - Returns: false if the pod is to end instead.
    private func waitForPrerequisites() async -> Bool {
        if isTerminating || Task.isCancelled { return false }
        if arePrerequisitesMet { return true }
        return await withCheckedContinuation { prerequisites.append($0) }
    }

    // MARK: - Containers

    /// One start of a container: image, environment, mounts, create, start, `postStart`.
    func start(_ name: String) async {
        guard let container = pod.runnableContainers.first(where: { $0.name == name }) else { return }
        do throws(StartFailure) {
            let image = try await ensureImage(container)
            seen.containers[name]?.image.reset()
            guard await waitForPrerequisites(), let sandbox = seen.sandbox else {
                seen.containers[name]?.activity = .idle
                return wake()
            }
            launching += 1
            let id: String
            do throws(StartFailure) {
                try await prepareImageVolumes(container)
                id = try await launch(container, image: image, in: sandbox)
            } catch {
                launching -= 1
                checkQuiet()
                throw error
            }
            launching -= 1
            checkQuiet()
            seen.containers[name]?.waiting = nil
            seen.containers[name]?.retryAt = nil
            try await postStart(container, id)
        } catch {
            note(error, container)
        }
        seen.containers[name]?.activity = .idle
        wake()
    }

    /// How long a failed start is told of before the wait for the next one.
    private static let failureShownFor = Duration.seconds(1)

    private func note(_ failure: StartFailure, _ container: Container) {
        let now = ContinuousClock.now
        let name = container.name
        switch failure {
        case .image(let failure):
            if failure.wasTried {
                seen.containers[name]?.image.failed(failure.waiting, at: now)
            } else {
                seen.containers[name]?.retryAt = now + .seconds(10)
            }
            seen.containers[name]?.waiting = failure.waiting
            return
        case .configuration(let text), .creation(let text):
            seen.containers[name]?.waiting = WaitingReason(reason: failure.reason, message: text)
            seen.containers[name]?.retryAt = now + .seconds(10)
            shared.recorder.record(reference(to: name), .warning, reason: "Failed", "Error: \(text)")
        case .start(let text):
            shared.recorder.record(reference(to: name), .warning, reason: "Failed", "Error: \(text)")
            fallthrough
        case .hook(let text):
            // There was a container, and it has ended: its restarts follow the policy and the back-off.
            seen.containers[name]?.retryAt = now + Self.failureShownFor
            let code = seen.containers[name]?.exitCode ?? 128
            guard pod.restarts(container, afterExit: code) else { return }
            seen.containers[name]?.waiting = WaitingReason(reason: failure.reason, message: text)
        }
    }

    func ensureImage(_ container: Container) async throws(StartFailure) -> CRIImage {
        let credentials = await pullCredentials()
        do throws(ImagePuller.Failure) {
            return try await shared.puller.ensure(
                container, reference: reference(to: container.name), credentials: credentials)
        } catch {
            throw .image(error)
        }
    }

    private func launch(
        _ container: Container, image: CRIImage, in sandbox: SandboxRecord
    ) async throws(StartFailure) -> String {
        let name = container.name
        let record = seen.containers[name] ?? ContainerRecord()
        let count = record.status == nil && record.termination == nil ? record.restartCount : record.restartCount + 1
        let config: CRIContainerConfig
        do {
            config = try await configure(container, image: image, restartCount: count)
        } catch {
            throw .configuration(String(describing: error))
        }
        let id = try await create(config, in: sandbox)
        shared.owners[id] = uid
        shared.recorder.record(reference(to: name), .normal, reason: "Created", "Container created")
        do {
            try await shared.turns.run(startOrder) { () throws(CRIError) in try await shared.cri.startContainer(id) }
        } catch {
            await replace(name, by: id, sandbox: sandbox.id, count: count)
            throw .start(error.message)
        }
        shared.recorder.record(reference(to: name), .normal, reason: "Started", "Container started")
        await replace(name, by: id, sandbox: sandbox.id, count: count)
        await readActual(name, id)
        if isTerminating {
            // The end came while we started it; the termination may have listed the containers before.
            try? await shared.cri.stopContainer(id, grace: grace ?? 0)
        }
        return id
    }

    private func create(
        _ config: CRIContainerConfig, in sandbox: SandboxRecord
    ) async throws(StartFailure) -> String {
        let sandboxConfig: CRIPodSandboxConfig
        do {
            sandboxConfig = try shared.sandboxes.build(pod, attempt: sandbox.attempt)
        } catch {
            throw .configuration(error.description)
        }
        do {
            return try await shared.turns.run(startOrder) { () throws(CRIError) in
                try await shared.cri.createContainer(config, in: sandbox.id, sandbox: sandboxConfig)
            }
        } catch {
            throw .creation(error.message)
        }
    }

    private func configure(
        _ container: Container, image: CRIImage, restartCount: Int
    ) async throws -> CRIContainerConfig {
        let environment = ContainerEnvironment(
            downward: downward(), client: shared.client, services: shared.services, volumes: volumes ?? [:])
        let variables = try await environment.variables(of: container)
        let mounts = ContainerMounts(
            pod: pod, container: container, podDirectory: shared.configuration.podDirectory(uid),
            volumes: (volumes ?? [:]).merging(imageVolumes) { $1 }, podIPs: seen.sandbox?.ips ?? [],
            variables: variables.values,
            domain: SandboxConfigBuilder.domain(pod, shared.configuration.clusterDomain))
        let (made, devices) = try await BlockingWork.run {
            (try mounts.make(restartCount: restartCount), try mounts.devices())
        }
        return try ContainerConfigBuilder(
            pod: pod, container: container, restartCount: restartCount, variables: variables, mounts: made,
            devices: devices,
            image: image, node: shared.node, target: targetID(of: container),
            seccompDirectory: shared.configuration.seccompDirectory
        ).build()
    }

    /// The container whose processes an ephemeral one wants to see.
    private func targetID(of container: Container) -> String? {
        let target = pod.spec.ephemeralContainers.first { $0.name == container.name }?.targetContainerName ?? ""
        return target.isEmpty ? nil : seen.containers[target]?.id
    }

    /// A new life of the container is there: the one before becomes history, and the one before that is swept away.
    private func replace(_ name: String, by id: String, sandbox: String, count: Int) async {
        var record = seen.containers[name] ?? ContainerRecord()
        let forgotten = record.previousID
        if record.termination != nil {
            record.lastTermination = record.termination
            // A life that new resources ended was no crash.
            if !record.resizeRestarts { record.crash.restarted(at: .now) }
        }
        record.previousID = record.status?.id
        record.termination = nil
        record.restartCount = count
        record.sandboxID = sandbox
        let container = pod.runnableContainers.first { $0.name == name }
        record.hasStarted = container?.startupProbe == nil
        record.given = container?.resources
        record.actual = nil
        record.isReady = container?.readinessProbe == nil
        record.status = nil
        record.startsOver = false
        record.resizeRestarts = false
        seen.exits[name] = nil
        seen.containers[name] = record
        await refresh(name, id: id)
        if earlyExits.remove(id) != nil { await refresh(name, id: id, untilExited: true) }
        if let forgotten {
            shared.owners[forgotten] = nil
            try? await shared.cri.removeContainer(forgotten)
        }
    }

    /// Of `imagePullSecrets`, the pod's own and those that admission took from its service account.
    private func pullCredentials() async -> [PullCredential] {
        var found: [PullCredential] = []
        var missing: [String] = []
        for secret in pod.spec.imagePullSecrets where !secret.name.isEmpty {
            let key = ObjectKey(namespace: pod.metadata.namespace ?? "", name: secret.name)
            do {
                found += PullCredential.read(try await shared.client.get(Secret.self, key))
            } catch {
                missing.append(secret.name)
            }
        }
        if !missing.isEmpty {
            shared.recorder.record(
                pod, .warning, reason: "FailedToRetrieveImagePullSecret",
                "Unable to retrieve some image pull secrets (\(missing.joined(separator: ", "))); attempting to pull "
                    + "the image may not succeed.")
        }
        return found
    }
}

/// Where a start ended.
enum StartFailure: Error {
    case image(ImagePuller.Failure)
    case configuration(String)
    case creation(String)
    case start(String)
    /// `postStart`
    case hook(String)

    var reason: String {
        switch self {
        case .image(let failure): failure.waiting.reason
        case .configuration: "CreateContainerConfigError"
        case .creation: "CreateContainerError"
        case .start: "RunContainerError"
        case .hook: "PostStartHookError"
        }
    }
}
