internal import CLinux
internal import Synchronization
internal import Transport

/// Gives memory back to the system after bursts of work.
///
/// glibc keeps what was freed, in an arena for every thread: after 10,000 pods came and went, 330 of 410 MiB were free
/// but still ours. Two arenas are enough for two event loops and the task pool; what is left over is returned once the
/// requests of a burst have ended. An idle process does nothing here.
final class MemoryReturn: HTTPHandler {
    /// Requests of a burst that make it worth a look at the heap.
    static let requestsMin = 500
    /// How long no further burst may follow.
    static let quiet = Duration.seconds(3)
    private static let arenasMax: Int32 = 2
    private static let mapThresholdBytes: Int32 = 256 << 10
    private static let trimThresholdBytes: Int32 = 4 << 20

    private let handler: any HTTPHandler
    private let requests = Atomic<Int>(0)
    private let isArmed = Atomic<Bool>(false)

    init(_ handler: any HTTPHandler) {
        self.handler = handler
    }

    /// To be called before the process has threads that allocate.
    static func configure() {
        clinux_bound_heap(arenasMax, mapThresholdBytes, trimThresholdBytes)
    }

    func handle(_ request: HTTPRequest, _ responder: any HTTPResponder) {
        let count = requests.add(1, ordering: .relaxed).newValue
        if count >= Self.requestsMin, !isArmed.exchange(true, ordering: .relaxed) { returnWhenQuiet() }
        handler.handle(request, responder)
    }

    private func returnWhenQuiet() {
        // Unstructured: it belongs to no request and ends by itself a few seconds after the burst.
        Task {
            var seen = requests.load(ordering: .relaxed)
            while true {
                try await Task.sleep(for: Self.quiet)
                let now = requests.load(ordering: .relaxed)
                if now - seen < Self.requestsMin { break }
                seen = now
            }
            requests.store(0, ordering: .relaxed)
            isArmed.store(false, ordering: .relaxed)
            clinux_return_freed_memory()
        }
    }
}
