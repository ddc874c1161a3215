internal import APIMachinery
internal import Storage
internal import Synchronization

/// Gives Services their cluster addresses and node ports, each to one Service at a time.
///
/// What is taken is read from the stored Services once and kept in memory after that: all writes pass here. Nothing else
/// is stored, so that after a crash nothing is lost, and nothing held by nobody.
final class ServiceAddresses: AdmissionPlugin {
    private let store: any Store
    private let prefix: String
    private let ranges: ServiceRanges
    private let nodePorts: ClosedRange<Int>
    /// The first node port that is given to those who ask for none in particular (KEP-3668).
    private let firstGivenPort: Int
    private let state = Mutex<ServiceAllocations?>(nil)

    init(configuration: APIServerConfiguration, prefix: String, ranges: ServiceRanges) {
        store = configuration.store
        self.prefix = prefix
        self.ranges = ranges
        nodePorts = configuration.nodePorts
        let first = nodePorts.lowerBound + Bands.lowerCount(of: nodePorts.count, step: 32, most: 128)
        firstGivenPort = nodePorts.contains(first) ? first : nodePorts.lowerBound
    }

    func concerns(_ resource: Resource) -> Bool { resource.id == ResourceID(group: "", plural: "services") }

    func mutate(_ request: inout AdmissionRequest) async throws(APIError) {
        guard request.subresource.isEmpty, request.operation != .delete else { return }
        var spec = request.object["spec"] ?? [:]
        let old = request.old?["spec"]
        if let old { ServiceFields.keepGiven(&spec, old) }
        ServiceFields.agreeOnAddresses(&spec, old)
        let faults = ServiceFamilies.settle(&spec, old)
        guard faults.isEmpty else { throw .invalid(request.resource.kind, request.object.name, faults) }
        request.serviceReservation = withAllocations { .write($0.nextWrite()) }
        try assignAddress(&spec, request)
        try assignPorts(&spec, request)
        try assignHealthCheckPort(&spec, request)
        request.object["spec"] = spec
    }

    func rollBack(_ request: AdmissionRequest) {
        guard let reservation = request.serviceReservation else { return }
        withAllocations { allocations in
            allocations.settle(reservation)
            // An attempt of a create is committed, and taken back.
            if request.isDryRun, request.old == nil { allocations.settle(.service(uid: request.object.uid)) }
        }
    }

    func commit(_ request: AdmissionRequest) {
        guard request.subresource.isEmpty else { return }
        let uid = request.old?.uid ?? request.object.uid
        withAllocations { allocations in
            let service = ServiceAllocations.Owner.service(uid: uid)
            if let reservation = request.serviceReservation { allocations.handOver(from: reservation, to: service) }
            // As it is now: another write of the same Service may have come after this one.
            let held = request.isDryRun ? Self.held(request.object) : stored(request, uid: uid)
            allocations.settle(service, addresses: held.addresses, ports: held.ports)
        }
    }

    // MARK: - Addresses

    private func assignAddress(_ spec: inout Value, _ request: AdmissionRequest) throws(APIError) {
        guard ServiceTypes.needsClusterIP(spec) else { return }
        let all = spec.list("clusterIPs").map { $0.string ?? "" }
        guard all.first != "None" else { return }
        // An address that is there may not change; validation says so.
        if let old = request.old?["spec"], ServiceTypes.needsClusterIP(old) { return }
        let address = try reserve(all.first ?? "", request)
        spec["clusterIP"] = .string(address)
        spec["clusterIPs"] = .array([.string(address)] + all.dropFirst().map { .string($0) })
    }

