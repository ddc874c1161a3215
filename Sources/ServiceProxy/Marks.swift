internal import Synchronization

/// What has changed since its one reader last looked: a set, so that many changes of one thing are one. It holds at most one entry for each thing there is.
final class Marks<Element: Hashable & Sendable>: Sendable {
    private let marked = Mutex<Set<Element>>([])
    /// A value whenever there may be something to take.
    let wakes: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() {
        (wakes, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func add(_ element: Element) {
        marked.withLock { _ = $0.insert(element) }
        continuation.yield()
    }

    /// Lets the reader look although nothing has changed.
    func wake() { continuation.yield() }

    /// Lets the reader look later.
    func wake(after delay: Duration, group: inout DiscardingTaskGroup) {
        group.addTask {
            do { try await Task.sleep(for: delay) } catch { return }
            self.wake()
        }
    }

    func finish() { continuation.finish() }

    /// All that was marked since the last call; empty after a bare `wake`.
    func take() -> Set<Element> {
        marked.withLock { marked in
            defer { marked = [] }
            return marked
        }
    }
}
