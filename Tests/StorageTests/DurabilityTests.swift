internal import Glibc
internal import Testing

@testable internal import Storage

@Suite struct `Store on disk` {
    @Test func `comes back after a restart with everything and the same revision`() async throws {
        let directory = try TemporaryDirectory()
        let revision = try await withStore(in: directory) { store in
            for number in 0..<200 {
                try await store.put("/registry/pods/default/p\(number)", "\(number)", durability: .batched)
            }
            for number in 0..<100 { try await store.delete("/registry/pods/default/p\(number)") }
            try await store.put("/registry/pods/default/p150", "changed")
            return store.revision
        }
        try await withStore(in: directory) { store in
            #expect(store.revision == revision)
            #expect(store.count(prefix: "/registry/pods/") == 100)
            #expect(store.get("/registry/pods/default/p150")?.text == "changed")
            #expect(throws: StoreError.compacted(requested: revision - 1, compacted: revision)) {
                try store.watch(prefix: "/registry/pods/", after: revision - 1)
            }
            let watcher = try store.watch(prefix: "/registry/pods/", after: revision)
            try await store.put("/registry/pods/default/p150", "again")
            #expect(try await watcher.lines(1) == ["updated /registry/pods/default/p150"])
        }
    }

    @Test func `is used by one process at a time`() async throws {
        let directory = try TemporaryDirectory()
        try await withStore(in: directory) { _ in
            await #expect(
                throws: StoreError.unavailable(
                    reason: "another Skiff (pid \(getpid())) is using \(directory.path)"
                )
            ) {
                try await SQLiteStore.open(directory: directory.path, logger: quiet)
            }
        }
    }

    @Test(arguments: [
        "not a database, but long enough to have had a header, had it been one: " + String(repeating: "x", count: 4096)
    ])
    func `says so when the file is damaged`(content: String) async throws {
        let directory = try TemporaryDirectory()
        let file = try #require(fopen(directory.path + "/state.db", "w"))
        fputs(content, file)
        fclose(file)
        let error = await #expect(throws: StoreError.self) {
            try await SQLiteStore.open(directory: directory.path, logger: quiet)
        }
        guard case .unavailable(let reason) = error else {
            Issue.record("found \(String(describing: error))")
            return
        }
        #expect(reason.contains("the database \(directory.path)/state.db is damaged"))
    }

    @Test func `gives space back after deletions and keeps its log short`() async throws {
        let directory = try TemporaryDirectory()
        try await withStore(in: directory) { store in
            let large = String(repeating: "x", count: 20_000)
            for number in 0..<1000 {
                try await store.put("/registry/configmaps/default/c\(number)", large, durability: .batched)
            }
            try await store.put("/registry/configmaps/default/last", "x")
            let full = store.statistics
            #expect(full.logBytes < 2 * StateDatabase.logBytesMax + (4 << 20))
            for number in 0..<1000 {
                _ = try await store.write(
                    StoreWrite(
                        key: "/registry/configmaps/default/c\(number)", operation: .delete(final: nil),
                        durability: .batched)
                )
            }
            try await store.put("/registry/configmaps/default/last", "y")
            // The file shrinks at the first checkpoint after the pages are given back.
            let deadline = ContinuousClock.now + .seconds(20)
            while store.statistics.fileBytes > 6 << 20, ContinuousClock.now < deadline {
                try await store.put("/registry/configmaps/default/last", large)
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        var status = stat()
        #expect(stat(directory.path + "/state.db", &status) == 0)
        #expect(status.st_size < 6 << 20)
    }

    @Test(.enabled(if: getuid() == 0, "mounting a small file system needs root"))
    func `a full disk fails writes, keeps reads, and mends itself`() async throws {
        let directory = try TemporaryDirectory()
        try #require(mount("tmpfs", directory.path, "tmpfs", 0, "size=1m") == 0)
        defer { umount2(directory.path, Int32(MNT_DETACH)) }
        try await withStore(in: directory) { store in
            try await store.put("/registry/pods/default/kept", "kept")
            let large = String(repeating: "x", count: 50_000)
            var stored = 0
            let failure = await #expect(throws: StoreError.self) {
                for number in 0..<100 {
                    try await store.put("/registry/pods/default/p\(number)", large)
                    stored += 1
                }
            }
            guard case .unavailable(let reason) = failure else {
                Issue.record("found \(String(describing: failure))")
                return
            }
            #expect(reason.contains("full"))
            #expect(store.count(prefix: "/registry/pods/") == stored + 1)
            #expect(store.get("/registry/pods/default/p\(stored)") == nil)
            try await store.put("/registry/events/default/e", "x", durability: .batched)
            #expect(store.get("/registry/events/default/e") != nil)
            try #require(mount("tmpfs", directory.path, "tmpfs", UInt(MS_REMOUNT), "size=8m") == 0)
            try await store.put("/registry/pods/default/after", "x")
        }
        try await withStore(in: directory) { store in
            #expect(store.get("/registry/pods/default/kept")?.text == "kept")
            #expect(store.get("/registry/pods/default/after") != nil)
            #expect(store.get("/registry/events/default/e") != nil)
        }
    }
}

