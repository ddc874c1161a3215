internal import KubeAPI
internal import Logging

/// Addresses of the ranges that were added to the cluster's own, as ServiceCIDRs: those that no Service has are refused
/// like the cluster's, and the node has a route to them.
struct ServiceRangeRules {
    static let chain = "ranges"

    /// `10.112.0.0/24`, sorted, and only those that the node has a route to: the others are somebody else's.
    private(set) var ranges: [String] = []
    private var refused: [String: String] = [:]

    /// Gives the node routes. IPv4 only. `initial`: the cluster's own range, which the table knows from the start.
    mutating func update(
        _ objects: [ServiceCIDR], initial: String, kernel: ServiceProxyService.Kernel, logger: Logger
    ) async {
        let all = Set(objects.flatMap(\.spec.cidrs).compactMap { IPv4.prefix($0) })
            .subtracting([IPv4.prefix(initial) ?? initial]).sorted()
        guard all != (ranges + refused.keys).sorted() else { return }
        do {
            let answer = try await kernel.route(all)
            for (range, reason) in answer.sorted(by: { $0.key < $1.key }) where refused[range] == nil {
                logger.warning("Services in \(range) cannot be reached: \(reason); choose another range")
            }
            refused = answer
            ranges = all.filter { answer[$0] == nil }
        } catch {
            logger.warning("the node has no route to Services in \(all.joined(separator: ", ")): \(error)")
        }
    }

    func part(clusterDNS: String) -> RuleSet.Part {
        var part = RuleSet.Part()
        part.chains[Self.chain] = ranges.map { "ip daddr \($0) ip daddr != \(clusterDNS) goto refusal" }
        return part
    }
}
