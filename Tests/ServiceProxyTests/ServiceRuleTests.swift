import APIMachinery
import KubeAPI
import Testing

@testable import ServiceProxy

/// Which endpoints take new connections, and what a Service becomes in the table.
@Suite struct `Rules of a Service` {
    private func chosen(_ endpoints: [(String, Fixture.State)]) -> [String] {
        EndpointSelection([Fixture.slice(endpoints)], portName: "http", protocol: "TCP", nodeName: "here").cluster
            .map(\.address)
    }

    @Test func `ready endpoints come first, then those that end but serve`() {
        #expect(chosen([("10.244.0.2", .ready), ("10.244.0.3", .endingServing)]) == ["10.244.0.2"])
        #expect(chosen([("10.244.0.2", .starting), ("10.244.0.3", .endingServing)]) == ["10.244.0.3"])
        #expect(chosen([("10.244.0.2", .starting), ("10.244.0.3", .ending)]) == [])
        #expect(chosen([("10.244.0.2; drop", .ready)]) == [], "only addresses get into rules")
    }

    @Test func `endpoints of other nodes are not local`() {
        let slices = [
            Fixture.slice([("10.244.0.2", .endingServing)]), Fixture.slice([("10.244.1.2", .ready)], node: "there"),
        ]
        let selection = EndpointSelection(slices, portName: "http", protocol: "TCP", nodeName: "here")
        #expect(selection.cluster.map(\.address) == ["10.244.1.2"])
        #expect(selection.local.map(\.address) == ["10.244.0.2"])
        let other = EndpointSelection(slices, portName: "other", protocol: "TCP", nodeName: "here")
        #expect(other.cluster.isEmpty)
    }

    @Test func `an address without endpoints is refused`() {
        let service = Fixture.service {
            $0.type = "NodePort"
            $0.ports[0].nodePort = 30_080
            $0.externalIPs = ["198.51.100.1"]
        }
        let keys = Fixture.part(service, []).elements.keys.map { "\($0.container.rawValue) \($0.key)" }.sorted()
        #expect(
            keys == [
                "rejected-addresses 10.96.1.1 . tcp . 80", "rejected-addresses 198.51.100.1 . tcp . 80",
                "rejected-ports tcp . 30080",
            ])
    }

    @Test func `headless Services, other names and the cluster's DNS have no rules`() {
        let slices = [Fixture.slice([("10.244.0.2", .ready)])]
        #expect(Fixture.part(Fixture.service { $0.clusterIP = "None" }, slices).isEmpty)
        #expect(Fixture.part(Fixture.service { $0.type = "ExternalName" }, slices).isEmpty)
        #expect(Fixture.part(Fixture.service { $0.clusterIP = "10.96.0.10" }, slices).isEmpty)
    }

    @Test func `a load balancer never takes the API server's port`() {
        var service = Fixture.service {
            $0.type = "LoadBalancer"
            $0.ports[0].port = 6443
        }
        var ingress = LoadBalancerIngress()
        ingress.ip = "192.0.2.1"
        service.status.loadBalancer.ingress = [ingress]
        func addresses() -> [String] {
            Fixture.part(service, [Fixture.slice([("10.244.0.2", .ready)])]).elements.keys
                .filter { $0.container == .serviceAddresses }.map(\.key).sorted()
        }
        #expect(addresses() == ["10.96.1.1 . tcp . 6443"])
        service.spec.ports[0].port = 80
        #expect(addresses() == ["10.96.1.1 . tcp . 80", "192.0.2.1 . tcp . 80"])
        service.status.loadBalancer.ingress[0].ipMode = "Proxy"
        #expect(addresses() == ["10.96.1.1 . tcp . 80"])
    }

    @Test func `outside traffic that is to stay local is dropped where nothing is local`() throws {
        let service = Fixture.service {
            $0.type = "NodePort"
            $0.externalTrafficPolicy = "Local"
            $0.ports[0].nodePort = 30_080
        }
        let away = Fixture.part(service, [Fixture.slice([("10.244.1.2", .ready)], node: "there")])
        #expect(away.chains["external-default/web/tcp/http"]?.last == "drop")
        let here = Fixture.part(service, [Fixture.slice([("10.244.0.2", .ready)])])
        #expect(here.chains["external-default/web/tcp/http"]?.last == "goto local-default/web/tcp/http")
    }

    @Test func `host ports last while the pod does`() {
        var pod = Pod()
        pod.metadata.namespace = "default"
        pod.metadata.name = "p"
        var container = Container()
        var port = ContainerPort()
        port.containerPort = 80
        port.hostPort = 8080
        container.ports = [port]
        pod.spec.containers = [container]
        #expect(HostPortRules(pod: pod).part.isEmpty, "no address yet")
        pod.status.podIP = "10.244.0.9"
        let chains = HostPortRules(pod: pod).part.chains
        #expect(chains["host-port-default/p/tcp/8080"]?.last == "meta l4proto tcp dnat to 10.244.0.9:80")
        pod.status.phase = "Succeeded"
        #expect(HostPortRules(pod: pod).part.isEmpty)
        pod.status.phase = "Running"
        pod.spec.hostNetwork = true
        #expect(HostPortRules(pod: pod).part.isEmpty)
    }
}
