/// Which Service has which address and which port of the nodes.
///
/// A write reserves what it needs under a name of its own. Only when it is done its Service becomes the owner: of two
/// writes of one Service, neither frees what the other relies on, whichever ends first.
struct ServiceAllocations: Sendable {
    enum Owner: Hashable, Sendable {
        case service(uid: String)
        /// A write that is not done yet.
        case write(UInt64)
    }

    private struct Holding: Sendable {
        var addresses: Set<UInt32> = []
        var ports: Set<Int> = []
    }

    private var addressOwners: [UInt32: Owner] = [:]
    private var portOwners: [Int: Owner] = [:]
    private var holdings: [Owner: Holding] = [:]
    private var lastWrite: UInt64 = 0

    mutating func nextWrite() -> UInt64 {
        lastWrite += 1
        return lastWrite
    }

    func isFree(address: UInt32) -> Bool { addressOwners[address] == nil }

    func isFree(port: Int) -> Bool { portOwners[port] == nil }

    /// False: somebody else has it. What the Service of the write has need not be taken.
    mutating func take(address: UInt32, for owner: Owner, of service: Owner? = nil) -> Bool {
        if let holder = addressOwners[address] { return holder == owner || holder == service }
        addressOwners[address] = owner
        holdings[owner, default: Holding()].addresses.insert(address)
        return true
    }

    /// False: somebody else has it. What the Service of the write has need not be taken.
    mutating func take(port: Int, for owner: Owner, of service: Owner? = nil) -> Bool {
        if let holder = portOwners[port] { return holder == owner || holder == service }
        portOwners[port] = owner
        holdings[owner, default: Holding()].ports.insert(port)
        return true
    }

    /// What a write reserved belongs to its Service from now on.
    mutating func handOver(from write: Owner, to service: Owner) {
        guard let reserved = holdings.removeValue(forKey: write) else { return }
        for address in reserved.addresses { addressOwners[address] = service }
        for port in reserved.ports { portOwners[port] = service }
        holdings[service, default: Holding()].addresses.formUnion(reserved.addresses)
        holdings[service, default: Holding()].ports.formUnion(reserved.ports)
    }

    /// Leaves these to the owner, and frees the rest of what it has.
    mutating func settle(_ owner: Owner, addresses: Set<UInt32> = [], ports: Set<Int> = []) {
        guard var holding = holdings[owner] else { return }
        for address in holding.addresses.subtracting(addresses) { addressOwners[address] = nil }
        for port in holding.ports.subtracting(ports) { portOwners[port] = nil }
        holding.addresses.formIntersection(addresses)
        holding.ports.formIntersection(ports)
        holdings[owner] = holding.addresses.isEmpty && holding.ports.isEmpty ? nil : holding
    }
}
