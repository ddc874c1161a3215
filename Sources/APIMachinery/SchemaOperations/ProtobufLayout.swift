internal import Synchronization

/// How one type lies on the wire: its fields by tag, with the messages that Go's inline embedding makes.
final class ProtobufLayout: Sendable {
    enum Node: Sendable {
        /// Index of the field in `TypeSchema.fields`.
        case field(Int)
        /// A struct embedded inline: its fields are this object's, in a message of their own.
        case embedded(ProtobufLayout)
    }

    /// Sorted by tag.
    let nodes: [(tag: UInt32, node: Node)]

    convenience init(_ type: TypeSchema) {
        self.init(type.fields.enumerated().map { (Array($1.tags), $0) })
    }

    /// `fields`: paths of tags relative to this message, and field indexes.
    private init(_ fields: [(tags: [UInt32], index: Int)]) {
        var direct: [(tag: UInt32, node: Node)] = []
        var nested: [UInt32: [(tags: [UInt32], index: Int)]] = [:]
        for (tags, index) in fields {
            guard let tag = tags.first else { continue }
            if tags.count == 1 {
                direct.append((tag, .field(index)))
            } else {
                nested[tag, default: []].append((Array(tags.dropFirst()), index))
            }
        }
        for (tag, inner) in nested { direct.append((tag, .embedded(ProtobufLayout(inner)))) }
        nodes = direct.sorted { $0.tag < $1.tag }
    }

    func node(of tag: UInt32) -> Node? {
        // Most messages number their fields from 1 without gaps.
        let guess = Int(tag) - 1
        if guess < nodes.count, nodes[guess].tag == tag { return nodes[guess].node }
        return nodes.first { $0.tag == tag }?.node
    }
}

extension Schema {
    func layout(of type: TypeID) -> ProtobufLayout {
        layouts.withLock { layouts in
            if let layout = layouts[type] { return layout }
            let layout = ProtobufLayout(self[type])
            layouts[type] = layout
            return layout
        }
    }
}