@Suite struct `Store killed while writing` {
    @Test func `has every acknowledged write and no revision twice`() async throws {
        let directory = try TemporaryDirectory()
        var acknowledged: [(key: String, revision: Int64)] = []
        var highest: Int64 = 0
        for run in 0..<8 {
            let lines = try await Self.runWriter(directory: directory.path, run: "r\(run)", killedAfter: 50 + run * 40)
            for line in lines {
                let words = line.split(separator: " ")
                switch words.first {
                case "revision":
                    let start = try #require(words.last.flatMap { Int64($0) })
                    #expect(start >= highest, "revisions of lost batched writes are not given out again")
                case "durable", "batched":
                    let revision = try #require(words.last.flatMap { Int64($0) })
                    highest = max(highest, revision)
                    if words[0] == "durable" { acknowledged.append((String(words[1]), revision)) }
                default: Issue.record("the writer said \(line)")
                }
            }
        }
        #expect(acknowledged.count > 100)
        try await withStore(in: directory) { store in
            for (key, revision) in acknowledged {
                let object = try #require(store.get(key), "\(key) was acknowledged")
                #expect(object.revision == revision)
                #expect(object.text == #"{"resourceVersion":"\#(revision)"}"#)
            }
        }
    }

    /// Runs the helper, kills it once it has said so many lines, and returns all whole lines it said.
    private static func runWriter(directory: String, run: String, killedAfter count: Int) async throws -> [String] {
        var pipes: [Int32] = [0, 0]
        try #require(pipe(&pipes) == 0)
        for end in pipes { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let child = try spawn([try helperPath(), directory, run], output: pipes[1])
        close(pipes[1])
        let input = pipes[0]
        let text = await withCheckedContinuation { continuation in
            // Reading blocks, so it has a thread of its own.
            startThread {
                var text: [UInt8] = []
                var lines = 0
                var buffer = [UInt8](repeating: 0, count: 65_536)
                while case let size = read(input, &buffer, buffer.count), size > 0 {
                    text += buffer[..<size]
                    lines += buffer[..<size].count { $0 == UInt8(ascii: "\n") }
                    if lines >= count { kill(child, SIGKILL) }
                }
                kill(child, SIGKILL)
                var status: Int32 = 0
                waitpid(child, &status, 0)
                close(input)
                continuation.resume(returning: text)
            }
        }
        let whole = text.prefix((text.lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1)
        return whole.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The helper is built beside the test program.
    private static func helperPath() throws -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let size = readlink("/proc/self/exe", &buffer, buffer.count)
        let own = String(decoding: buffer.prefix(max(0, size)), as: UTF8.self)
        let path =
            own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            + "/store-writer"
        try #require(access(path, X_OK) == 0, "\(path) is not built")
        return path
    }

    private static func spawn(_ arguments: [String], output: Int32) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        var child: pid_t = 0
        var pointers = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        let code = posix_spawn(&child, arguments[0], &actions, nil, &pointers, nil)
        try #require(code == 0, "posix_spawn: \(String(cString: strerror(code)))")
        return child
    }
}
