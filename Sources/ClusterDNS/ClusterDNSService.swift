internal import APIMachinery
internal import KubeAPI
package import KubeClient
package import Logging

/// The cluster's DNS: names of Services and pods from the watch cache, everything else from the node's resolvers.
package struct ClusterDNSService: Sendable {
    /// What it is told from outside.
    package struct Configuration: Sendable {
        /// Where it listens: the address that pods find in their `/etc/resolv.conf`.
        package var address: String
        package var port = 53
        /// `cluster.local`.
        package var domain: String
        /// Addresses of Services and of pods: their reverse names are asked for nowhere else.
        package var ranges: [String]
        /// The node's resolvers, read whenever something is to be forwarded.
        package var upstreams: @Sendable () -> [DNSUpstream]
        /// The program that listens on a port of this machine.
        package var portHolder: @Sendable (_ port: Int) async -> String?

        package init(
            address: String, domain: String, ranges: [String], upstreams: @escaping @Sendable () -> [DNSUpstream],
            portHolder: @escaping @Sendable (_ port: Int) async -> String? = { _ in nil }
        ) {
            self.address = address
            self.domain = domain
            self.ranges = ranges
            self.upstreams = upstreams
            self.portHolder = portHolder
        }
    }

    private let configuration: Configuration
    private let informers: InformerFactory
    private let logger: Logger

    package init(configuration: Configuration, informers: InformerFactory, logger: Logger) {
        self.configuration = configuration
        self.informers = informers
        self.logger = logger
    }

    /// Answers until the task is cancelled. A port that is taken is tried again, with a word in the log.
    package func run() async throws {
        let services = informers.informer(for: Service.self)
        let slices = informers.informer(for: EndpointSlice.self)
        let namespaces = informers.informer(for: Namespace.self)
        services.addIndex(ServiceAddressIndex.index)
        slices.addIndex(ServiceSliceIndex.index)
        slices.addIndex(EndpointAddressIndex.index)
        await services.waitForSync()
        await slices.waitForSync()
        await namespaces.waitForSync()
        let zone = ClusterZone(
            domain: DNSName(configuration.domain), ranges: configuration.ranges.compactMap { AddressPrefix($0) },
            services: services.lister, slices: slices.lister, namespaces: namespaces.lister)
        let forwarder = DNSForwarder(logger: logger, upstreams: configuration.upstreams)
        let responder = DNSResponder(zone: zone, forwarder: forwarder)
        services.addHandler(onAny: { _ in responder.packets.forget() })
        slices.addHandler(onAny: { _ in responder.packets.forget() })
        namespaces.addHandler(onAny: { _ in responder.packets.forget() })
        let server = DNSServer(responder: responder)
        var wasTold = false
        while !Task.isCancelled {
            do {
                let listeners = try await server.start(host: configuration.address, port: configuration.port)
                logger.info("DNS answers at \(configuration.address):\(listeners.port)")
                await listeners.waitUntilClosed()
            } catch {
                if !wasTold { await tell(error) }
                wasTold = true
                do { try await Task.sleep(for: .seconds(2)) } catch { return }
            }
        }
    }

    private func tell(_ error: any Error) async {
        let place = "\(configuration.address):\(configuration.port)"
        guard let holder = await configuration.portHolder(configuration.port) else {
            logger.error("DNS cannot listen at \(place), so names do not resolve in pods: \(error)")
            return
        }
        logger.error(
            "DNS cannot listen at \(place), so names do not resolve in pods: \(holder) listens on port \(configuration.port) of all addresses. Tell it to listen at its own ones only; Skiff tries again until then."
        )
    }
}
