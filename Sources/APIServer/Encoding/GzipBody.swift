internal import Transport

/// Compresses another body as it is pulled.
final class GzipBody: HTTPBodyStream {
    private let source: any HTTPBodyStream
    private let state: Guarded<State>

    private struct State: Sendable {
        var deflater: GzipDeflater
        var isDone = false
    }

    init?(_ source: any HTTPBodyStream) {
        guard let deflater = GzipDeflater() else { return nil }
        self.source = source
        state = Guarded(State(deflater: deflater))
    }

    func setWaker(_ wake: @escaping @Sendable () -> Void) { source.setWaker(wake) }

    func read() -> HTTPBodyPart {
        state.withLock { state in
            while true {
                guard !state.isDone else { return .end }
                switch source.read() {
                case .wait: return .wait
                case .broken: return .broken
                case .end:
                    state.isDone = true
                    let rest = state.deflater.finish()
                    return rest.isEmpty ? .end : .bytes([rest])
                case .bytes(let pieces):
                    var out: [UInt8] = []
                    for piece in pieces { out += state.deflater.compress(piece) }
                    // zlib may keep a chunk to itself; then there is nothing to send yet.
                    if !out.isEmpty { return .bytes([out]) }
                }
            }
        }
    }

    func cancel() { source.cancel() }
}
