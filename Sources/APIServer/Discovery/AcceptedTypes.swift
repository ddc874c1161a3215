/// The clauses of an `Accept` header, best first: by `q`, then in the order written, as upstream negotiates.
struct AcceptedTypes {
    struct Clause {
        /// Lower case, `application/json`.
        let type: String
        let parameters: [String: String]
        let quality: Double

        /// True if this clause takes `mediaType` and asks for no particular object (`as=Table`).
        func takes(_ mediaType: String) -> Bool {
            parameters["as"] == nil && (type == mediaType || type == "*/*")
        }
    }

    let clauses: [Clause]

    /// An absent header accepts everything.
    init(_ header: String?) {
        guard let header, !header.allSatisfy({ $0 == " " }) else {
            clauses = [Clause(type: "*/*", parameters: [:], quality: 1)]
            return
        }
        let parsed = header.split(separator: ",").enumerated().map { ($0.offset, Self.clause($0.element)) }
        clauses =
            parsed.filter { $0.1.quality > 0 }
            .sorted { ($1.1.quality, $0.0) < ($0.1.quality, $1.0) }
            .map(\.1)
    }

    /// The first of `offers` that the best possible clause takes; `nil` if none is acceptable.
    func best(of offers: [String]) -> String? {
        for clause in clauses {
            if let offer = offers.first(where: clause.takes) { return offer }
        }
        return nil
    }

    private static func clause(_ text: Substring) -> Clause {
        let parts = text.split(separator: ";").map(trimmed)
        var parameters: [String: String] = [:]
        var quality = 1.0
        for part in parts.dropFirst() {
            guard let equals = part.firstIndex(of: "=") else { continue }
            let name = trimmed(part[..<equals]).lowercased()
            let value = trimmed(part[part.index(after: equals)...])
            if name == "q" { quality = Double(value) ?? 1 } else { parameters[name] = value }
        }
        return Clause(type: (parts.first ?? "").lowercased(), parameters: parameters, quality: quality)
    }

    private static func trimmed(_ text: Substring) -> String {
        let blanks: Set<Character> = [" ", "\t"]
        guard let first = text.firstIndex(where: { !blanks.contains($0) }),
            let last = text.lastIndex(where: { !blanks.contains($0) })
        else { return "" }
        return String(text[first...last])
    }
}
