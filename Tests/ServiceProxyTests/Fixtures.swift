import APIMachinery
import KubeAPI

@testable import ServiceProxy

enum Fixture {
    static let configuration = ServiceProxyService.Configuration(
        nodeName: "here", nodeAddress: "192.0.2.1", table: "test", serviceCIDR: "10.96.0.0/12",
        clusterCIDR: "10.244.0.0/16", podCIDR: "10.244.0.0/24", clusterDNS: "10.96.0.10", reservedPorts: [6443])

    static func service(_ name: String = "web", _ change: (inout ServiceSpec) -> Void = { _ in }) -> Service {
        var service = Service()
        service.metadata.namespace = "default"
        service.metadata.name = name
        service.spec.type = "ClusterIP"
        service.spec.clusterIP = "10.96.1.1"
        var port = ServicePort()
        port.name = "http"
        port.port = 80
        service.spec.ports = [port]
        change(&service.spec)
        return service
    }

    enum State { case ready, starting, endingServing, ending }

    static func slice(_ endpoints: [(String, State)], node: String = "here", protocol kind: String = "TCP")
        -> EndpointSlice
    {
        var slice = EndpointSlice()
        slice.addressType = "IPv4"
        var port = DiscoveryEndpointPort()
        port.name = "http"
        port.port = 8080
        port.protocol = kind
        slice.ports = [port]
        slice.endpoints = endpoints.map { address, state in
            var endpoint = Endpoint()
            endpoint.addresses = [address]
            endpoint.nodeName = node
            endpoint.conditions.ready = state == .ready
            endpoint.conditions.serving = state == .ready || state == .endingServing
            endpoint.conditions.terminating = state == .endingServing || state == .ending
            return endpoint
        }
        return slice
    }

    static func part(_ service: Service, _ slices: [EndpointSlice]) -> RuleSet.Part {
        ServiceRules(service: service, slices: slices, configuration: configuration).part
    }
}
