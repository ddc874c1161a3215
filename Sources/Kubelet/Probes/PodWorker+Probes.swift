internal import APIMachinery
internal import CRI
internal import KubeAPI
internal import KubeClient

/// The three kinds of probe, as events name them.
enum ProbeKind: String, Sendable {
    case startup = "Startup"
    case liveness = "Liveness"
    case readiness = "Readiness"
}

extension PodWorker {
    /// Probes to begin for containers that run and are not probed yet.
    func probeSteps() -> [Operation] {
        var operations: [Operation] = []
        for container in pod.allContainers where container.hasProbes {
            guard let record = seen.containers[container.name], record.isRunning, let id = record.id,
                probed[container.name] != id
            else { continue }
            probed[container.name] = id
            operations.append { await self.probe(container, id) }
        }
        return operations
    }

    /// Runs a container's probes until that life of it ends.
    private func probe(_ container: Container, _ id: String) async {
        if let startup = container.startupProbe, seen.containers[container.name]?.hasStarted == false {
            await follow(.startup, startup, container, id)
        }
        guard isCurrent(.readiness, container, id) else { return }
        await withDiscardingTaskGroup { group in
            if let liveness = container.livenessProbe {
                group.addTask { await self.follow(.liveness, liveness, container, id) }
            }
            if let readiness = container.readinessProbe {
                group.addTask { await self.follow(.readiness, readiness, container, id) }
            }
        }
    }

    /// Whether a probe still has something to look at. Readiness is told until the container ends: endpoints that
    /// terminate may still serve.
    private func isCurrent(_ kind: ProbeKind, _ container: Container, _ id: String) -> Bool {
        let record = seen.containers[container.name]
        return record?.id == id && record?.isRunning == true && (kind == .readiness || !isTerminating) && !isFinished
            && !Task.isCancelled
    }

    /// Tries one probe over and over. A startup probe ends with its first verdict.
    private func follow(_ kind: ProbeKind, _ probe: Probe, _ container: Container, _ id: String) async {
        var counter = ProbeCounter(probe)
        do {
            let age = seen.containers[container.name]?.status.map { Time.now() - Time(nanoseconds: $0.startedAt) }
            let delay = Duration.seconds(Int64(probe.initialDelaySeconds ?? 0)) - (age ?? .zero)
            // By the clock, not by how long each try takes; a try that outlasts the period skips a turn.
            var due = ContinuousClock.now + max(delay, .zero)
            let period = Duration.seconds(Int64(max(probe.periodSeconds ?? 10, 1)))
            while isCurrent(kind, container, id) {
                let address = pod.spec.hostNetwork == true ? shared.node.address : seen.sandbox?.ips.first
                let prober = Prober(
                    cri: shared.cri, containerID: id, container: container, address: address ?? shared.node.address)
                let outcome = try await prober.attempt(probe, at: due)
                guard isCurrent(kind, container, id) else { return }
                if await take(outcome, kind, probe, &counter, container, id) { return }
                let now = ContinuousClock.now
                repeat { due += period } while due <= now
            }
        } catch {
            return  // Cancelled.
        }
    }

    /// - Returns: true if there is nothing more to probe.
    private func take(
        _ outcome: ProbeOutcome, _ kind: ProbeKind, _ probe: Probe, _ counter: inout ProbeCounter,
        _ container: Container, _ id: String
    ) async -> Bool {
        let name = container.name
        shared.probes.count(outcome, kind, reference(to: name))
        let verdict: Bool?
        switch outcome {
        case .success:
            verdict = counter.count(true)
        case .warning(let words):
            shared.recorder.record(
                reference(to: name), .warning, reason: "ProbeWarning", "\(kind.rawValue) probe warning: \(words)")
            verdict = counter.count(true)
        case .failure(let words):
            report(name, "\(kind.rawValue) probe failed: \(words)")
            verdict = counter.count(false)
        case .unknown(let words):
            report(name, "\(kind.rawValue) probe errored and resulted in unknown state: \(words)")
            return false
        }
        switch (kind, verdict) {
        case (.startup, true):
            seen.containers[name]?.hasStarted = true
            wake()
            return true
        case (.readiness, let isReady?):
            if seen.containers[name]?.isReady != isReady {
                seen.containers[name]?.isReady = isReady
                wake()
            }
            return false
        case (.startup, false), (.liveness, false):
            await end(
                name, id, grace: probe.terminationGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30,
                message: "Container \(name) failed \(kind.rawValue.lowercased()) probe, will be restarted")
            wake()
            return true
        default:
            return false
        }
    }

    private func report(_ name: String, _ message: String) {
        shared.recorder.record(reference(to: name), .warning, reason: "Unhealthy", message)
    }
}

extension Container {
    var hasProbes: Bool { startupProbe != nil || livenessProbe != nil || readinessProbe != nil }
}
