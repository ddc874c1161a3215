internal import Testing

@testable internal import Storage

@Suite struct `Store writes` {
    @Test func `give each write the next revision and remember the first`() async throws {
        try await withStore { store in
            let start = store.revision
            #expect(start >= 1)
            let made = try await store.put("/registry/pods/default/a", "1")
            let changed = try await store.put("/registry/pods/default/a", "2")
            #expect(made.revision == start + 1)
            #expect(changed.revision == start + 2)
            #expect(changed.createdRevision == made.revision)
            #expect(store.revision == changed.revision)
            #expect(store.get("/registry/pods/default/a")?.text == "2")
            #expect(store.get("/registry/pods/default/b") == nil)
        }
    }

    @Test func `put the revision's digits into the value`() async throws {
        try await withStore { store in
            let value = UnrevisionedValue(bytes: Array(#"{"rv":"","x":1}"#.utf8), revisionOffset: 7)
            let stored = try await store.write(StoreWrite(key: "/registry/pods/default/a", operation: .put(value)))
            #expect(stored.text == #"{"rv":"\#(stored.revision)","x":1}"#)
            for number in 0..<12 { try await store.put("/registry/pods/default/other", "\(number)") }
            let deleted = try await store.delete("/registry/pods/default/a")
            #expect(deleted.text == #"{"rv":"\#(deleted.revision)","x":1}"#)
            #expect(deleted.revision == store.revision)
            #expect(deleted.createdRevision == stored.revision)
        }
    }

    @Test func `a deletion can show a last state of its own`() async throws {
        try await withStore { store in
            let watcher = try store.watch(prefix: "/registry/pods/", after: store.revision)
            try await store.put("/registry/pods/default/a", "1")
            let final = UnrevisionedValue(bytes: Array("final ''".utf8), revisionOffset: 7)
            let deleted = try await store.write(
                StoreWrite(key: "/registry/pods/default/a", operation: .delete(final: final))
            )
            #expect(deleted.text == "final '\(deleted.revision)'")
            #expect(
                try await watcher.lines(2) == ["created /registry/pods/default/a", "deleted /registry/pods/default/a"])
        }
    }

    @Test func `are refused when their precondition does not hold`() async throws {
        try await withStore { store in
            let key = "/registry/pods/default/a"
            await #expect(throws: StoreError.notFound(key: key)) { try await store.put(key, "1", .revision(7)) }
            await #expect(throws: StoreError.notFound(key: key)) { try await store.delete(key) }
            let made = try await store.put(key, "1", .absent)
            await #expect(throws: StoreError.alreadyExists(key: key)) { try await store.put(key, "2", .absent) }
            await #expect(throws: StoreError.conflict(key: key, expected: 7, actual: made.revision)) {
                try await store.delete(key, .revision(7))
            }
            try await store.put(key, "3", .revision(made.revision))
            #expect(store.get(key)?.text == "3")
        }
    }

    @Test func `of one key from many tasks succeed one at a time`() async throws {
        try await withStore { store in
            let key = "/registry/configmaps/default/counter"
            try await store.put(key, "0")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<64 {
                    group.addTask {
                        for _ in 0..<10 { try await Self.increment(key, in: store) }
                    }
                }
                try await group.waitForAll()
            }
            #expect(store.get(key)?.text == "640")
        }
    }

    private static func increment(_ key: String, in store: SQLiteStore) async throws {
        while true {
            let current = try #require(store.get(key))
            let next = try #require(Int(current.text)) + 1
            do {
                try await store.put(key, "\(next)", .revision(current.revision))
                return
            } catch {
                guard case .conflict = error else { throw error }
            }
        }
    }
}

