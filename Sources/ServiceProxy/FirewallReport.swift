internal import APIMachinery

/// What the chains of all tables say about ours.
struct FirewallReport: Equatable {
    /// Whether our table has the chain that everything begins with.
    let hasTable: Bool
    /// Chains of others that drop forwarded packets unless told otherwise: `ip filter FORWARD`.
    let dropping: Set<String>

    /// Reads `nft -j list chains`.
    init(json: [UInt8], table: String) throws {
        var hasTable = false
        var dropping: Set<String> = []
        for entry in try Value(json: json)["nftables"]?.array ?? [] {
            guard let chain = entry["chain"] else { continue }
            func text(_ member: String) -> String { chain[member]?.string ?? "" }
            let (family, owner, name) = (text("family"), text("table"), text("name"))
            if family == "ip", owner == table {
                if name == "services" { hasTable = true }
            } else if text("hook") == "forward", text("policy") == "drop",
                ["ip", "inet"].contains(family)
            {
                dropping.insert("\(family) \(owner) \(name)")
            }
        }
        self.hasTable = hasTable
        self.dropping = dropping
    }
}
