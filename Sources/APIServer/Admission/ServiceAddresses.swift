internal import APIMachinery
internal import Storage
internal import Synchronization

/// Gives Services their cluster addresses and node ports, each to one Service at a time.
///
/// What is taken is read from the store once and kept in memory after that: all writes pass here.
final class ServiceAddresses: AdmissionPlugin {
    private let store: any Store
    private let prefix: String
    private let range: AddressRange?
    private let nodePorts: ClosedRange<Int>
    private let state = Mutex<Taken?>(nil)

    private struct Taken: Sendable {
        /// Address or port to the namespace/name of the Service that has it.
        var addresses: [UInt32: String] = [:]
        var ports: [Int: String] = [:]
    }

    init(configuration: APIServerConfiguration, prefix: String) {
        store = configuration.store
        self.prefix = prefix
        range = AddressRange(configuration.serviceCIDR)
        nodePorts = configuration.nodePorts
    }

    func mutate(_ request: inout AdmissionRequest) async throws(APIError) {
        guard request.isFor("", "services"), request.subresource.isEmpty, request.operation != .delete else { return }
        var spec = request.object["spec"] ?? [:]
        let old = request.old?["spec"]
        if let old { ServiceFields.keepGiven(&spec, old) }
        ServiceFields.agreeOnAddresses(&spec, old)
        let faults = ServiceFamilies.settle(&spec, old)
        guard faults.isEmpty else { throw .invalid(request.resource.kind, request.object.name, faults) }
        try assignAddress(&spec, request)
        try assignPorts(&spec, request)
        try assignHealthCheckPort(&spec, request)
        request.object["spec"] = spec
    }

    func rollBack(_ request: AdmissionRequest) { settle(request, keeping: request.old) }

    func commit(_ request: AdmissionRequest) {
        settle(request, keeping: request.operation == .delete ? nil : request.object)
    }

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
        let owner = request.namespace + "/" + request.object.name
        guard let range else { return wanted }
        if wanted.isEmpty {
            let found = withTaken { taken -> UInt32? in
                guard let free = range.firstFree(where: { taken.addresses[$0] == nil }) else { return nil }
                taken.addresses[free] = owner
                return free
            }
            guard let found else { throw .internalError("failed to allocate a serviceIP: range is full") }
            return AddressRange.text(found)
        }
        guard AddressValidation.isAddress(wanted), let number = AddressRange.number(wanted) else {
            throw refused(request, wanted, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")
        }
        guard range.contains(number) else {
            throw refused(
                request, wanted,
                "failed to allocate IP \(wanted): the provided network does not match the current range")
        }
        let isMine = withTaken { taken in
            guard let holder = taken.addresses[number], holder != owner else {
                taken.addresses[number] = owner
                return true
            }
            return false
        }
        guard isMine else {
            throw refused(
                request, wanted, "failed to allocate IP \(wanted): provided IP is already allocated")
        }
        return wanted
    }

    private func refused(_ request: AdmissionRequest, _ address: String, _ why: String) -> APIError {
        .invalid(
            request.resource.kind, request.object.name,
            [.invalid("spec.clusterIPs", .strings([address]), why)])
    }

