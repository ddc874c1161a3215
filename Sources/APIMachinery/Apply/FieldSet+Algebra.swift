extension FieldSet {
    package func union(_ other: FieldSet) -> FieldSet {
        if isEmpty { return other }
        if other.isEmpty { return self }
        return FieldSet(nodes: Self.union(nodes, other.nodes))
    }

    private static func union(_ left: [FieldNode], _ right: [FieldNode]) -> [FieldNode] {
        var result: [FieldNode] = []
        result.reserveCapacity(max(left.count, right.count))
        var (i, j) = (0, 0)
        while i < left.count, j < right.count {
            if left[i].key == right[j].key {
                let (a, b) = (left[i].value, right[j].value)
                let node = Value.node(isMember: a.isMember || b.isMember, union(a.nodes, b.nodes))
                result.append((left[i].key, node ?? .leaf))
                i += 1
                j += 1
            } else if left[i].key < right[j].key {
                result.append(left[i])
                i += 1
            } else {
                result.append(right[j])
                j += 1
            }
        }
        result += left[i...]
        result += right[j...]
        return result
    }

    /// The paths of this set that are not in `other`; what lies below a removed path stays.
    package func subtracting(_ other: FieldSet) -> FieldSet {
        if isEmpty || other.isEmpty { return self }
        return FieldSet(nodes: Self.subtract(nodes, other.nodes, isRecursive: false))
    }

    /// As `subtracting`, together with all that lies below a removed path.
    package func subtractingSubtrees(_ other: FieldSet) -> FieldSet {
        if isEmpty || other.isEmpty { return self }
        return FieldSet(nodes: Self.subtract(nodes, other.nodes, isRecursive: true))
    }

    private static func subtract(_ left: [FieldNode], _ right: [FieldNode], isRecursive: Bool) -> [FieldNode] {
        var result: [FieldNode] = []
        result.reserveCapacity(left.count)
        var j = 0
        for node in left {
            while j < right.count, right[j].key < node.key { j += 1 }
            guard j < right.count, right[j].key == node.key else {
                result.append(node)
                continue
            }
            let other = right[j].value
            if isRecursive, other.isMember { continue }
            let children = subtract(node.value.nodes, other.nodes, isRecursive: isRecursive)
            if let rest = Value.node(isMember: node.value.isMember && !other.isMember, children) {
                result.append((node.key, rest))
            }
        }
        return result
    }

    package func intersection(_ other: FieldSet) -> FieldSet {
        if isEmpty || other.isEmpty { return FieldSet() }
        return FieldSet(nodes: Self.intersect(nodes, other.nodes))
    }

    private static func intersect(_ left: [FieldNode], _ right: [FieldNode]) -> [FieldNode] {
        var result: [FieldNode] = []
        var (i, j) = (0, 0)
        while i < left.count, j < right.count {
            if left[i].key == right[j].key {
                let (a, b) = (left[i].value, right[j].value)
                if let node = Value.node(isMember: a.isMember && b.isMember, intersect(a.nodes, b.nodes)) {
                    result.append((left[i].key, node))
                }
                i += 1
                j += 1
            } else if left[i].key < right[j].key {
                i += 1
            } else {
                j += 1
            }
        }
        return result
    }

    /// What lies on the way to, or below, one of the patterns. `*` in a pattern stands for any element.
    package func matching(_ patterns: [[String]]) -> FieldSet {
        FieldSet(nodes: Self.matching(nodes, patterns))
    }

    private static func matching(_ nodes: [FieldNode], _ patterns: [[String]]) -> [FieldNode] {
        nodes.compactMap { node in
            let rest = patterns.filter { $0.first == node.key || $0.first == "*" }.map { Array($0.dropFirst()) }
            guard !rest.isEmpty else { return nil }
            if rest.contains(where: \.isEmpty) { return node }
            return Value.node(isMember: node.value.isMember, matching(node.value.nodes, rest))
                .map { (node.key, $0) }
        }
    }

    /// All paths as upstream prints them (`.spec.ports[containerPort=80,protocol="TCP"].name`): at each level the
    /// level's own paths first.
    package var pathTexts: [String] {
        var texts: [String] = []
        Self.addTexts(of: nodes, prefix: "", to: &texts)
        return texts
    }

    private static func addTexts(of nodes: [FieldNode], prefix: String, to texts: inout [String]) {
        for node in nodes where node.value.isMember { texts.append(prefix + text(ofElement: node.key)) }
        for node in nodes {
            let children = node.value.nodes
            if !children.isEmpty { addTexts(of: children, prefix: prefix + text(ofElement: node.key), to: &texts) }
        }
    }

    /// `.name`, `[name="c"]` or `[="x"]`.
    static func text(ofElement element: String) -> String {
        let body = element.dropFirst(2)
        switch element.prefix(2) {
        case "f:": return "." + body
        case "k:":
            let keys = (try? Value(json: Array(body.utf8)))?.fields?.entries ?? []
            return "[" + keys.map { "\($0.key)=\($0.value.jsonText)" }.joined(separator: ",") + "]"
        case "v:": return "[=" + body + "]"
        default: return "[" + body + "]"
        }
    }
}
