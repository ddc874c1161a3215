import APIMachinery
import KubeAPI
import KubeClient
import Testing

@testable import Controllers

@Suite struct `Distribution of endpoints` {
    private static func endpoints(_ range: Range<Int>, ready: Bool = true) -> [Endpoint] {
        range.map { index in
            var endpoint = Endpoint()
            endpoint.addresses = ["10.0.\(index / 250).\(index % 250)"]
            endpoint.conditions.ready = ready
            return endpoint
        }
    }

    private static func slice(_ name: String, _ endpoints: [Endpoint]) -> EndpointSlice {
        var slice = EndpointSlice()
        slice.metadata.name = name
        slice.metadata.uid = name
        slice.addressType = "IPv4"
        slice.endpoints = endpoints
        return slice
    }

    @Test func `a slice holds a hundred`() {
        let placed = EndpointDistribution(Self.endpoints(0..<250), existing: [])
        #expect(placed.create.map(\.count) == [100, 100, 50])
        #expect(placed.update.isEmpty && placed.delete.isEmpty)
    }

    @Test func `what has not changed is not written`() {
        let existing = [Self.slice("a", Self.endpoints(0..<100)), Self.slice("b", Self.endpoints(100..<130))]
        let placed = EndpointDistribution(Self.endpoints(0..<130), existing: existing)
        #expect(placed.create.isEmpty && placed.update.isEmpty && placed.delete.isEmpty)
        #expect(placed.unchanged.map(\.name) == ["a", "b"])
    }

    @Test func `new ones go where something changes anyway`() {
        let existing = [Self.slice("a", Self.endpoints(0..<90)), Self.slice("b", Self.endpoints(90..<100))]
        // One of a's goes, two come.
        let placed = EndpointDistribution(Self.endpoints(1..<102), existing: existing)
        #expect(placed.update.map(\.name) == ["a"])
        #expect(placed.update.first?.endpoints.count == 91)
        #expect(placed.create.isEmpty && placed.delete.isEmpty)
    }

    @Test func `the fullest slice with room is filled up, and an empty one goes`() {
        let existing = [
            Self.slice("a", Self.endpoints(0..<20)), Self.slice("b", Self.endpoints(100..<190)),
        ]
        let more = EndpointDistribution(
            Self.endpoints(0..<20) + Self.endpoints(100..<195), existing: existing)
        #expect(more.update.map(\.name) == ["b"])
        let fewer = EndpointDistribution(Self.endpoints(0..<20), existing: existing)
        #expect(fewer.delete.map(\.name) == ["b"])
    }

    @Test func `a changed condition rewrites its slice alone`() {
        let existing = [Self.slice("a", Self.endpoints(0..<100)), Self.slice("b", Self.endpoints(100..<110))]
        let desired = Self.endpoints(0..<100) + Self.endpoints(100..<110, ready: false)
        let placed = EndpointDistribution(desired, existing: existing)
        #expect(placed.update.map(\.name) == ["b"])
        #expect(placed.update.first?.endpoints.allSatisfy { $0.conditions.ready == false } == true)
    }

    @Test func `a family without endpoints keeps one slice that says so`() {
        let empty = EndpointSliceGroup(addressType: "IPv4", ports: [], endpoints: [])
        #expect(EndpointSlicePlan([empty], existing: []).create == [empty])
        let kept = EndpointSlicePlan([empty], existing: [Self.slice("a", Self.endpoints(0..<3)), Self.slice("b", [])])
        #expect(kept.update.map(\.name) == ["a"])
        #expect(kept.update.first?.endpoints.isEmpty == true)
        #expect(kept.delete.map(\.name) == ["b"])
        #expect(kept.create.isEmpty)
    }
}

