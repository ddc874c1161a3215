/// What one transaction changes in the table, and its text for `nft -f`.
struct RuleChanges {
    private var added: Set<String> = []
    private var rules: [String: [String]] = [:]
    private var removed: Set<String> = []
    private var addedAffinities: [String: Int32] = [:]
    private var removedAffinities: Set<String> = []
    /// What an element was before the first change of this transaction, and is after the last.
    private var elements: [RuleSet.Element: (before: String?, after: String?)] = [:]

    var isEmpty: Bool {
        rules.isEmpty && removed.isEmpty && addedAffinities.isEmpty && removedAffinities.isEmpty
            && elements.values.allSatisfy { $0.before == $0.after }
    }

    mutating func setChain(_ name: String, _ lines: [String], isNew: Bool) {
        // A chain that goes and comes back in one transaction is still there.
        if isNew, removed.remove(name) == nil { added.insert(name) }
        rules[name] = lines
    }

    mutating func removeChain(_ name: String) {
        rules[name] = nil
        if added.remove(name) == nil { removed.insert(name) }
    }

    mutating func addAffinity(_ name: String, _ seconds: Int32) {
        if removedAffinities.remove(name) == nil { addedAffinities[name] = seconds }
    }

    mutating func removeAffinity(_ name: String) {
        if addedAffinities.removeValue(forKey: name) == nil { removedAffinities.insert(name) }
    }

    mutating func setElement(_ element: RuleSet.Element, from before: String?, to after: String?) {
        elements[element] = (elements[element].map(\.before) ?? before, after)
    }

    /// Commands for the table `ip TABLE`. nftables takes them all or none.
    func script(table: String) -> String {
        var text = ""
        for name in added.sorted() { text += "add chain ip \(table) \(name)\n" }
        for (name, seconds) in addedAffinities.sorted(by: { $0.key < $1.key }) {
            text +=
                "add set ip \(table) \(name) { type ipv4_addr; flags dynamic,timeout; timeout \(seconds)s; size 65535; }\n"
        }
        for (name, lines) in rules.sorted(by: { $0.key < $1.key }) {
            if !added.contains(name) { text += "flush chain ip \(table) \(name)\n" }
            for line in lines { text += "add rule ip \(table) \(name) \(line)\n" }
        }
        for container in RuleSet.Container.allCases {
            let changed = elements.filter { $0.key.container == container && $0.value.before != $0.value.after }
                .sorted { $0.key.key < $1.key.key }
            let old = changed.filter { $0.value.before != nil }.map(\.key.key)
            let new = changed.compactMap { element, change in
                change.after.map { $0.isEmpty ? element.key : element.key + " : " + $0 }
            }
            for (verb, list) in [("delete", old), ("add", new)] where !list.isEmpty {
                text += "\(verb) element ip \(table) \(container.rawValue) { \(list.joined(separator: ", ")) }\n"
            }
        }
        for name in removed.sorted() { text += "flush chain ip \(table) \(name)\n" }
        for name in removed.sorted() { text += "delete chain ip \(table) \(name)\n" }
        for name in removedAffinities.sorted() { text += "delete set ip \(table) \(name)\n" }
        return text
    }
}
