internal import APIMachinery
internal import Storage

/// The ranges that addresses of Services come from: those of the ServiceCIDRs that are ready (KEP-1880).
struct ServiceRanges: Sendable {
    private static let managedBy = "ipaddress.kubernetes.io/managed-by"
    private static let manager = "ipallocator.k8s.io"

    let store: any Store
    /// `/registry/servicecidrs/`
    let prefix: String
    /// `/registry/ipaddresses/`
    let addressPrefix: String
    /// What the cluster was started with, which counts until there is a ServiceCIDR of it.
    let initial: String

    /// Those that addresses may be taken from now, the cluster's own first.
    var ready: [ServiceRange] {
        let objects = (try? store.list(prefix: prefix, startKey: nil, limit: 0, at: nil))?.objects ?? []
        var texts: [String] = []
        var isInitialKnown = false
        for object in objects {
            guard let range = try? Value(json: object.value) else { continue }
            let isInitial = range.name == "kubernetes"
            isInitialKnown = isInitialKnown || isInitial
            let isReady = (range["status"] ?? [:]).list("conditions").contains {
                $0.text("type") == "Ready" && $0.text("status") == "True"
            }
            // The cluster's own is good from the start; whoever says so may be a moment behind.
            guard !range.isBeingDeleted, isReady || isInitial else { continue }
            let own = (range["spec"] ?? [:]).list("cidrs").compactMap(\.string)
            texts = isInitial ? own + texts : texts + own
        }
        if !isInitialKnown { texts.insert(initial, at: 0) }
        return texts.compactMap { ServiceRange($0) }
    }

    /// Whether an IPAddress that no Service stands behind keeps the address for somebody.
    func isClaimed(_ address: UInt32) -> Bool {
        guard let object = store.get(addressPrefix + ServiceRange.text(address)),
            let claim = try? Value(json: object.value)
        else { return false }
        return claim.metadata.stringMap("labels")[Self.managedBy] != Self.manager
    }
}
