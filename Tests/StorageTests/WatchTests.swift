internal import Synchronization
internal import Testing

@testable internal import Storage

@Suite struct `Store watch` {
    @Test func `gives what was missed, then what comes, of its prefix only`() async throws {
        try await withStore { store in
            let start = try await store.put("/registry/pods/default/a", "1").revision
            try await store.put("/registry/pods/default/b", "1")
            try await store.put("/registry/pods/kube/c", "1")
            let watcher = try store.watch(prefix: "/registry/pods/default/", after: start)
            try await store.put("/registry/nodes/n", "1")
            try await store.delete("/registry/pods/default/a")
            try await store.put("/registry/pods/default-2/a", "1")
            try await store.put("/registry/pods/default/a", "2")
            #expect(
                try await watcher.lines(3) == [
                    "created /registry/pods/default/b", "deleted /registry/pods/default/a",
                    "created /registry/pods/default/a",
                ]
            )
            #expect(watcher.drain(max: 10).events.isEmpty)
            #expect(watcher.progressRevision == store.revision)
        }
    }

    @Test func `continues a list without a gap or a repetition`() async throws {
        try await withStore { store in
            let writers = Task {
                for number in 0..<500 {
                    try await store.put("/registry/pods/default/p\(1000 + number)", "x", durability: .batched)
                }
            }
            while store.count(prefix: "/registry/pods/") < 50 { await Task.yield() }
            let (list, watcher) = try store.listAndWatch(prefix: "/registry/pods/")
            try await writers.value
            let seen = try await list.objects.map { "created " + $0.key } + watcher.lines(500 - list.objects.count)
            #expect(seen == (0..<500).map { "created /registry/pods/default/p\(1000 + $0)" })
        }
    }

    @Test func `of everything is in the order of revisions`() async throws {
        try await withStore { store in
            let start = store.revision
            for key in [
                "/registry/pods/default/a", "/registry/nodes/n", "/registry/pods/default/a", "/registry/x.y/z/w",
            ] {
                try await store.put(key, "x")
            }
            let watcher = try store.watch(prefix: "/registry/", after: start)
            try await store.delete("/registry/nodes/n")
            #expect(
                try await watcher.lines(5) == [
                    "created /registry/pods/default/a", "created /registry/nodes/n", "updated /registry/pods/default/a",
                    "created /registry/x.y/z/w", "deleted /registry/nodes/n",
                ]
            )
        }
    }

    @Test func `that lags is cut off and the others go on`() async throws {
        try await withStore { store in
            let slow = try store.watch(prefix: "/registry/pods/", after: store.revision)
            let quick = try store.watch(prefix: "/registry/pods/", after: store.revision)
            let reader = Task { try await quick.lines(StoreWatcher.eventsMax + 1).count }
            for number in 0...StoreWatcher.eventsMax {
                try await store.put("/registry/pods/default/a", "\(number)", durability: .batched)
            }
            #expect(try await reader.value == StoreWatcher.eventsMax + 1)
            await #expect(throws: StoreError.tooSlow) { _ = try await slow.next(max: 1) }
            #expect(slow.drain(max: 1).end == .tooSlow)
            #expect(store.statistics.watchers == 1)
        }
    }

    @Test func `wakes its consumer once for a batch`() async throws {
        try await withStore { store in
            let watcher = try store.watch(prefix: "/registry/pods/", after: store.revision)
            let (stream, continuation) = AsyncStream<Void>.makeStream()
            let count = WakeCount()
            watcher.setWaker {
                count.add()
                continuation.yield()
            }
            #expect(watcher.drain(max: 8).events.isEmpty)
            try await store.put("/registry/pods/default/a", "1")
            try await store.put("/registry/pods/default/b", "1")
            for await _ in stream { break }
            #expect(watcher.drain(max: 8).events.count == 2)
            #expect(count.value == 1)
        }
    }

    @Test func `ends with its cancellation, its task's, and the store's end`() async throws {
        try await withStore { store in
            let cancelled = try store.watch(prefix: "/registry/pods/", after: store.revision)
            cancelled.cancel()
            #expect(try await cancelled.next(max: 1) == nil)

            let watcher = try store.watch(prefix: "/registry/pods/", after: store.revision)
            let task = Task { try await watcher.next(max: 1)?.count }
            task.cancel()
            #expect(try await task.value == nil)
            #expect(store.statistics.watchers == 0)

            let last = try store.watch(prefix: "/registry/pods/", after: store.revision)
            try await store.put("/registry/pods/default/a", "1")
            await store.close()
            #expect(try await last.lines(1) == ["created /registry/pods/default/a"])
            await #expect(throws: StoreError.closed) { _ = try await last.next(max: 1) }
            await #expect(throws: StoreError.closed) { try await store.put("/registry/pods/default/a", "2") }
        }
    }

    @Test func `frames are made once for all watchers and let go with age`() async throws {
        try await withStore { store in
            let first = try store.watch(prefix: "/registry/pods/", after: store.revision)
            let second = try store.watch(prefix: "/registry/pods/", after: store.revision)
            try await store.put("/registry/pods/default/a", "1")
            let event = try #require(try await first.next(max: 1)?.first)
            #expect(event.frame(1) { [1, 2] } == [1, 2])
            let same = try #require(try await second.next(max: 1)?.first)
            #expect(same.frame(1) { [3] } == [1, 2])
            #expect(same.frame(0) { [4] } == [4])
            for number in 0...EventHistory.framedEventsMax {
                try await store.put("/registry/pods/default/b", "\(number)", durability: .batched)
            }
            #expect(same.frame(1) { [5] } == [5])
        }
    }
}

private final class WakeCount: Sendable {
    private let count = Atomic<Int>(0)
    var value: Int { count.load(ordering: .relaxed) }
    func add() { count.add(1, ordering: .relaxed) }
}
