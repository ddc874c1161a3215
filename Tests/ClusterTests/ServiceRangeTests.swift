internal import Foundation
internal import TestSupport
internal import Testing

/// Where the addresses of Services come from. A cluster of its own: it is killed, and started again without options.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"),
    .runningCluster(20, images: []), .timeLimit(.minutes(5)))
struct `Addresses of Services` {
    @Test func `come from ranges that come and go`() async throws {
        let cluster = try cluster()
        let range = "10.\(220 + cluster.index).0.0/16"
        let line = try await cluster.check("get", "servicecidr", "--no-headers")
        #expect(line.hasPrefix("kubernetes") && line.contains(range))
        try await cluster.apply(Self.range("extra", "10.19.19.0/24"))
        try await cluster.check("wait", "servicecidr/extra", "--for=condition=Ready", "--timeout=20s")
        // What no Service has is refused, and does not leave the machine.
        try await eventually("unused addresses are refused") {
            let answer = try await Command.run(["curl", "-sS", "--max-time", "2", "http://10.19.19.77/"])
            return answer.errors.contains("Failed to connect") || answer.errors.contains("Couldn't connect")
        }
        try await cluster.check("create", "service", "clusterip", "far", "--tcp=80:443", "--clusterip=10.19.19.7")
        try await eventually("the address is shown") {
            try await cluster.kubectl(["get", "ipaddress", "10.19.19.7", "--no-headers"]).output
                .contains("services/default/far")
        }
        // The API's own endpoint stands behind it, under another address.
        let slice = try await cluster.check(
            "get", "endpoints", "kubernetes", "-o", "jsonpath={.subsets[0].addresses[0].ip} {.subsets[0].ports[0].port}"
        ).split(separator: " ").map(String.init)
        try #require(slice.count == 2)
        try await cluster.apply(Self.endpoint("far", slice[0], slice[1]))
        try await cluster.check("patch", "service", "far", "-p", #"{"spec":{"selector":null}}"#)
        try await eventually("the Service answers") {
            try await Command.run(["curl", "-sk", "--max-time", "2", "https://10.19.19.7:80/readyz"]).output == "ok"
        }
        // A range goes when nobody needs it.
        try await cluster.check("delete", "servicecidr", "extra", "--wait=false")
        try await eventually("the range says why it stays") {
            try await cluster.check(
                "get", "servicecidr", "extra", "-o", "jsonpath={.status.conditions[0].reason}") == "Terminating"
        }
        let late = try await cluster.kubectl([
            "create", "service", "clusterip", "late", "--tcp=80", "--clusterip=10.19.19.8",
        ])
        #expect(!late.isSuccess && late.errors.contains("failed to allocate IP 10.19.19.8"))
        try await cluster.check("delete", "service", "far")
        try await eventually("the range is gone") {
            try await !cluster.kubectl(["get", "servicecidr", "extra"]).isSuccess
        }
        try await eventually("its route, too") {
            try await !Command.check(["ip", "route"]).contains("10.19.19.0")
        }
    }

    @Test func `never cut the machine off its own network`() async throws {
        let cluster = try cluster()
        let before = try await Command.check(["ip", "route"])
        let own = try #require(
            before.split(separator: "\n").first { $0.contains("proto kernel") && !$0.contains(" dev lo ") }
                .flatMap { $0.split(separator: " ").first })
        try await cluster.apply(Self.range("greedy", String(own)))
        try await eventually("the log says so") {
            let log = try String(contentsOfFile: cluster.dataDirectory + "/skiff.log", encoding: .utf8)
            return log.contains("Services in \(own) cannot be reached: it overlaps the machine's route to \(own)")
        }
        #expect(try await Command.check(["ip", "route"]) == before)
        try await cluster.check("delete", "servicecidr", "greedy")
    }

    @Test func `of acknowledged Services survive a crash, and no address is held twice or by nobody`() async throws {
        let cluster = try cluster()
        let manifest = (0..<150).map { index in
            """
            apiVersion: v1
            kind: Service
            metadata: {name: crash-\(index), labels: {test: crash}}
            spec: {type: NodePort, ports: [{port: 80}]}
            ---

            """
        }.joined()
        let file = cluster.directory + "/crash.yaml"
        try manifest.write(toFile: file, atomically: true, encoding: .utf8)
        async let creation = cluster.kubectl(["create", "-f", file])
        try await eventually("some are there") {
            try await cluster.check("get", "services", "-l", "test=crash", "-o", "name").split(separator: "\n").count
                > 20
        }
        let pid = try #require(cluster.serverPID)
        try await Command.check(["kill", "-9", "\(pid)"])
        let acknowledged = try await creation.output.split(separator: "\n").filter { $0.hasSuffix(" created") }
            .compactMap { $0.split(separator: " ").first }
        let result = try await cluster.up()
        #expect(result.isSuccess, "\(result)")
        @Sendable func column(_ path: String) async throws -> [String] {
            try await cluster.check(
                "get", "services", "-A", "-o", "jsonpath={range .items[*]}{\(path)}{\"\\n\"}{end}"
            ).split(separator: "\n").map(String.init).filter { $0 != "None" && !$0.isEmpty }
        }
        let names = Set(try await column(".metadata.name"))
        for name in acknowledged {
            #expect(names.contains(String(name.dropFirst("service/".count))), "\(name) is lost")
        }
        let (addresses, ports) = (try await column(".spec.clusterIP"), try await column(".spec.ports[0].nodePort"))
        #expect(Set(addresses).count == addresses.count)
        #expect(Set(ports).count == ports.count)
        // Those that were not done yet come now; all of them are shown, and nothing else.
        _ = try await cluster.kubectl(["create", "-f", file])
        try await eventually("addresses and Services agree") {
            let shown = try await cluster.check("get", "ipaddresses", "-o", "jsonpath={.items[*].metadata.name}")
            return try await Set(shown.split(separator: " ").map(String.init)) == Set(column(".spec.clusterIP"))
        }
        #expect(try await column(".metadata.name").filter { $0.hasPrefix("crash-") }.count == 150)
        try await cluster.check("delete", "services", "-l", "test=crash", "--wait=false")
    }

    private static func range(_ name: String, _ cidr: String) -> String {
        """
        apiVersion: networking.k8s.io/v1
        kind: ServiceCIDR
        metadata: {name: \(name)}
        spec: {cidrs: ["\(cidr)"]}
        """
    }

    private static func endpoint(_ service: String, _ address: String, _ port: String) -> String {
        """
        apiVersion: discovery.k8s.io/v1
        kind: EndpointSlice
        metadata: {name: \(service), labels: {kubernetes.io/service-name: \(service)}}
        addressType: IPv4
        ports: [{name: "80-443", port: \(port)}]
        endpoints: [{addresses: ["\(address)"]}]
        """
    }
}
