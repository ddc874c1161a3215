internal import CRI

/// The pulls under way. Pods that want one image with the same credentials share one pull; different images are pulled
/// side by side. A pull ends early when nobody waits for it any more.
actor ImagePulls {
    struct Result: Sendable {
        /// The image's id on this node.
        let id: String
        let taken: Duration
    }

    /// What every credential got for an answer.
    struct Refusal: Error, CustomStringConvertible {
        let errors: [CRIError]

        var description: String {
            guard errors.count != 1 else { return errors[0].description }
            var texts: [String] = []
            for error in errors where !texts.contains(error.description) { texts.append(error.description) }
            return texts.count == 1 ? texts[0] : "[\(texts.joined(separator: ", "))]"
        }
    }

    private struct Key: Hashable {
        let name: String
        let credentials: [String]
    }

    private final class Pull {
        let task: Task<Result, any Error>
        var waiting = 0

        init(task: Task<Result, any Error>) {
            self.task = task
        }
    }

    private let cri: CRIClient
    private let access: ImageAccess
    private var pulls: [Key: Pull] = [:]

    init(cri: CRIClient, access: ImageAccess) {
        self.cri = cri
        self.access = access
    }

    /// - Throws: `Refusal`, `CancellationError`, or what keeps the node from noting who may use the image.
    func pull(_ name: String, credentials: [PullCredential]) async throws -> Result {
        let key = Key(name: name, credentials: credentials.map { $0.source.description + $0.hash })
        let pull: Pull
        if let current = pulls[key] {
            pull = current
        } else {
            pull = Pull(task: Task { [cri, access] in try await Self.fetch(name, credentials, cri, access) })
            pulls[key] = pull
        }
        pull.waiting += 1
        defer {
            pull.waiting -= 1
            if pull.waiting == 0 {
                pull.task.cancel()
                if pulls[key] === pull { pulls[key] = nil }
            }
        }
        return try await Self.value(of: pull.task)
    }

    /// The task's value, or `CancellationError` at once when the caller is cancelled; the task goes on.
    private static func value(of task: Task<Result, any Error>) async throws -> Result {
        let (stream, sink) = AsyncThrowingStream.makeStream(of: Result.self)
        let watcher = Task {
            do {
                sink.yield(try await task.value)
                sink.finish()
            } catch {
                sink.finish(throwing: error)
            }
        }
        defer { watcher.cancel() }
        for try await result in stream { return result }
        throw CancellationError()
    }

    private static func fetch(
        _ name: String, _ credentials: [PullCredential], _ cri: CRIClient, _ access: ImageAccess
    ) async throws -> Result {
        try await access.begin(name)
        let began = ContinuousClock.now
        var errors: [CRIError] = []
        for credential in credentials.isEmpty ? [nil] : credentials.map(Optional.some) {
            do throws(CRIError) {
                let id = try await cri.pullImage(name, auth: credential?.auth)
                let taken = ContinuousClock.now - began
                await access.pulled(
                    name, id: id, repository: ImageReference.repository(name), with: credential)
                return Result(id: id, taken: taken)
            } catch {
                errors.append(error)
            }
            if Task.isCancelled { break }
        }
        await access.failed(name)
        throw Refusal(errors: errors)
    }
}
