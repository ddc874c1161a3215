internal import APIMachinery
internal import KubeAPI

/// Containers added to a running pod for a look inside: started once, never again.
/// https://kubernetes.io/docs/concepts/workloads/pods/ephemeral-containers/
extension Pod {
    /// As plain containers, whose fields they share.
    var ephemeralContainers: [Container] {
        spec.ephemeralContainers.map(Container.init)
    }

    /// Every container that may have to be run.
    var runnableContainers: [Container] {
        spec.ephemeralContainers.isEmpty ? allContainers : allContainers + ephemeralContainers
    }
}

extension Container {
    init(_ ephemeral: EphemeralContainer) {
        self.init()
        name = ephemeral.name
        image = ephemeral.image
        imagePullPolicy = ephemeral.imagePullPolicy
        command = ephemeral.command
        args = ephemeral.args
        workingDir = ephemeral.workingDir
        env = ephemeral.env
        envFrom = ephemeral.envFrom
        volumeMounts = ephemeral.volumeMounts
        volumeDevices = ephemeral.volumeDevices
        securityContext = ephemeral.securityContext
        stdin = ephemeral.stdin
        stdinOnce = ephemeral.stdinOnce
        tty = ephemeral.tty
        terminationMessagePath = ephemeral.terminationMessagePath
        terminationMessagePolicy = ephemeral.terminationMessagePolicy
    }
}

extension PodPlan {
    /// They need nothing but a sandbox: not even init containers hold them back.
    mutating func planEphemeral(_ pod: Pod, _ seen: PodObservation, _ now: ContinuousClock.Instant) {
        for container in pod.ephemeralContainers {
            let record = seen.containers[container.name] ?? ContainerRecord()
            guard record.status == nil, record.termination == nil else { continue }
            planStart(container, record, seen, now, restarts: false)
        }
    }
}
