internal import APIMachinery
internal import KubeAPI
internal import KubeClient

/// Keeps the Service `kube-dns`, under which people and programs look for the cluster's DNS. It has no endpoints: the
/// node itself answers at its address.
struct ClusterDNSObject: Sendable {
    private static let key = ObjectKey(namespace: "kube-system", name: "kube-dns")

    /// The cluster's DNS.
    let address: String
    let client: Client

    /// Makes the Service whenever it is not there, until the task is cancelled.
    func run(_ services: Informer<Service>) async {
        let (losses, loss) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        services.addHandler(
            onAdd: { _ in }, onUpdate: { _, _ in }, onDelete: { if $0.key == Self.key { loss.yield() } })
        await services.waitForSync()
        loss.yield()
        for await _ in losses {
            while services.lister[Self.key] == nil, !Task.isCancelled {
                do {
                    _ = try await client.create(service)
                    break
                } catch {
                    if error.isAlreadyExists { break }
                    // The namespace may be on its way, or the address somebody else's for a while.
                    do { try await Task.sleep(for: .seconds(5)) } catch { return }
                }
            }
        }
    }

    private var service: Service {
        var service = Service()
        service.metadata.namespace = Self.key.namespace
        service.metadata.name = Self.key.name
        service.metadata.labels = [
            "k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS",
        ]
        service.spec.type = "ClusterIP"
        service.spec.clusterIP = address
        service.spec.ports = [("dns", "UDP"), ("dns-tcp", "TCP")].map { name, kind in
            var port = ServicePort()
            port.name = name
            port.port = 53
            port.protocol = kind
            return port
        }
        return service
    }
}