    private func reserve(_ wanted: String, _ request: AdmissionRequest) throws(APIError) -> String {
        let ranges = ranges.ready
        if wanted.isEmpty {
            guard let found = takeFreeAddress(ranges, request) else {
                throw .internalError("failed to allocate a serviceIP: range is full")
            }
            return ServiceRange.text(found)
        }
        guard AddressValidation.isAddress(wanted), let number = ServiceRange.number(wanted) else {
            throw refused(request, wanted, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")
        }
        guard ranges.contains(where: { $0.contains(number) }) else {
            throw refused(
                request, wanted,
                "failed to allocate IP \(wanted): the provided network does not match the current range")
        }
        let isMine =
            !self.ranges.isClaimed(number)
            && withAllocations { $0.take(address: number, for: owner(request), of: request.serviceOwner) }
        guard isMine else {
            throw refused(
                request, wanted, "failed to allocate IP \(wanted): provided IP is already allocated")
        }
        return wanted
    }

    private func takeFreeAddress(_ ranges: [ServiceRange], _ request: AdmissionRequest) -> UInt32? {
        withAllocations { allocations in
            for range in ranges {
                let free = range.firstFree { allocations.isFree(address: $0) && !self.ranges.isClaimed($0) }
                if let free, allocations.take(address: free, for: owner(request)) { return free }
            }
            return nil
        }
    }

    private func refused(_ request: AdmissionRequest, _ address: String, _ why: String) -> APIError {
        .invalid(
            request.resource.kind, request.object.name,
            [.invalid("spec.clusterIPs", .strings([address]), why)])
    }

    // MARK: - Ports of the nodes

    private func assignPorts(_ spec: inout Value, _ request: AdmissionRequest) throws(APIError) {
        guard ["NodePort", "LoadBalancer"].contains(spec.text("type")) else { return }
        let gives = ServiceTypes.needsNodePorts(spec)
        var ports = spec.list("ports")
        // Two protocols on one port of the Service share a port of the nodes.
        var shared: [Int64: Int64] = [:]
        for port in ports where shared[port["port"]?.int ?? 0] == nil {
            if let node = port["nodePort"]?.int, node != 0 { shared[port["port"]?.int ?? 0] = node }
        }
        // What the Service has is its own, even if the write that brought it is not settled yet.
        let kept = Set((request.old?["spec"] ?? [:]).list("ports").compactMap { $0["nodePort"]?.int })
        var asked: [Int64: Int64] = [:]
        for index in ports.indices {
            let number = ports[index]["port"]?.int ?? 0
            var wanted = ports[index]["nodePort"]?.int ?? 0
            if wanted == 0, !gives { continue }
            if wanted == 0, request.old == nil { wanted = shared[number] ?? 0 }
            if wanted == 0 {
                guard let port = takeFreePort(request) else {
                    throw .internalError("failed to allocate a nodePort: range is full")
                }
                wanted = Int64(port)
            } else if !kept.contains(wanted) {
                // Two ports of the Service do not share one of the nodes when they are made.
                let isShared = request.old == nil && asked[wanted].map { $0 != number } ?? false
                if let problem = isShared ? Self.isTaken : take(Int(wanted), request) {
                    throw .invalid(
                        request.resource.kind, request.object.name,
                        [.invalid("spec.ports[\(index)].nodePort", wanted, problem)])
                }
            }
            asked[wanted] = number
            ports[index]["nodePort"] = .int(wanted)
            shared[number] = wanted
        }
        if !ports.isEmpty { spec["ports"] = .array(ports) }
    }

    /// Where a load balancer asks a node whether it has endpoints.
    private func assignHealthCheckPort(_ spec: inout Value, _ request: AdmissionRequest) throws(APIError) {
        guard ServiceTypes.needsHealthCheckPort(spec) else { return }
        // One that is there may not change; validation says so.
        if let old = request.old?["spec"], ServiceTypes.needsHealthCheckPort(old) { return }
        let wanted = Int(spec["healthCheckNodePort"]?.int ?? 0)
        if wanted == 0 {
            guard let port = takeFreePort(request) else {
                throw .internalError("failed to allocate a HealthCheck NodePort 0: range is full")
            }
            spec["healthCheckNodePort"] = .int(Int64(port))
        } else if let problem = take(wanted, request) {
            throw .internalError("failed to allocate requested HealthCheck NodePort \(wanted): \(problem)")
        }
    }

    private static let isTaken = "provided port is already allocated"

    private func takeFreePort(_ request: AdmissionRequest) -> Int? {
        withAllocations { allocations in
            let start = Int.random(in: firstGivenPort...nodePorts.upperBound)
            let free =
                (start...nodePorts.upperBound).first { allocations.isFree(port: $0) }
                ?? (firstGivenPort..<start).first { allocations.isFree(port: $0) }
                ?? (nodePorts.lowerBound..<firstGivenPort).first { allocations.isFree(port: $0) }
            guard let free, allocations.take(port: free, for: owner(request)) else { return nil }
            return free
        }
    }

    private func take(_ port: Int, _ request: AdmissionRequest) -> String? {
        guard nodePorts.contains(port) else {
            return "provided port is not in the valid range. The range of valid ports is "
                + "\(nodePorts.lowerBound)-\(nodePorts.upperBound)"
        }
        let isMine = withAllocations { $0.take(port: port, for: owner(request), of: request.serviceOwner) }
        return isMine ? nil : Self.isTaken
    }

    // MARK: - What is taken

    private func owner(_ request: AdmissionRequest) -> ServiceAllocations.Owner {
        request.serviceReservation ?? .service(uid: request.object.uid)
    }

    /// What the Service has in the store; nothing when it is gone, even if another one has its name.
    private func stored(_ request: AdmissionRequest, uid: String) -> (addresses: Set<UInt32>, ports: Set<Int>) {
        let name = request.name.isEmpty ? request.object.name : request.name
        guard let object = store.get(request.resource.key(namespace: request.namespace, name: name)),
            let service = try? Value(json: object.value), service.uid == uid
        else { return ([], []) }
        return Self.held(service)
    }

    private static func held(_ service: Value) -> (addresses: Set<UInt32>, ports: Set<Int>) {
        let spec = service["spec"] ?? [:]
        var ports = spec.list("ports").compactMap { $0["nodePort"]?.int }
        if let health = spec["healthCheckNodePort"]?.int { ports.append(health) }
        let addresses = [ServiceRange.number(spec.text("clusterIP"))].compactMap(\.self)
        return (Set(addresses), Set(ports.filter { $0 != 0 }.map { Int($0) }))
    }

    private func withAllocations<Result>(_ body: (inout ServiceAllocations) -> Result) -> Result {
        state.withLock { state in
            var allocations = state ?? load()
            state = nil
            let result = body(&allocations)
            state = allocations
            return result
        }
    }

    private func load() -> ServiceAllocations {
        var allocations = ServiceAllocations()
        guard let list = try? store.list(prefix: prefix, startKey: nil, limit: 0, at: nil) else { return allocations }
        for object in list.objects {
            guard let service = try? Value(json: object.value) else { continue }
            let owner = ServiceAllocations.Owner.service(uid: service.uid)
            let held = Self.held(service)
            for address in held.addresses { _ = allocations.take(address: address, for: owner) }
            for port in held.ports { _ = allocations.take(port: port, for: owner) }
        }
        return allocations
    }
}

extension AdmissionRequest {
    /// What the Service has already, before an update.
    fileprivate var serviceOwner: ServiceAllocations.Owner? { old.map { .service(uid: $0.uid) } }
}
