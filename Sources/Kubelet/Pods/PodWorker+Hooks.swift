internal import APIMachinery
internal import CRI
internal import KubeAPI
internal import KubeClient
internal import Transport

/// Why a hook counts as failed, in upstream's words.
struct HookFailure: Sendable, Equatable {
    let message: String
}

/// Hooks of a container's life: https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/
extension PodWorker {
    /// Runs the `postStart` hook. A container whose hook fails is ended.
    func postStart(_ container: Container, _ id: String) async throws(StartFailure) {
        guard let handler = container.lifecycle?.postStart, !isTerminating else { return }
        wake()  // It runs; only its start is not over.
        guard let failure = await run(handler, of: container, id, limitSeconds: 0), !isTerminating else { return }
        // Not the words themselves, which may hold secrets.
        shared.recorder.record(
            reference(to: container.name), .warning, reason: "FailedPostStartHook", "PostStartHook failed")
        await end(
            container.name, id, grace: pod.spec.terminationGracePeriodSeconds ?? 30, message: "FailedPostStartHook")
        throw .hook(failure.message)
    }

    /// Runs a hook until it ends, the limit is over (0 is none) or the pod becomes more impatient.
    /// - Returns: `nil` for one that went well.
    func run(
        _ handler: LifecycleHandler, of container: Container, _ id: String, limitSeconds: Int64
    ) async -> HookFailure? {
        let address = pod.spec.hostNetwork == true ? shared.node.address : seen.sandbox?.ips.first
        let prober = Prober(
            cri: shared.cri, containerID: id, container: container, address: address ?? shared.node.address)
        let who = "\(pod.metadata.name ?? "")_\(pod.metadata.namespace ?? "")(\(uid))"
        let hook = LifecycleHook(handler: handler, container: container.name, pod: who, limitSeconds: limitSeconds)
        // Unstructured, so that a second delete with less grace can end just this.
        let task = Task { await hook.run(prober) }
        hooks[id] = task
        defer { hooks[id] = nil }
        return await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
    }
}

/// One hook and what is said of it.
struct LifecycleHook: Sendable {
    let handler: LifecycleHandler
    let container: String
    /// `name_namespace(uid)`
    let pod: String
    /// 0 is no limit.
    let limitSeconds: Int64

    func run(_ prober: Prober) async -> HookFailure? {
        if let exec = handler.exec {
            let command = "[\(exec.command.joined(separator: " "))]"
            return switch await prober.run(exec.command, timeoutSeconds: limitSeconds) {
            case .success, .warning: nil
            case .failure(let words), .unknown(let words):
                failed("Exec", command, error: "command failed", output: words)
            }
        }
        if let get = handler.httpGet {
            let limit = Duration.seconds(limitSeconds > 0 ? limitSeconds : Self.httpLimitSeconds)
            let path = get.path ?? ""
            switch try? await prober.request(get, timeout: limit, at: nil) {
            case .success, .warning: return nil
            case .failure(let words), .unknown(let words): return failed("HTTP", path, error: words)
            case nil: return failed("HTTP", path, error: "context canceled")
            }
        }
        if let sleep = handler.sleep {
            do {
                let limit = limitSeconds > 0 ? min(sleep.seconds, limitSeconds) : sleep.seconds
                try await Task.sleep(for: .seconds(limit))
            } catch {
                return failed("Sleep", "\(sleep.seconds)", error: "container terminated before sleep hook finished")
            }
        }
        return nil
    }

    private static let httpLimitSeconds: Int64 = 60

    private func failed(_ kind: String, _ what: String, error: String, output: String? = nil) -> HookFailure {
        let message = output.map { ", message: \"\($0.replacing("\n", with: "\\n"))\"" } ?? ""
        return HookFailure(
            message: "\(kind) lifecycle hook (\(what)) for Container \"\(container)\" in Pod \"\(pod)\" failed - "
                + "error: \(error)\(message)")
    }
}
