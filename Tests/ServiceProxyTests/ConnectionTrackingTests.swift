import Synchronization
import Testing

@testable import ServiceProxy

/// What `conntrack` says, and what is done about it.
@Suite struct `UDP flows` {
    private static let lines = """
        udp      17 25 src=10.244.0.5 dst=10.96.0.20 sport=4000 dport=53 src=10.244.0.7 dst=10.244.0.5 sport=5353 dport=4000 [ASSURED] mark=0 use=1
        udp      17 29 src=10.244.0.6 dst=10.96.0.20 sport=4001 dport=53 [UNREPLIED] src=10.244.0.8 dst=10.244.0.6 sport=5353 dport=4001 mark=0 use=1
        udp      17 29 src=192.0.2.9 dst=192.0.2.1 sport=4002 dport=30053 src=10.244.0.8 dst=192.0.2.9 sport=5353 dport=4002 mark=0 use=1
        udp      17 29 src=192.0.2.9 dst=192.0.2.1 sport=4003 dport=30054 src=192.0.2.1 dst=192.0.2.9 sport=30054 dport=4003 mark=0 use=1
        tcp      6 431999 ESTABLISHED src=10.0.0.1 dst=10.0.0.2

        """

    @Test func `to endpoints that are gone are cut, others stay`() async throws {
        let calls = Mutex<[[String]]>([])
        let tracking = ConnectionTracking { arguments in
            calls.withLock { $0.append(arguments) }
            return arguments[0] == "-L" ? Self.lines : ""
        }
        let left: Set<ServiceEndpoint> = [ServiceEndpoint(address: "10.244.0.7", port: 5353)]
        try await tracking.cutStale([
            UDPFrontend(address: "10.96.0.20", port: 53): left, UDPFrontend(address: nil, port: 30_053): left,
            UDPFrontend(address: nil, port: 30_054): left,
        ])
        let cut = calls.withLock { $0 }.filter { $0[0] == "-D" }.map { $0[4] + " " + $0[8] }
        #expect(cut == ["10.244.0.6 4001", "192.0.2.9 4002"])
    }

    @Test func `nothing is asked where no Service speaks UDP`() async throws {
        let tracking = ConnectionTracking { arguments in
            Issue.record("conntrack \(arguments)")
            return ""
        }
        try await tracking.cutStale([:])
    }
}

@Suite struct `Other programs' firewalls` {
    @Test func `are named where they drop what is forwarded`() throws {
        let json = #"""
            {"nftables":[{"metainfo":{"version":"1.0.6"}},
            {"chain":{"family":"ip","table":"filter","name":"FORWARD","type":"filter","hook":"forward","prio":0,"policy":"drop"}},
            {"chain":{"family":"inet","table":"own","name":"in","type":"filter","hook":"input","prio":0,"policy":"drop"}},
            {"chain":{"family":"ip","table":"test","name":"services"}}]}
            """#
        let report = try FirewallReport(json: Array(json.utf8), table: "test")
        #expect(report.hasTable)
        #expect(report.dropping == ["ip filter FORWARD"])
        #expect(try !FirewallReport(json: Array(json.utf8), table: "another").hasTable)
    }
}
