import APIMachinery
import KubeAPI
import Logging

@testable import ClusterDNS
@testable import KubeClient

/// A zone over caches that the test fills by hand.
struct Fixture {
    let services: Informer<Service>
    let slices: Informer<EndpointSlice>
    let namespaces: Informer<Namespace>
    let zone: ClusterZone

    private struct Nowhere: ClientTransport {
        struct Unreachable: Error {}
        var watchSeconds: ClosedRange<Int>? { nil }
        func send(_ request: ClientRequest) async throws -> ClientResponse { throw Unreachable() }
        func stream(_ request: ClientRequest) async throws -> AsyncThrowingStream<[UInt8], any Error> {
            throw Unreachable()
        }
    }

    init(domain: DNSName = "cluster.local") {
        let factory = InformerFactory(client: Client(transport: Nowhere()))
        services = factory.informer(for: Service.self)
        slices = factory.informer(for: EndpointSlice.self)
        namespaces = factory.informer(for: Namespace.self)
        services.addIndex(ServiceAddressIndex.index)
        slices.addIndex(ServiceSliceIndex.index)
        slices.addIndex(EndpointAddressIndex.index)
        zone = ClusterZone(
            domain: domain, ranges: ["10.96.0.0/12", "10.244.0.0/16"].compactMap { AddressPrefix($0) },
            services: services.lister, slices: slices.lister, namespaces: namespaces.lister)
        var namespace = Namespace()
        namespace.metadata.name = "default"
        namespaces.apply(.upserted(namespace))
    }

    func add(_ name: String, ip: String? = nil, type: String = "ClusterIP", external: String? = nil) {
        var service = Service()
        service.metadata.namespace = "default"
        service.metadata.name = name
        service.spec.type = type
        service.spec.externalName = external
        service.spec.clusterIP = ip
        service.spec.clusterIPs = ip.map { [$0] } ?? []
        var port = ServicePort()
        port.name = "http"
        port.port = 80
        port.protocol = "TCP"
        service.spec.ports = [port]
        services.apply(.upserted(service))
    }

    /// `endpoints`: address, host name, ready.
    func addSlice(_ service: String, _ endpoints: [(String, String?, Bool)]) {
        var slice = EndpointSlice()
        slice.metadata.namespace = "default"
        slice.metadata.name = service + "-1"
        slice.metadata.labels["kubernetes.io/service-name"] = service
        slice.addressType = "IPv4"
        slice.endpoints = endpoints.map { address, hostname, isReady in
            var endpoint = Endpoint()
            endpoint.addresses = [address]
            endpoint.hostname = hostname
            endpoint.conditions.ready = isReady
            return endpoint
        }
        var port = DiscoveryEndpointPort()
        port.name = "http"
        port.port = 8080
        port.protocol = "TCP"
        slice.ports = [port]
        slices.apply(.upserted(slice))
    }

    func responder(upstreams: [DNSUpstream] = []) -> DNSResponder {
        DNSResponder(zone: zone, forwarder: DNSForwarder(logger: Logger(label: "test")) { upstreams })
    }
}

/// A question as a client sends it. `payload`: what it takes over UDP, with EDNS.
func message(_ name: String, _ type: DNSType, id: UInt16 = 7, payload: UInt16? = nil) -> [UInt8] {
    var query = DNSQuery(asking: DNSName(name), type)
    if let payload { query.extended = .init(payloadBytesMax: payload, version: 0, isDNSSECWanted: false) }
    var bytes = query.message(id: id)
    if let payload {
        bytes[bytes.count - 8] = UInt8(payload >> 8)
        bytes[bytes.count - 7] = UInt8(payload & 0xFF)
    }
    return bytes
}

/// The parts of an answer's header.
struct Header: Equatable {
    var code: UInt8
    var isAuthoritative: Bool
    var isTruncated: Bool
    var answers: Int
    var authorities: Int
    var extras: Int

    init(_ bytes: [UInt8]) {
        code = bytes[3] & 0x0F
        isAuthoritative = bytes[2] & 0x04 != 0
        isTruncated = bytes[2] & 0x02 != 0
        func count(_ offset: Int) -> Int { Int(bytes[offset]) << 8 | Int(bytes[offset + 1]) }
        (answers, authorities, extras) = (count(6), count(8), count(10))
    }
}
