import Glibc
import KubeAPI
import Logging
import Synchronization
import Testing

@testable import ServiceProxy

/// Changes of the table as transactions; the kernel's own nftables says whether they are right.
@Suite struct `Rule changes` {
    private static let web = RuleSet.Source.service(namespace: "default", name: "web")
    private static let other = RuleSet.Source.service(namespace: "default", name: "other")

    private static func part(_ count: Int, affinity: Bool = false, name: String = "web") -> RuleSet.Part {
        let service = Fixture.service(name) {
            $0.type = "NodePort"
            $0.ports[0].nodePort = 30_080
            $0.externalIPs = ["198.51.100.1"]
            if affinity { $0.sessionAffinity = "ClientIP" }
            $0.externalTrafficPolicy = "Local"
        }
        return Fixture.part(service, [Fixture.slice((0..<count).map { ("10.244.0.\($0 + 2)", .ready) })])
    }

    private static func script(_ rules: inout RuleSet, _ source: RuleSet.Source, _ part: RuleSet.Part) -> String {
        var changes = RuleChanges()
        rules.update(source, part, &changes)
        return changes.isEmpty ? "" : changes.script(table: "test")
    }

    @Test func `what does not change is not written`() {
        var rules = RuleSet()
        #expect(!Self.script(&rules, Self.web, Self.part(2)).isEmpty)
        #expect(Self.script(&rules, Self.web, Self.part(2)) == "")
        let third = Self.script(&rules, Self.web, Self.part(3))
        #expect(!third.contains("element ip test service-addresses"), "the way in stays: \(third)")
        #expect(third.contains("mod 3"))
    }

    @Test func `of two claims the first counts, then the second`() {
        var rules = RuleSet()
        _ = Self.script(&rules, Self.web, Self.part(1))
        let second = Self.script(&rules, Self.other, Self.part(1, name: "other"))
        #expect(!second.contains("198.51.100.1"), "\(second)")
        let gone = Self.script(&rules, Self.web, RuleSet.Part())
        #expect(gone.contains("198.51.100.1 . tcp . 80 : goto external-default/other/tcp/http"), "\(gone)")
    }

    @Test(.enabled(if: geteuid() == 0, "rules need root"))
    func `nftables takes every step, and ends as if all was written at once`() async throws {
        var rules = RuleSet()
        var text = Fixture.base.script
        let steps: [(RuleSet.Source, RuleSet.Part)] = [
            (Self.web, Self.part(1)), (Self.web, Self.part(3)), (Self.other, Self.part(2, name: "other")),
            (Self.web, Self.part(3, affinity: true)), (Self.web, Self.part(0)),
            (Self.web, Self.part(2, affinity: true)),
            (Self.web, RuleSet.Part()), (Self.web, Self.part(4)), (Self.other, RuleSet.Part()),
        ]
        var listings: [String] = []
        for (source, part) in steps {
            text += Self.script(&rules, source, part)
            let apart = try Namespace.listing(text)
            let once = try Namespace.listing(Fixture.base.script + rules.everything.script(table: "test"))
            #expect(apart == once)
            listings.append(apart.joined())
        }
        #expect(Set(listings).count == listings.count, "every step shows")
    }

