import Testing

@testable import KubeClient

@Suite struct `Work queue` {
    @Test func `a key added twice is handed out once`() async {
        let queue = WorkQueue<String>()
        queue.add("a")
        queue.add("b")
        queue.add("a")
        #expect(await queue.next() == "a")
        #expect(await queue.next() == "b")
        #expect(queue.count == 0)
    }

    @Test func `a key added while worked on is handed out again after it is done`() async {
        let queue = WorkQueue<String>()
        queue.add("a")
        #expect(await queue.next() == "a")
        queue.add("a")
        #expect(queue.count == 0)
        queue.done("a")
        #expect(await queue.next() == "a")
    }

    @Test func `a worker that waits gets the key`() async {
        let queue = WorkQueue<String>()
        async let key = queue.next()
        queue.add("a")
        #expect(await key == "a")
    }

    @Test func `delayed keys come in the order of their deadlines`() async {
        let queue = WorkQueue<String>()
        queue.add("never", after: .seconds(3600))
        queue.add("early", after: .milliseconds(10))
        queue.add("late", after: .milliseconds(20))
        #expect(await queue.next() == "early")
        #expect(await queue.next() == "late")
    }

    @Test func `the earliest of several delays counts`() async {
        let queue = WorkQueue<String>()
        queue.add("a", after: .seconds(3600))
        queue.add("a", after: .milliseconds(5))
        #expect(await queue.next() == "a")
    }

    @Test func `shutting down wakes the workers`() async {
        let queue = WorkQueue<String>()
        async let key = queue.next()
        queue.shutDown()
        #expect(await key == nil)
        queue.add("a")
        #expect(await queue.next() == nil)
    }

    @Test func `cancelling a worker ends its wait`() async {
        let queue = WorkQueue<String>()
        let worker = Task { await queue.next() }
        worker.cancel()
        #expect(await worker.value == nil)
        queue.add("a")
        #expect(await queue.next() == "a")
    }

    @Test(arguments: [(0, 5), (1, 10), (4, 80), (17, 655_360), (18, 1_000_000), (500, 1_000_000)])
    func `back-off doubles up to its bound`(failures: Int, milliseconds: Int) {
        let delay = WorkQueue<String>.delay(
            afterFailures: failures, min: .milliseconds(5), max: .seconds(1000))
        #expect(delay == .milliseconds(milliseconds))
    }

    @Test func `forgetting ends the back-off`() async {
        let queue = WorkQueue<String>(backoffMin: .milliseconds(1), backoffMax: .milliseconds(4))
        for _ in 0..<3 {
            queue.addRateLimited("a")
            #expect(await queue.next() == "a")
            queue.done("a")
        }
        #expect(queue.failures(of: "a") == 3)
        queue.forget("a")
        #expect(queue.failures(of: "a") == 0)
    }
}

@Suite struct `Controller runner` {
    /// Fails a given number of times, then asks to be called once more, then is content.
    private struct Flaky: Reconciler {
        let calls: AsyncStream<Int>.Continuation
        let counter: Counter

        func reconcile(_ key: String) async throws -> Requeue {
            let call = counter.next()
            calls.yield(call)
            if call <= 2 { throw APIError.unreachable("not yet") }
            return call == 3 ? .after(.milliseconds(1)) : .never
        }
    }

    @Test func `errors are retried and delays honoured`() async {
        let (stream, continuation) = AsyncStream.makeStream(of: Int.self)
        let queue = WorkQueue<String>(backoffMin: .milliseconds(1))
        let runner = ControllerRunner(
            name: "test", reconciler: Flaky(calls: continuation, counter: Counter()), queue: queue, workers: 2)
        let running = Task { await runner.run() }
        queue.add("key")
        var seen: [Int] = []
        for await call in stream {
            seen.append(call)
            if call == 4 { break }
        }
        #expect(seen == [1, 2, 3, 4])
        running.cancel()
        await running.value
    }
}

@Suite struct `Expectations of writes` {
    @Test func `are met once all is seen`() {
        let expectations = Expectations<String>()
        #expect(expectations.isSatisfied("a"))
        expectations.expectCreations("a", 2)
        expectations.creationObserved("a")
        #expect(!expectations.isSatisfied("a"))
        expectations.creationObserved("a")
        #expect(expectations.isSatisfied("a"))
    }

    @Test func `count a deletion once, by its UID`() {
        let expectations = Expectations<String>()
        expectations.expectDeletions("a", uids: ["1", "2"])
        expectations.deletionObserved("a", uid: "1")
        expectations.deletionObserved("a", uid: "1")
        #expect(!expectations.isSatisfied("a"))
        expectations.deletionObserved("a", uid: "2")
        #expect(expectations.isSatisfied("a"))
    }

    @Test func `end after their time`() {
        let expectations = Expectations<String>(timeout: .zero)
        expectations.expectCreations("a", 1)
        #expect(expectations.isSatisfied("a"))
    }
}
