internal import Glibc

/// The programs and kernel settings that the service proxy works through.
package enum NetworkCommands {
    /// Runs commands of nftables as one transaction.
    package static func nft(_ script: String) async throws {
        try await NFTables.shared.run(script)
    }

    /// The chains of all tables, as JSON.
    package static func chains() async throws -> [UInt8] {
        try await NFTables.shared.json("list chains")
    }

    /// The sets of a table of the family `ip` with their elements, as JSON.
    package static func sets(of name: String) async throws -> [UInt8] {
        try await NFTables.shared.json("list sets table ip \(name)")
    }

    /// What `conntrack` prints.
    package static func conntrack(_ arguments: [String]) async throws -> String {
        String(decoding: try await Command.run(program("conntrack", package: "conntrack"), arguments), as: UTF8.self)
    }

    /// Lets packets from the node's loopback address out to these pods, by a setting of their links.
    package static func allowLoopback(to addresses: Set<String>) async throws {
        try await BlockingWork.run {
            let links = linksByAddress()
            for link in addresses.compactMap({ links[$0] }) {
                let path = "/proc/sys/net/ipv4/conf/\(link)/route_localnet"
                let file = open(path, O_WRONLY | O_CLOEXEC)
                guard file >= 0 else { continue }  // The pod is gone, and its link with it.
                defer { close(file) }
                guard FileSystem.writeAll(descriptor: file, Array("1".utf8)) else { throw SystemError("write \(path)") }
            }
        }
    }

    /// Gives the node routes to these ranges of Services instead of those before. Returns why ranges got none.
    package static func route(_ ranges: [String], routes: ServiceRoutes) async throws -> [String: String] {
        try await BlockingWork.run { try routes.set(ranges) }
    }

    /// Which of these ports, `tcp . 30080`, another program listens on, and its name.
    package static func portHolders(_ keys: Set<String>) async -> [String: String] {
        var ports: [PortUse.Port: String] = [:]
        for key in keys {
            let words = key.split(separator: " ")
            guard words.count == 3, let number = Int(words[2]) else { continue }
            ports[PortUse.Port(kind: String(words[0]), number: number)] = key
        }
        var holders: [String: String] = [:]
        for (port, holder) in await PortUse.holders(of: Set(ports.keys)) {
            if let key = ports[port] { holders[key] = holder }
        }
        return holders
    }

    /// Pods' links by the addresses that the node's routes lead to them.
    private static func linksByAddress() -> [String: String] {
        var links: [String: String] = [:]
        for route in KernelRoute.all where route.bits == 32 {
            links[String(route.text.prefix { $0 != "/" })] = route.link
        }
        return links
    }

    private static func program(_ name: String, package: String) throws -> String {
        guard let path = Command.find(name) else { throw RuntimeError.missing(name, package: package) }
        return path
    }
}
