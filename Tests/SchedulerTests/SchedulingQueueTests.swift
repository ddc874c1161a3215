internal import APIMachinery
internal import KubeAPI
internal import Testing

@testable import Scheduler

@Suite struct `Scheduling queue` {
    private let start = ContinuousClock.now

    @Test func `hands out the higher priority first, then the older`() {
        var queue = QueueState()
        for (name, priority) in [("a", Int32(0)), ("b", 10), ("c", 0), ("d", 10)] {
            queue.upsert(makePod(name) { $0.spec.priority = priority }, now: start)
        }
        let order = (0..<4).compactMap { _ in queue.pop()?.pod.metadata.name }
        #expect(order == ["b", "d", "a", "c"])
        let none = queue.pop()
        #expect(none == nil)
    }

    @Test func `a pod that fits nowhere waits for a change that could help`() throws {
        var queue = QueueState()
        queue.upsert(makePod("a"), now: start)
        let popped = queue.pop()
        let job = try #require(popped)
        queue.wait(job, for: [.podRemoved], now: start)
        queue.note(.nodeChanged, now: start + .seconds(60))
        #expect(!queue.hasReady)
        queue.note(.podRemoved, now: start + .seconds(60))
        let again = queue.pop()
        #expect(again?.attempts == 1)
    }

    @Test func `backs off when the change comes soon after the try`() throws {
        var queue = QueueState()
        queue.upsert(makePod("a"), now: start)
        let popped = queue.pop()
        let job = try #require(popped)
        queue.wait(job, for: [.nodeAdded], now: start)
        queue.note(.nodeAdded, now: start + .milliseconds(10))
        #expect(!queue.hasReady)
        let timer = queue.takeTimerToSet()
        let deadline = try #require(timer)
        #expect(deadline == start + .seconds(1))
        queue.timerFired(now: deadline)
        #expect(queue.hasReady)
    }

    @Test func `a change during the try is not missed`() throws {
        var queue = QueueState()
        queue.upsert(makePod("a"), now: start)
        let popped = queue.pop()
        let job = try #require(popped)
        queue.note(.podRemoved, now: start)
        queue.wait(job, for: [.podRemoved], now: start)
        _ = queue.takeTimerToSet()
        queue.timerFired(now: start + .seconds(1))
        #expect(queue.hasReady)
    }

    @Test func `our own condition does not cause another try`() throws {
        var queue = QueueState()
        queue.upsert(makePod("a"), now: start)
        let popped = queue.pop()
        let job = try #require(popped)
        queue.wait(job, for: [.nodeAdded], now: start)
        var condition = PodCondition()
        condition.type = PodConditionType.podScheduled
        queue.upsert(makePod("a") { $0.status.conditions = [condition] }, now: start + .seconds(30))
        #expect(!queue.hasReady)
        queue.upsert(makePod("a", cpu: "1"), now: start + .seconds(30))
        #expect(queue.hasReady)
    }

    @Test func `gated pods wait until their gates are gone`() {
        var gate = PodSchedulingGate()
        gate.name = "example.com/wait"
        var queue = QueueState()
        queue.upsert(makePod("a") { $0.spec.schedulingGates = [gate] }, now: start)
        queue.note(.nodeAdded, now: start)
        #expect(!queue.hasReady)
        queue.upsert(makePod("a"), now: start)
        #expect(queue.hasReady)
    }

    @Test func `a removed pod is not handed out, and its successor is another pod`() throws {
        var queue = QueueState()
        queue.upsert(makePod("a"), now: start)
        queue.entries[makePod("a").key] = nil
        let none = queue.pop()
        #expect(none == nil)
        queue.upsert(makePod("a"), now: start)
        let popped = queue.pop()
        let job = try #require(popped)
        queue.upsert(makePod("a") { $0.metadata.uid = "successor" }, now: start)
        queue.wait(job, for: [], now: start)
        let next = queue.pop()
        #expect(next?.pod.metadata.uid == "successor")
    }

    @Test(.timeLimit(.minutes(1)))
    func `the consumer is woken by a new pod`() async {
        let queue = SchedulingQueue()
        async let job = queue.next()
        queue.upsert(makePod("a"))
        #expect(await job?.pod.metadata.name == "a")
    }

    @Test(.timeLimit(.minutes(1)))
    func `cancelling ends the wait`() async {
        let queue = SchedulingQueue()
        let task = Task { await queue.next() }
        task.cancel()
        #expect(await task.value == nil)
    }
}
