/// Reads a few facts out of an encoded object without building a tree: what lists, watches, selectors and garbage
/// collection ask of stored bytes.
///
/// Made for JSON that we encoded ourselves. Malformed input is never read out of bounds; what is found in it is
/// unspecified.
package struct MetadataScanner: Sendable {
    private let json: [UInt8]

    package init(json: [UInt8]) {
        self.json = json
    }

    /// `metadata` of the object; empty where it has none.
    package var metadata: ScannedMetadata {
        withCursor { cursor in
            var result = ScannedMetadata()
            cursor.eachMember { key, cursor in
                if key.matches("metadata") {
                    cursor.eachMember { key, cursor in result.take(key, &cursor) }
                    return false
                }
                return true
            }
            return result
        }
    }

    /// A string, number or boolean as text, at a path of object keys (`spec`, `nodeName`); `nil` where there is none.
    package func string(at path: [String]) -> String? {
        withCursor { cursor in
            guard cursor.move(to: path[...]) else { return nil }
            return cursor.scalarText()
        }
    }

    /// Where the value at a path of object keys stands in the bytes.
    package func raw(at path: [String]) -> Range<Int>? {
        withCursor { cursor in
            guard cursor.move(to: path[...]) else { return nil }
            let start = cursor.index
            cursor.skipValue()
            return start..<cursor.index
        }
    }

    /// `metadata.labels` alone.
    package var labels: [String: String] {
        withCursor { cursor in
            cursor.move(to: ["metadata", "labels"]) ? cursor.stringMap() : [:]
        }
    }

    /// `metadata.annotations` alone.
    package var annotations: [String: String] {
        withCursor { cursor in
            cursor.move(to: ["metadata", "annotations"]) ? cursor.stringMap() : [:]
        }
    }

    private func withCursor<Result>(_ body: (inout JSONCursor) -> Result) -> Result {
        json.withUnsafeBufferPointer { buffer in
            var cursor = JSONCursor(buffer)
            return body(&cursor)
        }
    }
}

/// What `MetadataScanner` finds in one pass over `metadata`.
package struct ScannedMetadata: Equatable, Sendable {
    package var name = ""
    package var namespace = ""
    package var uid = ""
    package var resourceVersion = ""
    package var generation: Int64 = 0
    package var creationTimestamp: String?
    package var deletionTimestamp: String?
    package var labels: [String: String] = [:]
    package var finalizers: [String] = []
    package var ownerReferences: [ScannedOwner] = []

    package init() {}

    package var hasDeletionTimestamp: Bool { deletionTimestamp != nil }

    /// Takes one member of `metadata`; returns true to go on.
    fileprivate mutating func take(_ key: JSONKey, _ cursor: inout JSONCursor) -> Bool {
        if key.matches("name") {
            name = cursor.scalarText() ?? ""
        } else if key.matches("namespace") {
            namespace = cursor.scalarText() ?? ""
        } else if key.matches("uid") {
            uid = cursor.scalarText() ?? ""
        } else if key.matches("resourceVersion") {
            resourceVersion = cursor.scalarText() ?? ""
        } else if key.matches("generation") {
            generation = cursor.scalarText().flatMap { Int64($0) } ?? 0
        } else if key.matches("creationTimestamp") {
            creationTimestamp = cursor.scalarText()
        } else if key.matches("deletionTimestamp") {
            deletionTimestamp = cursor.scalarText()
        } else if key.matches("labels") {
            labels = cursor.stringMap()
        } else if key.matches("finalizers") {
            cursor.eachElement { finalizers.append($0.scalarText() ?? "") }
        } else if key.matches("ownerReferences") {
            cursor.eachElement { ownerReferences.append(ScannedOwner(&$0)) }
        }
        return true
    }
}

/// One of `metadata.ownerReferences`.
package struct ScannedOwner: Hashable, Sendable {
    package var apiVersion = ""
    package var kind = ""
    package var name = ""
    package var uid = ""
    package var isController = false
    package var blocksOwnerDeletion = false

    package init() {}

    fileprivate init(_ cursor: inout JSONCursor) {
        cursor.eachMember { key, cursor in
            let text = cursor.scalarText()
            if key.matches("apiVersion") {
                apiVersion = text ?? ""
            } else if key.matches("kind") {
                kind = text ?? ""
            } else if key.matches("name") {
                name = text ?? ""
            } else if key.matches("uid") {
                uid = text ?? ""
            } else if key.matches("controller") {
                isController = text == "true"
            } else if key.matches("blockOwnerDeletion") {
                blocksOwnerDeletion = text == "true"
            }
            return true
        }
    }
}