@Suite(.timeLimit(.minutes(2))) struct `Endpoints of Services` {
    @Test func `follow readiness, termination and labels`() async throws {
        try await ControlPlane.run(kubelet: false) { plane in
            try await Self.waitForAccount(plane)
            _ = try await plane.client.create(Self.service("web", ports: [("http", .string("web"))]))
            try await plane.eventually(EndpointSlice.self, "an empty slice") { slices in
                slices.contains { $0.isOf("web") && $0.endpoints.isEmpty && $0.ports.isEmpty }
            }
            try await Self.run("a", port: 8080, ip: "10.1.0.1", ready: true, plane.client)
            try await Self.run("b", port: 8080, ip: "10.1.0.2", ready: false, plane.client)
            try await Self.run("c", port: 9090, ip: "10.1.0.3", ready: true, plane.client)
            try await plane.eventually(EndpointSlice.self, "a slice for each set of ports") { slices in
                let own = slices.filter { $0.isOf("web") }
                let ports = Set(own.flatMap { $0.ports.compactMap(\.port) })
                return own.count == 2 && ports == [8080, 9090] && own.flatMap(\.endpoints).count == 3
            }
            let slices = plane.informers.informer(for: EndpointSlice.self).lister
            let slice = try #require(slices.all.first { $0.isOf("web") && $0.ports.first?.port == 8080 })
            #expect(slice.metadata.labels["app"] == "of-service")
            #expect(slice.metadata.labels[EndpointSliceLabel.managedBy] == "endpointslice-controller.k8s.io")
            #expect(slice.metadata.ownerReferences.first?.kind == "Service")
            let conditions = slice.endpoints.map { "\($0.targetRef?.name ?? "") \($0.conditions.ready ?? false)" }
            #expect(Set(conditions) == ["a true", "b false"])
            try await plane.eventually(Endpoints.self, "Endpoints say the same") { all in
                guard let web = all.first(where: { $0.name == "web" }) else { return false }
                return web.subsets.count == 2 && web.subsets.flatMap(\.addresses).map(\.ip) == ["10.1.0.1", "10.1.0.3"]
                    && web.subsets.flatMap(\.notReadyAddresses).map(\.ip) == ["10.1.0.2"]
            }
            try await plane.client.delete(Pod.self, ObjectKey(namespace: "default", name: "a"))
            try await plane.eventually(EndpointSlice.self, "a serves while it terminates") { slices in
                let endpoint = slices.flatMap(\.endpoints).first { $0.targetRef?.name == "a" }
                return endpoint?.conditions.ready == false && endpoint?.conditions.serving == true
                    && endpoint?.conditions.terminating == true
            }
            try await plane.eventually(Endpoints.self, "Endpoints do not have it") { all in
                all.first { $0.name == "web" }?.subsets.flatMap(\.addresses).map(\.ip) == ["10.1.0.3"]
            }
            var options = DeleteOptions()
            options.gracePeriodSeconds = 0
            try await plane.client.delete(Pod.self, ObjectKey(namespace: "default", name: "a"), options: options)
            try await plane.client.delete(Pod.self, ObjectKey(namespace: "default", name: "c"), options: options)
            try await plane.eventually(EndpointSlice.self, "gone pods are gone") { slices in
                let own = slices.filter { $0.isOf("web") }
                return own.count == 1 && own[0].endpoints.map { $0.targetRef?.name } == ["b"]
            }
            try await plane.client.delete(Service.self, ObjectKey(namespace: "default", name: "web"))
            try await plane.eventually(EndpointSlice.self, "slices go with the Service") {
                !$0.contains { $0.isOf("web") }
            }
            try await plane.eventually(Endpoints.self, "Endpoints too") { !$0.contains { $0.name == "web" } }
        }
    }

    @Test func `many pods fill slices of a hundred, none twice`() async throws {
        try await ControlPlane.run(kubelet: false) { plane in
            try await Self.waitForAccount(plane)
            _ = try await plane.client.create(Self.service("many", ports: [("http", .int(80))]))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<130 {
                    group.addTask {
                        try await Self.run(
                            "p\(index)", port: 80, ip: "10.2.0.\(index + 1)", ready: true, plane.client)
                    }
                }
                try await group.waitForAll()
            }
            try await plane.eventually(EndpointSlice.self, "130 endpoints") { slices in
                let own = slices.filter { $0.isOf("many") }
                let addresses = own.flatMap { $0.endpoints.flatMap(\.addresses) }
                return addresses.count == 130 && Set(addresses).count == 130
                    && own.allSatisfy { $0.endpoints.count <= 100 }
            }
        }
    }

    @Test func `those made by hand are mirrored`() async throws {
        try await ControlPlane.run(kubelet: false) { plane in
            var service = Self.service("outside", ports: [("db", .int(5432))])
            service.spec.selector = [:]
            _ = try await plane.client.create(service)
            var endpoints = Endpoints()
            endpoints.metadata.namespace = "default"
            endpoints.metadata.name = "outside"
            var subset = EndpointSubset()
            subset.addresses = ["192.0.2.7", "192.0.2.8"].map { ip in
                var address = EndpointAddress()
                address.ip = ip
                return address
            }
            var port = EndpointPort()
            port.name = "db"
            port.port = 5432
            subset.ports = [port]
            endpoints.subsets = [subset]
            var made = try await plane.client.create(endpoints)
            try await plane.eventually(EndpointSlice.self, "the mirror") { slices in
                slices.contains { slice in
                    slice.isOf("outside") && slice.endpoints.count == 2 && slice.ports.first?.port == 5432
                        && slice.metadata.labels[EndpointSliceLabel.managedBy] == EndpointSliceMirroring.managedBy
                }
            }
            made.metadata.labels[EndpointSliceLabel.skipMirror] = "true"
            try await plane.client.update(made)
            try await plane.eventually(EndpointSlice.self, "no mirror") { !$0.contains { $0.isOf("outside") } }
        }
    }

    /// Pods are refused until their ServiceAccount is there.
    private static func waitForAccount(_ plane: ControlPlane) async throws {
        try await plane.eventually(ServiceAccount.self, "the default ServiceAccount") { accounts in
            accounts.contains { $0.key == ObjectKey(namespace: "default", name: "default") }
        }
    }

    private static func service(_ name: String, ports: [(String, IntOrString)]) -> Service {
        var service = Service()
        service.metadata.namespace = "default"
        service.metadata.name = name
        service.metadata.labels = ["app": "of-service"]
        service.spec.selector = ["app": "web"]
        service.spec.ports = ports.map { name, target in
            var port = ServicePort()
            port.name = name
            port.port = 80
            port.targetPort = target
            return port
        }
        return service
    }

    /// A pod as its node agent would show it.
    private static func run(
        _ name: String, port: Int32, ip: String, ready: Bool, _ client: Client
    ) async throws {
        var pod = Pod()
        pod.metadata.namespace = "default"
        pod.metadata.name = name
        pod.metadata.labels = ["app": "web"]
        var container = Container()
        container.name = "c"
        container.image = "example.com/web:1"
        var named = ContainerPort()
        named.name = "web"
        named.containerPort = port
        container.ports = [named]
        pod.spec.containers = [container]
        pod.spec.nodeName = "n1"
        var made = try await client.create(pod)
        made.status.phase = "Running"
        made.status.podIP = ip
        var address = PodIP()
        address.ip = ip
        made.status.podIPs = [address]
        var condition = PodCondition()
        condition.type = "Ready"
        condition.status = ready ? "True" : "False"
        condition.lastTransitionTime = .now()
        made.status.conditions = [condition]
        _ = try await client.updateStatus(made)
    }
}

extension EndpointSlice {
    fileprivate func isOf(_ service: String) -> Bool { metadata.labels[EndpointSliceLabel.serviceName] == service }
}