    /// Traffic over SCTP needs a kernel that has it; rules do not.
    @Test(.enabled(if: geteuid() == 0, "rules need root"), arguments: ["TCP", "UDP", "SCTP"])
    func `every protocol has rules that nftables takes`(_ kind: String) throws {
        let service = Fixture.service {
            $0.type = "NodePort"
            $0.ports[0].protocol = kind
            $0.ports[0].nodePort = 30_080
        }
        let slice = Fixture.slice([("10.244.0.2", .ready), ("10.244.0.3", .ready)], protocol: kind)
        var rules = RuleSet()
        let text = Self.script(&rules, Self.web, Fixture.part(service, [slice]))
        let listing = try Namespace.listing(Fixture.base.script + text).joined(separator: "\n")
        let number = ["TCP": 6, "UDP": 17, "SCTP": 132][kind] ?? 0
        let name = kind.lowercased()
        #expect(
            listing.contains("10.96.1.1 . \(name) . 80 : goto service-default/web/\(name)/http")
                || listing.contains("10.96.1.1 . \(number) . 80 : goto service-default/web/\(name)/http"), "\(listing)")
    }

    @Test(.enabled(if: geteuid() == 0, "rules need root"))
    func `added ranges are refused like the cluster's own, unless they are somebody else's`() async throws {
        let kernel = ServiceProxyService.Kernel(
            nft: { _ in }, chains: { [] }, sets: { _ in [] }, conntrack: { _ in "" }, allowLoopback: { _ in },
            route: { $0.contains("192.0.2.0/24") ? ["192.0.2.0/24": "taken"] : [:] }, portHolders: { _ in [:] })
        func range(_ cidr: String) -> ServiceCIDR {
            var range = ServiceCIDR()
            range.spec.cidrs = [cidr]
            return range
        }
        var added = ServiceRangeRules()
        await added.update(
            [range("10.96.0.0/12"), range("10.112.7.0/24"), range("192.0.2.0/24"), range("2001:db8::/64")],
            initial: "10.96.0.0/12", kernel: kernel, logger: Logger(label: "test"))
        #expect(added.ranges == ["10.112.7.0/24"])
        var rules = RuleSet()
        var text = Fixture.base.script + Self.script(&rules, .ranges, added.part(clusterDNS: "10.96.0.10"))
        #expect(
            try Namespace.listing(text).joined().contains("ip daddr 10.112.7.0/24 ip daddr != 10.96.0.10 goto refusal"))
        await added.update(
            [range("10.96.0.0/12")], initial: "10.96.0.0/12", kernel: kernel, logger: Logger(label: "test"))
        text += Self.script(&rules, .ranges, added.part(clusterDNS: "10.96.0.10"))
        #expect(try !Namespace.listing(text).joined().contains("10.112.7.0"))
    }

    @Test func `a failure is made good by writing everything`() async {
        let scripts = Mutex<[String]>([])
        let isBroken = Mutex(false)
        let kernel = ServiceProxyService.Kernel(
            nft: { script in
                if isBroken.withLock({ $0 }) { throw Broken() }
                scripts.withLock { $0.append(script) }
            }, chains: { [] }, sets: { _ in Array(Self.remembered.utf8) },
            conntrack: { _ in "" }, allowLoopback: { _ in }, route: { _ in [:] }, portHolders: { _ in [:] })
        var writer = RuleWriter(configuration: Fixture.configuration, kernel: kernel, logger: Logger(label: "test"))
        func last() -> String { scripts.withLock { $0.last ?? "" } }
        writer.update(Self.web, Self.part(1))
        await writer.write()
        #expect(last().contains("delete table ip test"))
        writer.update(Self.web, Self.part(2))
        await writer.write()
        #expect(!last().contains("delete table ip test") && last().contains("mod 2"))
        isBroken.withLock { $0 = true }
        writer.update(Self.web, Self.part(3))
        await writer.write()
        #expect(writer.isBehind)
        isBroken.withLock { $0 = false }
        await writer.write()
        #expect(!writer.isBehind && last().contains("delete table ip test") && last().contains("mod 3"))
        // Somebody flushes all rules.
        let count = scripts.withLock { $0.count }
        writer.check(Array(#"{"nftables":[{"chain":{"family":"ip","table":"test","name":"services"}}]}"#.utf8))
        await writer.write()
        #expect(scripts.withLock { $0.count } == count)
        writer.check(Array(#"{"nftables":[]}"#.utf8))
        await writer.write()
        #expect(scripts.withLock { $0.count } == count + 1 && last().contains("mod 3"))
    }

    @Test func `clients stay with their endpoints over a restart of the proxy`() async {
        let scripts = Mutex<[String]>([])
        let kernel = ServiceProxyService.Kernel(
            nft: { script in scripts.withLock { $0.append(script) } }, chains: { [] },
            sets: { _ in Array(Self.remembered.utf8) }, conntrack: { _ in "" }, allowLoopback: { _ in },
            route: { _ in [:] }, portHolders: { _ in [:] })
        var writer = RuleWriter(configuration: Fixture.configuration, kernel: kernel, logger: Logger(label: "test"))
        writer.update(Self.web, Self.part(2, affinity: true))
        await writer.write()
        let script = scripts.withLock { $0.last ?? "" }
        let name = "clients-10800-default/web/tcp/http/10.244.0.2/8080"
        #expect(script.hasSuffix("add element ip test \(name) { 10.0.0.1 expires 5000s, 10.0.0.2 expires 60s }\n"))
        #expect(!script.contains("10.0.0.9"), "of an endpoint that is gone")
    }

    /// As nftables 1.0.6 prints it.
    private static let remembered = #"""
        {"nftables":[{"metainfo":{"version":"1.0.6"}},{"table":{"family":"ip","name":"test","handle":1}},
        {"set":{"family":"ip","name":"clients-10800-default/web/tcp/http/10.244.0.2/8080","table":"test",
        "type":"ipv4_addr","handle":1,"size":100,"flags":["timeout","dynamic"],"timeout":10800,"elem":[
        {"elem":{"val":"10.0.0.1","timeout":10800,"expires":5000}},{"elem":{"val":"10.0.0.2","expires":60}}]}},
        {"set":{"family":"ip","name":"clients-10800-default/web/tcp/http/10.244.0.8/8080","table":"test",
        "type":"ipv4_addr","elem":[{"elem":{"val":"10.0.0.9","expires":60}}]}}]}
        """#

    private struct Broken: Error {}
}

extension Fixture {
    static let base = BaseRules(
        table: configuration.table, serviceCIDR: configuration.serviceCIDR, clusterCIDR: configuration.clusterCIDR,
        podCIDR: configuration.podCIDR, clusterDNS: configuration.clusterDNS)
}