    private func assignPorts(_ spec: inout Value, _ request: AdmissionRequest) throws(APIError) {
        guard ["NodePort", "LoadBalancer"].contains(spec.text("type")) else { return }
        let gives = ServiceTypes.needsNodePorts(spec)
        let owner = request.namespace + "/" + request.object.name
        var ports = spec.list("ports")
        // Two protocols on one port of the Service share a port of the nodes.
        var shared: [Int64: Int64] = [:]
        for port in ports where shared[port["port"]?.int ?? 0] == nil {
            if let node = port["nodePort"]?.int, node != 0 { shared[port["port"]?.int ?? 0] = node }
        }
        for index in ports.indices {
            let number = ports[index]["port"]?.int ?? 0
            var wanted = ports[index]["nodePort"]?.int ?? 0
            if wanted == 0, !gives { continue }
            if wanted == 0, request.old == nil { wanted = shared[number] ?? 0 }
            if wanted == 0 {
                guard let port = takeFreePort(owner) else {
                    throw .internalError("failed to allocate a nodePort: range is full")
                }
                wanted = Int64(port)
            } else if let problem = take(Int(wanted), owner) {
                throw .invalid(
                    request.resource.kind, request.object.name,
                    [.invalid("spec.ports[\(index)].nodePort", wanted, problem)])
            }
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
        let owner = request.namespace + "/" + request.object.name
        let wanted = Int(spec["healthCheckNodePort"]?.int ?? 0)
        if wanted == 0 {
            guard let port = takeFreePort(owner) else {
                throw .internalError("failed to allocate a HealthCheck NodePort 0: range is full")
            }
            spec["healthCheckNodePort"] = .int(Int64(port))
        } else if let problem = take(wanted, owner) {
            throw .internalError("failed to allocate requested HealthCheck NodePort \(wanted): \(problem)")
        }
    }

    private func takeFreePort(_ owner: String) -> Int? {
        withTaken { taken in
            let start = Int.random(in: nodePorts)
            let candidates = Array(start...nodePorts.upperBound) + Array(nodePorts.lowerBound..<start)
            guard let free = candidates.first(where: { taken.ports[$0] == nil }) else { return nil }
            taken.ports[free] = owner
            return free
        }
    }

    private func take(_ port: Int, _ owner: String) -> String? {
        guard nodePorts.contains(port) else {
            return "provided port is not in the valid range. The range of valid ports is "
                + "\(nodePorts.lowerBound)-\(nodePorts.upperBound)"
        }
        return withTaken { taken in
            guard let holder = taken.ports[port], holder != owner else {
                taken.ports[port] = owner
                return nil
            }
            return "provided port is already allocated"
        }
    }

    /// Leaves to the Service what `state` of it names, and frees the rest of what it held.
    private func settle(_ request: AdmissionRequest, keeping state: Value?) {
        guard request.isFor("", "services"), request.subresource.isEmpty else { return }
        let name = request.name.isEmpty ? request.object.name : request.name
        let owner = request.namespace + "/" + name
        let held = state.map(Self.held) ?? (address: nil, ports: [])
        withTaken { taken in
            taken.addresses = taken.addresses.filter { $0.value != owner || $0.key == held.address }
            taken.ports = taken.ports.filter { $0.value != owner || held.ports.contains($0.key) }
        }
    }

    private static func held(_ service: Value) -> (address: UInt32?, ports: Set<Int>) {
        let spec = service["spec"] ?? [:]
        var ports = spec.list("ports").compactMap { $0["nodePort"]?.int }
        if let health = spec["healthCheckNodePort"]?.int { ports.append(health) }
        return (AddressRange.number(spec.text("clusterIP")), Set(ports.filter { $0 != 0 }.map { Int($0) }))
    }

    private func withTaken<Result>(_ body: (inout Taken) -> Result) -> Result {
        state.withLock { state in
            var taken = state ?? load()
            state = nil
            let result = body(&taken)
            state = taken
            return result
        }
    }

    private func load() -> Taken {
        var taken = Taken()
        guard let list = try? store.list(prefix: prefix, startKey: nil, limit: 0, at: nil) else { return taken }
        for object in list.objects {
            guard let service = try? Value(json: object.value) else { continue }
            let owner = service.namespace + "/" + service.name
            let held = Self.held(service)
            if let address = held.address { taken.addresses[address] = owner }
            for port in held.ports { taken.ports[port] = owner }
        }
        return taken
    }
}

/// The IPv4 addresses of a CIDR block that hosts may have.
struct AddressRange: Sendable {
    let first: UInt32
    let last: UInt32

    /// As upstream: the lower part is left to those who ask for a fixed address.
    private static let staticMax: UInt32 = 256

    init?(_ cidr: String) {
        let parts = cidr.split(separator: "/")
        guard parts.count == 2, let base = Self.number(String(parts[0])), let bits = UInt32(parts[1]), bits <= 30 else {
            return nil
        }
        let mask: UInt32 = bits == 0 ? 0 : ~0 << (32 - bits)
        first = (base & mask) + 1
        last = (base | ~mask) - 1
    }

    func contains(_ address: UInt32) -> Bool { (first...last).contains(address) }

    /// A free address, from a random place in the upper part on, then in the lower part.
    func firstFree(where isFree: (UInt32) -> Bool) -> UInt32? {
        let middle = min(last, first + min(Self.staticMax, max(16, (last - first) / 16)))
        let start = UInt32.random(in: middle...last)
        for range in [start...last, middle...start, first...middle] {
            if let free = range.first(where: isFree) { return free }
        }
        return nil
    }

    static func number(_ text: String) -> UInt32? {
        let octets = text.split(separator: ".").compactMap { UInt32($0) }
        guard octets.count == 4, octets.allSatisfy({ $0 < 256 }) else { return nil }
        return octets.reduce(0) { $0 << 8 | $1 }
    }

    static func text(_ number: UInt32) -> String {
        "\(number >> 24).\(number >> 16 & 255).\(number >> 8 & 255).\(number & 255)"
    }
}
