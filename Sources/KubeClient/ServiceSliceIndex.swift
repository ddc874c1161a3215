package import APIMachinery
package import KubeAPI

extension EndpointSlice {
    /// The Service whose endpoints these are.
    package var serviceKey: ObjectKey? {
        metadata.labels["kubernetes.io/service-name"].map {
            ObjectKey(namespace: metadata.namespace ?? "", name: $0)
        }
    }
}

/// Finds slices by their Service: the value is its key's description.
package enum ServiceSliceIndex {
    package static let name = "service"
    package static var index: InformerIndex<EndpointSlice> {
        InformerIndex(name) { slice in slice.serviceKey.map { [$0.description] } ?? [] }
    }
}
