internal import APIMachinery

/// Clients and the endpoints that they stay with, as an earlier proxy left them in the kernel.
struct RememberedClients {
    /// Elements with their remaining time, by the set's name.
    private var elements: [String: [String]] = [:]

    /// Reads `nft -j list sets`; only sets that are among `names`.
    init(json: [UInt8], names: Set<String>) throws {
        for entry in try Value(json: json)["nftables"]?.array ?? [] {
            guard let set = entry["set"], let name = set["name"]?.string, names.contains(name) else { continue }
            for member in set["elem"]?.array ?? [] {
                guard let element = member["elem"], let address = element["val"]?.string, IPv4.isAddress(address),
                    case .int(let seconds)? = element["expires"], seconds > 0
                else { continue }
                elements[name, default: []].append("\(address) expires \(seconds)s")
            }
        }
    }

    func script(table: String) -> String {
        elements.sorted { $0.key < $1.key }.map { name, clients in
            "add element ip \(table) \(name) { \(clients.joined(separator: ", ")) }\n"
        }.joined()
    }
}
