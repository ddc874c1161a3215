import Synchronization
import Testing

@testable import Kubelet

@Suite struct `Turns of starting pods` {
    private final class Gate: Sendable {
        private let stream: AsyncStream<Void>
        private let opener: AsyncStream<Void>.Continuation

        init() { (stream, opener) = AsyncStream.makeStream() }

        func open() { opener.finish() }
        func pass() async { for await _ in stream {} }
    }

    private final class Counter: Sendable {
        private let value = Mutex(0)

        func change(by amount: Int) -> Int {
            value.withLock { value in
                value += amount
                return value
            }
        }
    }

    private final class Names: Sendable {
        private let names = Mutex<[UInt64]>([])

        var all: [UInt64] { names.withLock { $0 } }
        func add(_ name: UInt64) { names.withLock { $0.append(name) } }
    }

    @Test func `few run at a time, the longest known first`() async throws {
        let turns = StartTurns(max: 1)
        let ran = Names()
        let gate = Gate()
        let orders = (0..<4).map { _ in turns.nextOrder() }
        await withDiscardingTaskGroup { group in
            group.addTask { await turns.run(orders[0]) { await gate.pass() } }
            // Those behind come in another order than they are known.
            for order in [orders[3], orders[1], orders[2]] {
                try? await Task.sleep(for: .milliseconds(20))
                group.addTask { await turns.run(order) { ran.add(order) } }
            }
            try? await Task.sleep(for: .milliseconds(50))
            #expect(ran.all.isEmpty)
            gate.open()
        }
        #expect(ran.all == [orders[1], orders[2], orders[3]])
        // All is given back.
        await turns.run(turns.nextOrder()) {}
    }

    @Test func `a step that hangs holds nobody up for long`() async throws {
        let turns = StartTurns(max: 1)
        let gate = Gate()
        await withDiscardingTaskGroup { group in
            let first = turns.nextOrder()
            group.addTask { await turns.run(first) { await gate.pass() } }
            try? await Task.sleep(for: .milliseconds(20))
            let began = ContinuousClock.now
            await turns.run(turns.nextOrder()) {}
            #expect(ContinuousClock.now - began > .milliseconds(500))
            gate.open()
        }
        // The place of the one that went ahead is not left open.
        let counter = Counter()
        await withDiscardingTaskGroup { group in
            for _ in 0..<5 {
                group.addTask {
                    await turns.run(turns.nextOrder()) {
                        #expect(counter.change(by: 1) == 1)
                        await Task.yield()
                        _ = counter.change(by: -1)
                    }
                }
            }
        }
    }

    @Test func `a failure gives its turn back`() async {
        struct Failure: Error {}
        let turns = StartTurns(max: 1)
        for _ in 0..<3 {
            await #expect(throws: Failure.self) { try await turns.run(turns.nextOrder()) { throw Failure() } }
        }
    }
}
