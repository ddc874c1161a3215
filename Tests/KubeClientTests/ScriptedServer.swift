import Synchronization
import Transport

/// An `HTTPHandler` whose watches are played by the test: it sees each request and sends the frames it likes.
final class ScriptedServer: HTTPHandler {
    /// One watch that a client opened.
    final class Watch: HTTPBodyStream {
        let query: String
        private struct State {
            var frames: [[UInt8]] = []
            var isEnded = false
            var wake: (@Sendable () -> Void)?
        }
        private let state = Mutex(State())

        init(query: String) { self.query = query }

        func send(_ type: String, _ object: String) {
            push { $0.frames.append(Array("{\"type\":\"\(type)\",\"object\":\(object)}\n".utf8)) }
        }

        func end() { push { $0.isEnded = true } }

        private func push(_ change: (inout sending State) -> Void) {
            let wake = state.withLock { state in
                change(&state)
                return state.wake
            }
            wake?()
        }

        func setWaker(_ wake: @escaping @Sendable () -> Void) { state.withLock { $0.wake = wake } }

        func read() -> HTTPBodyPart {
            state.withLock { state in
                guard state.frames.isEmpty else {
                    defer { state.frames = [] }
                    return .bytes(state.frames)
                }
                return state.isEnded ? .end : .wait
            }
        }

        func cancel() {}
    }

    /// Watches in the order in which they were opened.
    let watches: AsyncStream<Watch>
    private let opened: AsyncStream<Watch>.Continuation

    init() {
        (watches, opened) = AsyncStream.makeStream(of: Watch.self)
    }

    func handle(_ request: HTTPRequest, _ responder: any HTTPResponder) {
        let watch = Watch(query: request.query ?? "")
        responder.respond(status: 200, headers: [:], stream: watch)
        opened.yield(watch)
    }
}
