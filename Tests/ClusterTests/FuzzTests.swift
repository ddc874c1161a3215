internal import APIMachinery
internal import Glibc
internal import PKI
internal import Synchronization
internal import TestSupport
internal import Testing
internal import Transport

/// Random and mutated requests against the whole API: it must neither crash nor leak, and still answer afterwards.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"),
    .timeLimit(.minutes(20)))
struct `Fuzzed server` {
    /// `SKIFF_FUZZ_SECONDS` asks for more, `SKIFF_FUZZ_SEED` repeats a run.
    private static let seconds = getenv("SKIFF_FUZZ_SECONDS").flatMap { Int(String(cString: $0)) } ?? 20
    private static let seed =
        getenv("SKIFF_FUZZ_SEED").flatMap { UInt64(String(cString: $0)) }
        ?? UInt64.random(in: 0..<1_000_000)
    private static let clients = 6
    private static let rawClients = 2
    /// Objects have few names and events few places in the history, so memory has a ceiling.
    private static let residentMiBMax = 400
    private static let growthMiBMax = 100

    @Test func `neither crashes nor leaks`() async throws {
        let server = try ServerProcess()
        try await server.start()
        let findings = Findings()
        let examples = try Value.documents(
            yaml: try #require(try PrivateFile.read(repositoryRoot + "/examples/hello/hello.yaml")))
        let warmUp = ContinuousClock.now + .seconds(Self.seconds) / 4
        let end = ContinuousClock.now + .seconds(Self.seconds)
        var residentAfterWarmUp = 0
        for (index, deadline) in [warmUp, end].enumerated() {
            await Self.attack(server, seed: Self.seed + UInt64(index) * 1000, examples, until: deadline, findings)
            if index == 0 { residentAfterWarmUp = server.residentMiB }
        }
        let resident = server.residentMiB
        print(
            "fuzz: seed \(Self.seed), \(findings.requests) requests, answers \(findings.summary), "
                + "resident \(residentAfterWarmUp) MiB after a quarter, \(resident) MiB at the end")
        #expect(server.isAlive, "seed \(Self.seed): \(server.log.suffix(6000))\nlast requests: \(findings.last)")
        #expect(findings.oddities.isEmpty, "seed \(Self.seed): \(findings.oddities.joined(separator: "\n"))")
        #expect(resident < Self.residentMiBMax, "resident memory in MiB")
        #expect(resident - residentAfterWarmUp < Self.growthMiBMax, "growth of resident memory in MiB")
        let http = try server.makeClient()
        defer { http.shutdown() }
        let reply = try await http.send(HTTPClientRequest(target: "/api/v1/namespaces/default"))
        #expect(reply.status == 200)
        try await server.stop()
        try await server.start()
        try await server.stop()
    }

    private static func attack(
        _ server: ServerProcess, seed: UInt64, _ examples: [Value], until end: ContinuousClock.Instant,
        _ findings: Findings
    ) async {
        await withTaskGroup(of: Void.self) { group in
            for client in 0..<clients {
                group.addTask {
                    await sendRequests(
                        server, RequestMaker(seed: seed + UInt64(client), examples: examples), end, findings)
                }
            }
            for client in 0..<rawClients {
                group.addTask {
                    await sendGarbage(server, SeededGenerator(seed: seed + 100 + UInt64(client)), end, findings)
                }
            }
        }
    }

    private static func sendRequests(
        _ server: ServerProcess, _ maker: RequestMaker, _ end: ContinuousClock.Instant, _ findings: Findings
    ) async {
        var maker = maker
        guard let http = try? server.makeClient(responseTimeout: .seconds(10)) else { return }
        defer { http.shutdown() }
        while ContinuousClock.now < end, server.isAlive {
            let request = maker.next()
            let text =
                "\(request.method) \(request.target) \(request.headers.entries) "
                + String(decoding: request.body.prefix(3000), as: UTF8.self)
            findings.sent(text)
            do {
                let reply = try await http.send(request)
                findings.answered(reply.status, text, reply.body)
            } catch {
                findings.unanswered("\(error)", text)
            }
        }
    }

    private static func sendGarbage(
        _ server: ServerProcess, _ random: SeededGenerator, _ end: ContinuousClock.Instant, _ findings: Findings
    ) async {
        var mutator = Mutator(random: random)
        let line =
            "GET /api/v1/pods HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0]
        let headers: [UInt8] = [0, 0, 5, 1, 5, 0, 0, 0, 1, 0x82, 0x84, 0x87, 0x41, 0x00]
        while ContinuousClock.now < end, server.isAlive {
            let isHTTP2 = mutator.random.isHit(oneIn: 2)
            var bytes = isHTTP2 ? preface + headers + mutator.mutated(headers) : mutator.mutated(Array(line.utf8))
            if mutator.random.isHit(oneIn: 4) { bytes = mutator.random.bytes(mutator.random.below(4000)) }
            if mutator.random.isHit(oneIn: 3) { bytes = mutator.mutated(bytes) }
            let layer = mutator.random.pick([RawConnection.Layer.tcp, .tls, .tls, .tls])
            findings.sent("raw \(layer) \(bytes)")
            await RawConnection.send(bytes, over: layer, isHTTP2: isHTTP2, port: server.port)
        }
    }
}

/// What came back, counted; and the requests to look at.
private final class Findings: Sendable {
    private static let lastMax = 64
    private static let odditiesMax = 20

    private struct State {
        var requests = 0
        var statuses: [Int: Int] = [:]
        var last: [String] = []
        var oddities: [String] = []
    }

    private let state = Mutex(State())

    var requests: Int { state.withLock { $0.requests } }
    var last: [String] { state.withLock { $0.last } }
    var oddities: [String] { state.withLock { $0.oddities } }
    var summary: String {
        state.withLock { state in
            state.statuses.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
        }
    }

    func sent(_ text: String) {
        state.withLock { state in
            state.requests += 1
            state.last.append(text)
            if state.last.count > Self.lastMax { state.last.removeFirst() }
        }
    }

    /// Nothing that a client sends is the server's own mistake.
    func answered(_ status: Int, _ request: String, _ body: [UInt8]) {
        state.withLock { state in
            state.statuses[status, default: 0] += 1
            // 501 and 503/504 say that something is not offered or not there (no node runs containers here).
            // Upstream answers 500 without a reason where a patch or an applied object does not fit its schema, or a
            // resourceVersion is no number; what nobody foresaw has the reason InternalError.
            let text = String(decoding: body.prefix(500), as: UTF8.self)
            let isKnown = text.contains("Failure") && !text.contains("InternalError")
            let isOdd = (status == 500 && !isKnown) || status < 200
            guard isOdd, state.oddities.count < Self.odditiesMax else { return }
            state.oddities.append("\(status) to \(request): \(text)")
        }
    }

    func unanswered(_ error: String, _ request: String) {
        state.withLock { state in
            state.statuses[0, default: 0] += 1
            // A watch may last.
            if request.contains("watch") { return }
            guard state.oddities.count < Self.odditiesMax else { return }
            state.oddities.append("\(error) to \(request)")
        }
    }
}
