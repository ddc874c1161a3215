import APIMachinery
import APIServer
import Testing

private let services = "/api/v1/namespaces/default/services"
private let ranges = "/apis/networking.k8s.io/v1/servicecidrs"
private let claims = "/apis/networking.k8s.io/v1/ipaddresses"

private func service(_ name: String, _ more: [(String, Value)] = []) -> Value {
    var spec: Value = ["ports": [["port": 80]]]
    for (key, value) in more { spec[key] = value }
    return ["metadata": ["name": .string(name)], "spec": spec]
}

private func nodePort(_ name: String, _ port: Int64) -> Value {
    service(name, [("type", "NodePort"), ("ports", [["port": 80, "nodePort": .int(port)]])])
}

extension TestServer.Reply {
    fileprivate var address: String { body[path: "spec", "clusterIP"]?.string ?? "" }
    fileprivate var nodePorts: [Int64] {
        body[path: "spec", "ports"]?.array?.compactMap { $0["nodePort"]?.int } ?? []
    }
}

@Suite struct `Addresses and ports of Services` {
    @Test func `a create that fails takes nothing from the Service that has the name`() async throws {
        try await TestServer.with { test in
            let first = await test.post(services, nodePort("web", 30100))
            #expect(first.status == 201)
            #expect(await test.post(services, nodePort("web", 30100)).status == 422, "the port is asked for first")
            #expect(await test.post(services, service("web")).status == 409)
            let address = await test.post(services, service("thief", [("clusterIP", .string(first.address))]))
            #expect(address.message.contains("provided IP is already allocated"))
            let port = await test.post(services, nodePort("thief", 30100))
            #expect(
                port.message.hasSuffix(
                    "spec.ports[0].nodePort: Invalid value: 30100: provided port is already allocated"))
        }
    }

    @Test func `what a dry run or a refusal reserved is free again`() async throws {
        try await TestServer.with { test in
            #expect(await test.post(services + "?dryRun=All", nodePort("web", 30100)).status == 201)
            var bad = nodePort("Bad_Name", 30100)
            #expect(await test.post(services, bad).status == 422)
            bad = nodePort("web", 30100)
            #expect(await test.post(services, bad).status == 201)
            let moved = await test.patch(
                services + "/web?dryRun=All", .json,
                [["op": "replace", "path": "/spec/ports/0/nodePort", "value": 30101]])
            #expect(moved.nodePorts == [30101])
            #expect(await test.post(services, nodePort("other", 30101)).status == 201)
            #expect(await test.post(services, nodePort("third", 30100)).status == 422)
        }
    }

    @Test func `a port that moves is free, and so is all when the type changes`() async throws {
        try await TestServer.with { test in
            let made = await test.post(services, nodePort("web", 30100))
            _ = await test.patch(
                services + "/web", .json, [["op": "replace", "path": "/spec/ports/0/nodePort", "value": 30101]])
            #expect(await test.post(services, nodePort("other", 30100)).status == 201)
            _ = await test.patch(
                services + "/web", .merge,
                [
                    "spec": [
                        "type": "ExternalName", "externalName": "example.com", "clusterIP": .null, "clusterIPs": .null,
                    ]
                ])
            #expect(await test.post(services, nodePort("third", 30101)).status == 201)
            let heir = await test.post(services, service("heir", [("clusterIP", .string(made.address))]))
            #expect(heir.status == 201)
            // And back again, with an address that is nobody else's.
            let back = await test.patch(services + "/web", .merge, ["spec": ["type": "ClusterIP"]])
            #expect(back.status == 200 && back.address != made.address && !back.address.isEmpty)
        }
    }

    @Test func `protocols of one port share a port of the nodes, two ports do not`() async throws {
        try await TestServer.with { test in
            func ports(_ second: Int64) -> Value {
                service(
                    "p\(second)",
                    [
                        ("type", "NodePort"),
                        (
                            "ports",
                            [
                                ["name": "a", "port": 80, "nodePort": 30100],
                                ["name": "b", "port": .int(second), "protocol": "UDP", "nodePort": 30100],
                            ]
                        ),
                    ])
            }
            #expect(
                await test.post(services, ports(81)).message.hasSuffix(
                    "spec.ports[1].nodePort: Invalid value: 30100: provided port is already allocated"))
            #expect(await test.post(services, ports(80)).nodePorts == [30100, 30100])
        }
    }

    @Test func `two hundred creates at once get two hundred addresses and ports`() async throws {
        try await TestServer.with { test in
            let made = await withTaskGroup(of: TestServer.Reply.self) { group in
                for index in 0..<200 {
                    group.addTask { await test.post(services, service("s\(index)", [("type", "NodePort")])) }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(made.allSatisfy { $0.status == 201 })
            #expect(Set(made.map(\.address)).count == 200)
            #expect(Set(made.flatMap(\.nodePorts)).count == 200)
        }
    }

    @Test func `writers of one Service and of others never share a port`() async throws {
        try await TestServer.with { test in
            for name in ["a", "b", "c"] { #expect(await test.post(services, nodePort(name, 0)).status == 201) }
            await withTaskGroup(of: Void.self) { group in
                for name in ["a", "b", "c"] {
                    for worker in 0..<4 {
                        group.addTask {
                            for round in 0..<25 {
                                let port = 30200 + (worker * 7 + round * 3) % 5
                                _ = await test.patch(
                                    services + "/" + name, .json,
                                    [["op": "replace", "path": "/spec/ports/0/nodePort", "value": .int(Int64(port))]])
                                _ = await test.patch(
                                    services + "/" + name, .merge, ["metadata": ["labels": ["r": .string("\(round)")]]])
                            }
                        }
                    }
                }
            }
            var ports: [Int64] = []
            for name in ["a", "b", "c"] { ports += await test.get(services + "/" + name).nodePorts }
            #expect(Set(ports).count == 3, "\(ports)")
            // Nothing is held by nobody.
            for port in 30200...30204 where !ports.contains(Int64(port)) {
                #expect(await test.post(services, nodePort("p\(port)", Int64(port))).status == 201)
            }
        }
    }

    @Test func `a server that starts knows what is taken, and nothing else`() async throws {
        try await TestServer.with { test in
            let made = await test.post(services, nodePort("web", 30100))
            _ = await test.post(services, nodePort("gone", 30101))
            _ = await test.delete(services + "/gone")
            let again = try await test.restarted()
            #expect(await again.post(services, nodePort("thief", 30100)).status == 422)
            let thief = await again.post(services, service("thief", [("clusterIP", .string(made.address))]))
            #expect(thief.status == 422)
            #expect(await again.post(services, nodePort("next", 30101)).status == 201)
        }
    }

    @Test func `what nobody asked for comes from the upper band while that lasts`() async throws {
        try await TestServer.with(configure: { configuration in
            configuration.serviceCIDR = "10.96.0.0/26"
            configuration.nodePorts = 30000...30063
        }) { test in
            // 62 addresses, 16 of them in the lower band, whose first is the API's; 64 ports, likewise.
            for index in 0..<46 {
                let made = await test.post(services, service("s\(index)", [("type", "NodePort")]))
                let last = Int(made.address.split(separator: ".").last ?? "") ?? 0
                #expect(last >= 17, "\(made.address)")
                #expect(made.nodePorts.allSatisfy { $0 >= 30016 })
            }
            for index in 46..<61 { #expect(await test.post(services, service("s\(index)")).status == 201) }
            let full = await test.post(services, service("late"))
            #expect(full.status == 500)
            #expect(full.message == "Internal error occurred: failed to allocate a serviceIP: range is full")
            // A headless one needs none, and one that goes makes room.
            #expect(await test.post(services, service("headless", [("clusterIP", "None")])).status == 201)
            _ = await test.delete(services + "/s3")
            #expect(await test.post(services, service("late")).status == 201)
        }
    }

    @Test func `ports of the nodes end, too`() async throws {
        try await TestServer.with(configure: { configuration in
            configuration.nodePorts = 30000...30003
        }) { test in
            for index in 0..<4 {
                #expect(await test.post(services, service("s\(index)", [("type", "NodePort")])).status == 201)
            }
            let full = await test.post(services, service("late", [("type", "NodePort")]))
            #expect(full.status == 500)
            #expect(full.message == "Internal error occurred: failed to allocate a nodePort: range is full")
            let outside = await test.post(services, nodePort("outside", 29999))
            #expect(
                outside.message.hasSuffix(
                    "spec.ports[0].nodePort: Invalid value: 29999: provided port is not in the valid range. "
                        + "The range of valid ports is 30000-30003"))
        }
    }

    @Test func `ranges count while they are ready and not on their way out`() async throws {
        try await TestServer.with(configure: { configuration in
            configuration.serviceCIDR = "10.96.0.0/28"
        }) { test in
            let wanted = service("far", [("clusterIP", "10.112.0.7")])
            let range: Value = [
                "metadata": ["name": "more", "finalizers": ["example.com/hold"]], "spec": ["cidrs": ["10.112.0.0/24"]],
            ]
            #expect(await test.post(ranges, range).status == 201)
            let early = await test.post(services, wanted)
            #expect(
                early.message.hasSuffix(
                    "failed to allocate IP 10.112.0.7: the provided network does not match the current range"))
            let ready = await test.patch(
                ranges + "/more/status", .merge,
                [
                    "status": [
                        "conditions": [
                            [
                                "type": "Ready", "status": "True", "reason": "Tested", "message": "",
                                "lastTransitionTime": "2026-01-01T00:00:00Z",
                            ]
                        ]
                    ]
                ])
            #expect(ready.status == 200, "\(ready.message)")
            #expect(await test.post(services, wanted).status == 201)
            // 14 addresses, one of them the API's; what comes then is of the other range.
            for index in 0..<13 { #expect(await test.post(services, service("s\(index)")).status == 201) }
            #expect(await test.post(services, service("over")).address.hasPrefix("10.112.0."))
            _ = await test.delete(ranges + "/more")
            let late = await test.post(services, service("late"))
            #expect(late.message == "Internal error occurred: failed to allocate a serviceIP: range is full")
        }
    }

    @Test func `an address that somebody claims by hand is not given to Services`() async throws {
        try await TestServer.with(configure: { configuration in
            configuration.serviceCIDR = "10.96.0.0/28"
        }) { test in
            let claim: Value = [
                "metadata": ["name": "10.96.0.5"],
                "spec": ["parentRef": ["group": "example.com", "resource": "things", "name": "one"]],
            ]
            #expect(await test.post(claims, claim).status == 201)
            let refused = await test.post(services, service("web", [("clusterIP", "10.96.0.5")]))
            #expect(refused.message.hasSuffix("failed to allocate IP 10.96.0.5: provided IP is already allocated"))
            for index in 0..<12 {
                #expect(await test.post(services, service("s\(index)")).address != "10.96.0.5")
            }
            #expect(await test.post(services, service("late")).status == 500)
            _ = await test.delete(claims + "/10.96.0.5")
            #expect(await test.post(services, service("late")).address == "10.96.0.5")
        }
    }
}
