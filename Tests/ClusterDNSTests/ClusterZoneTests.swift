import Testing

@testable import ClusterDNS

/// Names as the specification of Kubernetes DNS, version 1.1, has them.
@Suite struct `Names of the cluster` {
    /// Records as text; `nil` where there is no such name.
    private func records(_ fixture: Fixture, _ name: String, _ type: DNSType) -> [String]? {
        switch fixture.zone.answer(DNSName(name), type) {
        case .records(let records, _): records.map { Self.text($0) }.sorted()
        case .alias(let record, _): [Self.text(record)]
        case .noSuchName: nil
        case .elsewhere: ["elsewhere"]
        }
    }

    private static func text(_ record: DNSRecord) -> String {
        switch record.data {
        case .address(let bytes): "A \(IPAddress(bytes: bytes))"
        case .name(let name): "\(record.type == .cname ? "CNAME" : "PTR") \(name)"
        case .text(let strings): "TXT \(strings.joined())"
        case .service(_, _, let port, let target): "SRV \(port) \(target)"
        case .authority: "SOA"
        }
    }

    @Test func `a Service has its address, and none of the other family`() {
        let fixture = Fixture()
        fixture.add("web", ip: "10.96.1.2")
        #expect(records(fixture, "web.default.svc.cluster.local", .a) == ["A 10.96.1.2"])
        #expect(records(fixture, "WEB.Default.svc.Cluster.Local.", .a) == ["A 10.96.1.2"])
        #expect(records(fixture, "web.default.svc.cluster.local", .aaaa) == [])
        let port = "_tcp.web.default.svc.cluster.local"
        #expect(records(fixture, "_http." + port, .srv) == ["SRV 80 web.default.svc.cluster.local."])
        #expect(records(fixture, "_ftp." + port, .srv) == nil)
        #expect(records(fixture, "2.1.96.10.in-addr.arpa", .ptr) == ["PTR web.default.svc.cluster.local."])
    }

    @Test func `a headless Service has those of its ready endpoints`() {
        let fixture = Fixture()
        fixture.add("db", ip: "None")
        fixture.addSlice(
            "db", [("10.244.0.5", "db-0", true), ("10.244.0.6", nil, true), ("10.244.0.7", "db-2", false)])
        let db = "db.default.svc.cluster.local"
        #expect(records(fixture, db, .a) == ["A 10.244.0.5", "A 10.244.0.6"])
        #expect(records(fixture, "db-0." + db, .a) == ["A 10.244.0.5"])
        #expect(records(fixture, "10-244-0-6." + db, .a) == ["A 10.244.0.6"])
        #expect(records(fixture, "db-2." + db, .a) == nil)
        #expect(records(fixture, "_http._tcp." + db, .srv) == ["SRV 8080 10-244-0-6.\(db).", "SRV 8080 db-0.\(db)."])
        #expect(records(fixture, "5.0.244.10.in-addr.arpa", .ptr) == ["PTR db-0.\(db)."])
        fixture.addSlice("db", [])
        #expect(records(fixture, db, .a) == nil)
    }

    @Test func `an external name is an alias`() {
        let fixture = Fixture()
        fixture.add("away", type: "ExternalName", external: "db.example.com")
        #expect(records(fixture, "away.default.svc.cluster.local", .a) == ["CNAME db.example.com."])
    }

    @Test(
        arguments: [
            ("10-244-0-9.default.pod.cluster.local", ["A 10.244.0.9"]), ("10-244-0.default.pod.cluster.local", nil),
            ("10-244-0-9.absent.pod.cluster.local", nil), ("cluster.local", []), ("svc.cluster.local", []),
            ("default.svc.cluster.local", []), ("absent.svc.cluster.local", nil), ("x.default.svc.cluster.local", nil),
            ("a.b.c.d.default.svc.cluster.local", nil), ("nothing.cluster.local", nil), ("example.com", ["elsewhere"]),
            ("local", ["elsewhere"]), ("9.0.244.10.in-addr.arpa", nil), ("1.2.0.192.in-addr.arpa", ["elsewhere"]),
        ] as [(String, [String]?)])
    func `other names`(_ name: String, _ wanted: [String]?) {
        #expect(records(Fixture(), name, .a) == wanted)
    }

    @Test func `the version of the specification`() {
        #expect(records(Fixture(), "dns-version.cluster.local", .txt) == ["TXT 1.1.0"])
        #expect(records(Fixture(), "cluster.local", .soa) == ["SOA"])
    }
}
