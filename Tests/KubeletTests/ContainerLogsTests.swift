import APIMachinery
import Glibc
import Synchronization
import Testing

@testable import Kubelet

@Suite struct `Container logs` {
    private let log = """
        2026-01-01T00:00:01.000000001Z stdout F one
        2026-01-01T00:00:02.000000001Z stderr F two
        2026-01-01T00:00:03.000000001Z stdout P thr
        2026-01-01T00:00:04.000000001Z stdout F ee
        2026-01-01T00:00:05.000000001Z stdout F four

        """

    private func options(_ query: String) throws -> LogOptions {
        try LogOptions(QueryParameters(query), now: MicroTime(seconds: 1_767_225_605))
    }

    @Test(arguments: [
        ("", "one\ntwo\nthree\nfour\n"),
        ("stream=Stderr", "two\n"),
        ("limitBytes=6", "one\ntw"),
        ("sinceSeconds=2", "three\nfour\n"),
        ("sinceTime=2026-01-01T00:00:05Z", "four\n"),
        (
            "timestamps=true&stream=Stdout",
            "2026-01-01T00:00:01.000000001Z one\n2026-01-01T00:00:03.000000001Z three\n"
                + "2026-01-01T00:00:05.000000001Z four\n"
        ),
    ])
    func `lines are chosen and formatted`(query: String, expected: String) throws {
        // However the blocks fall, the outcome is the same.
        for size in [1, 7, 1000] {
            var formatter = LogFormatter(try options(query))
            var (output, rest) = ([UInt8](), Array(log.utf8)[...])
            while !rest.isEmpty, !formatter.isFull {
                output += formatter.format(Array(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            #expect(String(decoding: output, as: UTF8.self) == expected)
        }
    }

    @Test(arguments: ["tailLines=x", "tailLines=-1", "limitBytes=0", "sinceSeconds=0", "sinceTime=now", "stream=x"])
    func `bad parameters are refused`(query: String) {
        #expect(throws: KubeletRefusal.self) { () throws in _ = try options(query) }
    }

    @Test(arguments: [
        (0, ""), (1, "four\n"), (2, "ee\nfour\n"), (4, "two\nthree\nfour\n"), (99, "one\ntwo\nthree\nfour\n"),
    ])
    func `the tail is counted in lines`(lines: Int, expected: String) async throws {
        try await withLog { path, container, logs in
            append(log, to: path)
            let text = try await read(container, logs, "tailLines=\(lines)")
            #expect(text == expected)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `following goes on in the new file and ends with the container`() async throws {
        try await withLog { path, container, logs in
            append("2026-01-01T00:00:01Z stdout F one\n", to: path)
            let index = PodRuntimeIndex()
            let key = ObjectKey(namespace: "a", name: "b")
            var entry = PodRuntimeIndex.Entry(uid: "u")
            entry.containers["c"] = container
            index.update(key, uid: "u", entry)
            let following = ContainerLogs(watcher: DirectoryWatcher(), endings: ContainerEndings(index: index))
            let (lines, continuation) = AsyncStream<String>.makeStream()
            let task = Task {
                try await following.write(container, try options("follow=true")) { bytes in
                    continuation.yield(String(decoding: bytes, as: UTF8.self))
                }
                continuation.finish()
            }
            var iterator = lines.makeAsyncIterator()
            #expect(await iterator.next() == "one\n")
            append("2026-01-01T00:00:02Z stdout F two\n", to: path)
            #expect(await iterator.next() == "two\n")
            rename(path, path + ".1")
            append("2026-01-01T00:00:03Z stdout F three\n", to: path)
            #expect(await iterator.next() == "three\n")
            append("2026-01-01T00:00:04Z stdout F last", to: path)
            entry.containers["c"]?.isRunning = false
            index.update(key, uid: "u", entry)
            #expect(await iterator.next() == "last\n")
            #expect(await iterator.next() == nil)
            try await task.value
        }
    }

    // MARK: Support

    private func withLog(_ body: (String, PodRuntimeIndex.Container, ContainerLogs) async throws -> Void) async throws {
        let directory = "/tmp/skiff-log-test-\(UInt64.random(in: 0 ... .max))"
        mkdir(directory, 0o700)
        let path = "\(directory)/0.log"
        let container = PodRuntimeIndex.Container(
            id: "id", name: "c", restartCount: 0, logPath: path, isRunning: true
        )
        let logs = ContainerLogs(
            watcher: DirectoryWatcher(), endings: ContainerEndings(index: PodRuntimeIndex())
        )
        defer {
            unlink(path)
            unlink(path + ".1")
            rmdir(directory)
        }
        try await body(path, container, logs)
    }

    private func append(_ text: String, to path: String) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        _ = Array(text.utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
    }

    private func read(
        _ container: PodRuntimeIndex.Container, _ logs: ContainerLogs, _ query: String
    ) async throws -> String {
        let output = Collected()
        try await logs.write(container, try options(query)) { output.append($0) }
        return output.text
    }

    private final class Collected: Sendable {
        private let bytes = Mutex<[UInt8]>([])
        var text: String { String(decoding: bytes.withLock { $0 }, as: UTF8.self) }

        func append(_ more: [UInt8]) {
            bytes.withLock { $0 += more }
        }
    }
}
