internal import APIMachinery
internal import KubeAPI

/// Puts the endpoints of one address family and one set of ports into slices, with as few writes as can be: what is in
/// a slice stays there, and what is new goes where something changes anyway. Pure.
/// (https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#distribution-of-endpointslices)
struct EndpointDistribution {
    /// In one slice, at most.
    let endpointsMax: Int
    private(set) var create: [[Endpoint]] = []
    private(set) var update: [EndpointSlice] = []
    private(set) var delete: [EndpointSlice] = []
    private(set) var unchanged: [EndpointSlice] = []

    /// `existing`: slices of that family and those ports. `desired`: no two of the same identity.
    init(_ desired: [Endpoint], existing: [EndpointSlice], endpointsMax: Int = 100) {
        self.endpointsMax = endpointsMax
        var left = Dictionary(desired.map { ($0.identity, $0) }, uniquingKeysWith: { first, _ in first })
        for var slice in existing.sorted(by: { $0.name < $1.name }) {
            let before = slice.endpoints
            slice.endpoints = before.compactMap { left.removeValue(forKey: $0.identity) }
            if slice.endpoints.isEmpty {
                delete.append(slice)
            } else if slice.endpoints == before {
                unchanged.append(slice)
            } else {
                update.append(slice)
            }
        }
        // Those that stay keep their place; the others come in the order they were given.
        let new = desired.filter { left.removeValue(forKey: $0.identity) != nil }
        place(new)
    }

    private mutating func place(_ new: [Endpoint]) {
        var new = new[...]
        for index in update.indices where !new.isEmpty {
            let room = max(endpointsMax - update[index].endpoints.count, 0)
            update[index].endpoints += new.prefix(room)
            new = new.dropFirst(room)
        }
        guard !new.isEmpty else { return }
        if new.count < endpointsMax {
            // An emptied slice is used again before another one is touched.
            if var slice = delete.popLast() {
                slice.endpoints = Array(new)
                return update.append(slice)
            }
            let fullestFirst = unchanged.indices.sorted {
                unchanged[$0].endpoints.count > unchanged[$1].endpoints.count
            }
            if let index = fullestFirst.first(where: { unchanged[$0].endpoints.count + new.count <= endpointsMax }) {
                var slice = unchanged.remove(at: index)
                slice.endpoints += new
                return update.append(slice)
            }
        }
        while !new.isEmpty {
            if var slice = delete.popLast() {
                slice.endpoints = Array(new.prefix(endpointsMax))
                update.append(slice)
            } else {
                create.append(Array(new.prefix(endpointsMax)))
            }
            new = new.dropFirst(endpointsMax)
        }
    }
}

extension Endpoint {
    /// What makes it the same endpoint whatever its conditions are.
    struct Identity: Hashable {
        let addresses: [String]
        let target: String
        let hostname: String?
    }

    var identity: Identity {
        Identity(addresses: addresses, target: targetRef?.uid ?? "", hostname: hostname)
    }
}
