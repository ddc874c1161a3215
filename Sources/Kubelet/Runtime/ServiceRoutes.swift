/// Routes to the ranges that ServiceCIDRs add to the cluster's own. A file remembers them, so that whoever takes the
/// node down knows which are Skiff's.
package struct ServiceRoutes: Sendable {
    /// One range a line.
    let file: String
    /// The address that the node's own packets to Services get.
    let source: String

    /// `dataDirectory`: the cluster's.
    package init(dataDirectory: String, source: String) {
        file = dataDirectory + "/cni/service-ranges"
        self.source = source
    }

    /// Adds routes to these ranges and removes those of before. Returns, in words, why ranges got none, by range. Blocks.
    package func set(_ ranges: [String]) throws -> [String: String] {
        let old = known
        var added: [String] = []
        var refused: [String: String] = [:]
        for range in ranges {
            if let route = routeInTheWay(of: range) {
                refused[range] = "it overlaps the machine's route to \(route.text) over \(route.link)"
                continue
            }
            // First remembered, then made: a crash in between leaves nothing that is not known.
            try write(old + added + [range])
            try ServiceRoute(range: range, source: source).add()
            added.append(range)
        }
        for range in old where !added.contains(range) { ServiceRoute(range: range, source: "").remove() }
        try write(added)
        return refused
    }

    /// Blocks.
    func removeAll() {
        for range in known { ServiceRoute(range: range, source: "").remove() }
    }

    private var known: [String] {
        (FileSystem.text(file) ?? "").split(separator: "\n").map(String.init)
    }

    private func write(_ ranges: [String]) throws {
        if ranges == known { return }
        try FileSystem.write(file, ranges.map { $0 + "\n" }.joined().utf8)
    }

    /// The machine's own networks come first: a ServiceCIDR is made by whoever may make one, and must not cut it off.
    private func routeInTheWay(of range: String) -> KernelRoute? {
        let parts = range.split(separator: "/")
        guard parts.count == 2, let first = Self.number(String(parts[0])), let bits = UInt32(parts[1]) else {
            return nil
        }
        return KernelRoute.all.first { route in
            guard route.link != "lo", route.bits > 0 else { return false }
            let common = min(bits, route.bits)
            let mask: UInt32 = common == 0 ? 0 : ~0 << (32 - common)
            return first & mask == route.destination & mask
        }
    }

    private static func number(_ text: String) -> UInt32? {
        let octets = text.split(separator: ".").compactMap { UInt8($0) }
        return octets.count == 4 ? octets.reduce(0) { $0 << 8 | UInt32($1) } : nil
    }
}

/// A route of the kernel's main table.
struct KernelRoute: Sendable, Equatable {
    let link: String
    /// In host order.
    let destination: UInt32
    /// Of the prefix.
    let bits: UInt32

    var text: String {
        [24, 16, 8, 0].map { String(destination >> UInt32($0) & 0xff) }.joined(separator: ".") + "/\(bits)"
    }

    /// As `/proc/net/route` has them: hexadecimal numbers in network order.
    static var all: [KernelRoute] { parse(FileSystem.text("/proc/net/route") ?? "") }

    static func parse(_ text: String) -> [KernelRoute] {
        text.split(separator: "\n").dropFirst().compactMap { line in
            let columns = line.split(whereSeparator: { $0 == "\t" || $0 == " " })
            guard columns.count > 7, let destination = UInt32(columns[1], radix: 16),
                let mask = UInt32(columns[7], radix: 16)
            else { return nil }
            return KernelRoute(
                link: String(columns[0]), destination: destination.byteSwapped, bits: UInt32(mask.nonzeroBitCount))
        }
    }
}