@Suite struct `Store lists` {
    @Test func `are in byte order, by prefix, from a start key`() async throws {
        try await withStore { store in
            for key in ["default/b", "default/a", "default-2/a", "kube/z", "default/a.b", "default/a-b"] {
                try await store.put("/registry/pods/\(key)", "x")
            }
            try await store.put("/registry/podtemplates/default/t", "x")
            #expect(
                try store.keys("/registry/pods/").map { String($0.dropFirst(15)) }
                    == ["default-2/a", "default/a", "default/a-b", "default/a.b", "default/b", "kube/z"]
            )
            let page = try store.list(
                prefix: "/registry/pods/default/", startKey: "/registry/pods/default/a-", limit: 2, at: nil
            )
            #expect(page.objects.map(\.key) == ["/registry/pods/default/a-b", "/registry/pods/default/a.b"])
            #expect(page.remaining == 1)
            #expect(page.revision == store.revision)
            #expect(store.count(prefix: "/registry/pods/default/") == 4)
            #expect(store.count(prefix: "/registry/pods/") == 6)
            #expect(store.count(prefix: "/registry/") == 7)
            #expect(try store.keys("/registry/").count == 7)
            #expect(try store.keys("/registry/nodes/") == [])
        }
    }

    @Test func `hold thousands of objects in any order of arrival`() async throws {
        try await withStore { store in
            let numbers = (0..<3000).map { ($0 &* 7919) % 3000 }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for part in 0..<8 {
                    group.addTask {
                        for index in stride(from: part, to: 3000, by: 8) {
                            try await store.put(
                                "/registry/pods/default/p\(10_000 + numbers[index])", "x", durability: .batched)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try store.keys("/registry/pods/") == (0..<3000).map { "/registry/pods/default/p\(10_000 + $0)" })
            for number in 0..<3000 where number % 3 != 0 {
                _ = try await store.write(
                    StoreWrite(
                        key: "/registry/pods/default/p\(10_000 + number)", operation: .delete(final: nil),
                        durability: .batched
                    )
                )
            }
            #expect(store.count(prefix: "/registry/pods/") == 1000)
            #expect(store.get("/registry/pods/default/p10003") != nil)
            #expect(store.get("/registry/pods/default/p10004") == nil)
        }
    }

    @Test func `page at one revision while writes go on`() async throws {
        try await withStore { store in
            for number in 0..<10 { try await store.put("/registry/pods/default/p\(number)", "old") }
            let first = try store.list(prefix: "/registry/pods/", startKey: nil, limit: 4, at: nil)
            #expect(first.remaining == 6)
            try await store.delete("/registry/pods/default/p5")
            try await store.put("/registry/pods/default/p6", "new")
            try await store.put("/registry/pods/default/p6", "newer")
            try await store.put("/registry/pods/default/p44", "new")
            try await store.put("/registry/pods/default/p0", "new")
            let rest = try store.list(
                prefix: "/registry/pods/", startKey: "/registry/pods/default/p3\0", limit: 4, at: first.revision
            )
            #expect(rest.objects.map { $0.key.suffix(2) } == ["p4", "p5", "p6", "p7"])
            #expect(rest.objects.allSatisfy { $0.text == "old" })
            #expect(rest.remaining == 2)
            #expect(rest.revision == first.revision)
        }
    }

    @Test func `of a past that has left the window or a future are refused`() async throws {
        try await withStore { store in
            let early = try await store.put("/registry/pods/default/a", "x").revision
            for number in 0...EventHistory.eventsMax {
                try await store.put("/registry/pods/default/b", "\(number)", durability: .batched)
            }
            #expect(throws: StoreError.compacted(requested: early, compacted: early + 1)) {
                try store.keys("/registry/pods/", at: early)
            }
            #expect(throws: StoreError.compacted(requested: early, compacted: early + 1)) {
                try store.watch(prefix: "/registry/pods/", after: early)
            }
            let now = store.revision
            #expect(throws: StoreError.futureRevision(requested: now + 1, current: now)) {
                try store.keys("/registry/pods/", at: now + 1)
            }
            #expect(try store.keys("/registry/configmaps/", at: early) == [], "another resource keeps its own window")
        }
    }
}

@Suite struct `Store time to live` {
    @Test func `deletes with an event, unless renewed`() async throws {
        try await withStore { store in
            let watcher = try store.watch(prefix: "/registry/events/", after: store.revision)
            try await store.put("/registry/events/default/a", "1", durability: .batched, timeToLive: .seconds(2))
            try await store.put("/registry/events/default/b", "1", durability: .batched, timeToLive: .seconds(1))
            try await store.put("/registry/events/default/b", "2")
            #expect(
                try await watcher.lines(4) == [
                    "created /registry/events/default/a", "created /registry/events/default/b",
                    "updated /registry/events/default/b", "deleted /registry/events/default/a",
                ]
            )
            #expect(try store.keys("/registry/events/") == ["/registry/events/default/b"])
        }
    }

    @Test func `goes on over a restart`() async throws {
        let directory = try TemporaryDirectory()
        _ = try await withStore(in: directory) { store in
            try await store.put("/registry/events/default/a", "1", durability: .batched, timeToLive: .seconds(3))
        }
        try await withStore(in: directory) { store in
            #expect(store.count(prefix: "/registry/events/") == 1)
            let watcher = try store.watch(prefix: "/registry/events/", after: store.revision)
            #expect(try await watcher.lines(1) == ["deleted /registry/events/default/a"])
        }
        try await withStore(in: directory) { #expect($0.count(prefix: "/registry/") == 0) }
    }
}
