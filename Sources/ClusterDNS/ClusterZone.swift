internal import APIMachinery
internal import KubeAPI
internal import KubeClient

/// The names of the cluster's domain, answered from the watch cache
/// (https://github.com/kubernetes/dns/blob/master/docs/specification.md, version 1.1).
struct ClusterZone: Sendable {
    /// What is known of a name.
    enum Answer: Sendable, Equatable {
        /// Not a name of this cluster.
        case elsewhere
        case noSuchName
        /// The name exists; no records means that it has none of the type asked for.
        case records([DNSRecord], extras: [DNSRecord] = [])
        /// Another name's records are to be added.
        case alias(DNSRecord, target: DNSName)
    }

    /// Seconds for which answers may be kept: short, since Services come and go.
    static let ttl: UInt32 = 5
    static let version = "1.1.0"

    let domain: DNSName
    /// Addresses of Services and pods: who has none of these names is in no other zone either.
    let ranges: [AddressPrefix]
    let services: Lister<Service>
    let slices: Lister<EndpointSlice>
    let namespaces: Lister<Namespace>

    private var primary: DNSName { ["ns", "dns"] + domain }

    func answer(_ name: DNSName, _ type: DNSType) -> Answer {
        if let prefix = name.prefix(in: domain) { return inside(Array(prefix), name, type) }
        if let address = ReverseName.address(name) { return pointer(name, address, type) }
        return .elsewhere
    }

    /// What goes with "no": for how long it may be kept (RFC 2308).
    func authority() -> DNSRecord {
        let data = DNSRecord.Data.authority(
            primary: primary, mailbox: ["hostmaster"] + domain, serial: 1, minimum: Self.ttl)
        return DNSRecord(name: domain, type: .soa, ttl: Self.ttl, data: data)
    }

    // MARK: Names of the domain

    private func inside(_ labels: [String], _ name: DNSName, _ type: DNSType) -> Answer {
        switch labels.last {
        case nil: return apex(name, type)
        case "svc": return service(Array(labels.dropLast()), name, type)
        case "pod": return pod(Array(labels.dropLast()), name, type)
        case "dns-version" where labels.count == 1:
            return .records(type == .txt ? [record(name, .txt, .text([Self.version]))] : [])
        case "dns":
            return labels == ["ns", "dns"] || labels == ["dns"] ? .records([]) : .noSuchName
        default: return .noSuchName
        }
    }

    private func apex(_ name: DNSName, _ type: DNSType) -> Answer {
        switch type {
        case .soa: .records([authority()])
        case .ns: .records([record(name, .ns, .name(primary))])
        default: .records([])
        }
    }

    /// `10-244-0-7.default.pod`: says nothing but what the name says, if the namespace exists.
    private func pod(_ labels: [String], _ name: DNSName, _ type: DNSType) -> Answer {
        guard let namespace = labels.last else { return .records([]) }
        guard namespaces[ObjectKey(namespace: "", name: namespace)] != nil else { return .noSuchName }
        guard labels.count == 2 else { return labels.count == 1 ? .records([]) : .noSuchName }
        let dotted = labels[0].split(separator: "-", omittingEmptySubsequences: false).joined(separator: ".")
        if let address = IPAddress(dotted), address.bytes.count == 4 {
            return .records(type == .a ? [record(name, .a, .address(address.bytes))] : [])
        }
        if let address = IPAddress(labels[0].replacing("-", with: ":")) {
            return .records(type == .aaaa ? [record(name, .aaaa, .address(address.bytes))] : [])
        }
        return .noSuchName
    }

    /// `NAME.NAMESPACE`, with `_PORT._PROTOCOL` or an endpoint's host name before it.
    private func service(_ labels: [String], _ name: DNSName, _ type: DNSType) -> Answer {
        guard let namespace = labels.last else { return .records([]) }
        if labels.count == 1 {
            let exists = namespaces[ObjectKey(namespace: "", name: namespace)] != nil
            return exists ? .records([]) : .noSuchName
        }
        let rest = labels.dropLast(2)
        guard rest.count <= 2,
            let service = services[ObjectKey(namespace: namespace, name: labels[labels.count - 2])]
        else { return .noSuchName }
        if let external = service.externalTarget {
            guard rest.isEmpty else { return .noSuchName }
            let target = DNSName(external)
            return .alias(record(name, .cname, .name(target)), target: target)
        }
        let view = ServiceView(service: service, slices: slices, domain: domain)
        if rest.count == 2 {
            let (port, transport) = (rest[rest.startIndex], rest[rest.startIndex + 1])
            guard port.hasPrefix("_"), transport.hasPrefix("_") else { return .noSuchName }
            let targets = view.targets(port: String(port.dropFirst()), transport: String(transport.dropFirst()))
            return targets.isEmpty ? .noSuchName : serviceRecords(name, type, targets)
        }
        if let host = rest.first {
            let found = view.endpoints.filter { $0.hostname == host }
            guard !found.isEmpty else { return .noSuchName }
            if type == .srv { return serviceRecords(name, type, view.targets(host: host)) }
            return .records(addresses(name, type, Set(found.map(\.address))))
        }
        let all = service.isHeadless ? Set(view.endpoints.map(\.address)) : Set(service.clusterAddresses)
        guard !all.isEmpty else { return .noSuchName }
        if type == .srv { return serviceRecords(name, type, view.targets()) }
        return .records(addresses(name, type, all))
    }

    private func addresses(_ name: DNSName, _ type: DNSType, _ all: Set<IPAddress>) -> [DNSRecord] {
        let count = type == .a ? 4 : type == .aaaa ? 16 : 0
        var found = all.filter { $0.bytes.count == count }
        var records: [DNSRecord] = []
        // In no order: clients that take the first share the load.
        while let address = found.popFirst() { records.append(record(name, type, .address(address.bytes))) }
        return records.count > 1 ? records.shuffled() : records
    }

    private func serviceRecords(_ name: DNSName, _ type: DNSType, _ targets: [ServiceView.Target]) -> Answer {
        guard type == .srv else { return .records([]) }
        let weight = UInt16(max(100 / max(targets.count, 1), 1))
        var extras: [DNSRecord] = []
        let answers = targets.map { target in
            for address in target.addresses {
                let record = record(target.name, address.type, .address(address.bytes))
                if !extras.contains(record) { extras.append(record) }
            }
            return record(
                name, .srv, .service(priority: 0, weight: weight, port: target.port, target: target.name))
        }
        return .records(answers, extras: extras)
    }

    // MARK: Addresses

    private func pointer(_ name: DNSName, _ address: IPAddress, _ type: DNSType) -> Answer {
        let text = address.description
        var names = services.list(index: ServiceAddressIndex.name, value: text).map { $0.dnsName(domain) }
        if names.isEmpty {
            names = slices.list(index: EndpointAddressIndex.name, value: text).flatMap { slice -> [DNSName] in
                guard let key = slice.serviceKey, let service = services[key], service.isHeadless else { return [] }
                return ServiceView(service: service, slices: slices, domain: domain).names(of: address)
            }
        }
        if !names.isEmpty {
            let unique = Set(names).sorted { $0.description < $1.description }
            return .records(type == .ptr ? unique.map { record(name, .ptr, .name($0)) } : [])
        }
        return ranges.contains { $0.contains(address) } ? .noSuchName : .elsewhere
    }

    private func record(_ name: DNSName, _ type: DNSType, _ data: DNSRecord.Data) -> DNSRecord {
        DNSRecord(name: name, type: type, ttl: Self.ttl, data: data)
    }
}
