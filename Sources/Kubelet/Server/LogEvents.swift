internal import Glibc
internal import Synchronization

/// Wakes one follower of a log. Rings that come while nobody waits are kept as one.
final class Bell: Sendable {
    private struct State {
        var isRung = false
        var isEnded = false
        var waiter: CheckedContinuation<Void, any Error>?
    }
    private let state = Mutex(State())

    /// Nothing more will be written.
    var isEnded: Bool { state.withLock { $0.isEnded } }

    func ring() {
        let waiter = state.withLock { state in
            state.isRung = state.waiter == nil
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    func markEnded() {
        state.withLock { $0.isEnded = true }
        ring()
    }

    /// - Throws: `CancellationError`.
    func wait() async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result = state.withLock { state -> Result<Void, any Error>? in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    guard state.isRung else {
                        state.waiter = continuation
                        return nil
                    }
                    state.isRung = false
                    return .success(())
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume(throwing: CancellationError())
        }
    }
}

/// Tells followers that their container has ended: one wait in the index a container, however many followers.
final class ContainerEndings: Sendable {
    private let index: PodRuntimeIndex
    /// Bounded by the containers and log requests of this node.
    private let bells = Mutex<[String: [Bell]]>([:])
    private let waits = Mutex<Set<String>>([])

    init(index: PodRuntimeIndex) {
        self.index = index
    }

    func add(_ bell: Bell, for containerID: String) {
        bells.withLock { $0[containerID, default: []].append(bell) }
        guard waits.withLock({ $0.insert(containerID).inserted }) else { return }
        // Outlives the follower that starts it, for those that come after; ends with the container.
        Task {
            await index.waitUntilEnded(containerID: containerID)
            waits.withLock { _ = $0.remove(containerID) }
            let ended = bells.withLock { $0.removeValue(forKey: containerID) ?? [] }
            for bell in ended { bell.markEnded() }
        }
    }

    func remove(_ bell: Bell, for containerID: String) {
        bells.withLock { bells in
            bells[containerID]?.removeAll { $0 === bell }
            if bells[containerID]?.isEmpty == true { bells[containerID] = nil }
        }
    }
}

/// Rings when something changes in a file's directory. One inotify handle and one thread for all of them, made with
/// the first follower.
final class DirectoryWatcher: Sendable {
    private struct State {
        var descriptor: Int32 = -1
        /// A container's log has a directory of its own.
        var watches: [Int32: (directory: String, bells: [Bell])] = [:]
    }
    private let state = Mutex(State())
    private let mask: UInt32
    /// The watch that the kernel names when its queue was full.
    private static let overflow: Int32 = -1

    /// `mask`: the changes that matter.
    init(mask: [Int32] = [IN_MODIFY, IN_CREATE, IN_MOVED_TO, IN_MOVED_FROM].map { Int32($0) }) {
        self.mask = mask.reduce(0) { $0 | UInt32($1) }
    }

    func add(_ bell: Bell, to path: String) {
        let directory = Self.directory(of: path)
        state.withLock { state in
            if state.descriptor < 0 {
                state.descriptor = inotify_init1(Int32(IN_CLOEXEC))
                // Without inotify a follower still sees what was written once the container ends.
                guard state.descriptor >= 0 else { return }
                startThread(state.descriptor)
            }
            let watch = inotify_add_watch(state.descriptor, directory, mask)
            guard watch >= 0 else { return }
            state.watches[watch, default: (directory, [])].bells.append(bell)
        }
    }

    func remove(_ bell: Bell, from path: String) {
        let directory = Self.directory(of: path)
        state.withLock { state in
            guard let watch = state.watches.first(where: { $0.value.directory == directory })?.key else { return }
            state.watches[watch]?.bells.removeAll { $0 === bell }
            guard state.watches[watch]?.bells.isEmpty == true else { return }
            state.watches[watch] = nil
            inotify_rm_watch(state.descriptor, watch)
        }
    }

    private static func directory(of path: String) -> String {
        path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[..<$0]) } ?? "."
    }

    private func startThread(_ descriptor: Int32) {
        let context = Unmanaged.passRetained(ThreadContext(watcher: self, descriptor: descriptor))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<ThreadContext>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, context.toOpaque()
        )
        guard code == 0 else { return context.release() }
        pthread_detach(thread)
    }

    fileprivate func changed(_ watches: Set<Int32>) {
        let bells = state.withLock { state in
            // The kernel had more to tell than it keeps: it may have been about anybody.
            if watches.contains(Self.overflow) { return state.watches.values.flatMap(\.bells) }
            return watches.flatMap { state.watches[$0]?.bells ?? [] }
        }
        for bell in bells { bell.ring() }
    }

    /// Blocks in `read` until the kernel has something to say.
    private final class ThreadContext {
        let watcher: DirectoryWatcher
        let descriptor: Int32

        init(watcher: DirectoryWatcher, descriptor: Int32) {
            self.watcher = watcher
            self.descriptor = descriptor
        }

        func run() {
            var buffer = [UInt8](repeating: 0, count: 16 << 10)
            while true {
                let count = Glibc.read(descriptor, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return }
                watcher.changed(Self.watches(in: buffer[..<count]))
            }
        }

        private static func watches(in bytes: ArraySlice<UInt8>) -> Set<Int32> {
            var watches: Set<Int32> = []
            bytes.withUnsafeBytes { raw in
                let header = MemoryLayout<inotify_event>.size
                var offset = 0
                while offset + header <= raw.count {
                    watches.insert(raw.loadUnaligned(fromByteOffset: offset, as: Int32.self))
                    offset += header + Int(raw.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
                }
            }
            return watches
        }
    }
}
