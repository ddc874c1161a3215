internal import Glibc

/// A label and field selector compiled to bytes: it looks through stored objects without allocating anything, so that
/// a list of ten thousand objects costs a scan of their metadata and no more.
package struct ByteSelector: Sendable {
    /// One comparison of a field.
    package struct Field: Sendable {
        fileprivate let path: [[UInt8]]
        fileprivate let absent: [UInt8]
        fileprivate let isEqual: Bool
        fileprivate let value: [UInt8]

        /// `absent`: what a missing or empty field counts as.
        package init(path: [String], absent: String, isEqual: Bool, value: String) {
            self.path = path.map { Array($0.utf8) }
            self.absent = Array(absent.utf8)
            self.isEqual = isEqual
            self.value = Array(value.utf8)
        }
    }

    private struct Label: Sendable {
        let key: [UInt8]
        let requirement: LabelRequirements.Requirement
        let values: [[UInt8]]
    }

    private let labels: [Label]
    private let fields: [Field]
    private let isNothing: Bool
    /// Past this many requirements, labels are looked up one by one in a dictionary.
    private static let labelsMax = 64

    private let many: LabelRequirements?

    package init(labels: LabelRequirements, fields: [Field]) {
        many = labels.requirements.count > Self.labelsMax ? labels : nil
        self.labels = labels.requirements.map { requirement in
            Label(
                key: Array(requirement.key.utf8), requirement: requirement,
                values: requirement.values.map { Array($0.utf8) })
        }
        self.fields = fields
        isNothing = labels.requirements.isEmpty && !labels.isEmpty
    }

    /// Whether it selects everything.
    package var isEmpty: Bool { labels.isEmpty && fields.isEmpty && !isNothing }

    /// Whether an encoded object is selected.
    package func matches(_ json: [UInt8]) -> Bool {
        guard !isNothing else { return false }
        if let many, !many.matches(MetadataScanner(json: json).labels) { return false }
        return json.withUnsafeBufferPointer { bytes in
            if many == nil, !labels.isEmpty, !matchesLabels(bytes) { return false }
            for field in fields where !matches(field, bytes) { return false }
            return true
        }
    }

    private static let labelsPath = ["metadata", "labels"].map { Array($0.utf8) }

    private func matchesLabels(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var cursor = JSONCursor(bytes)
        var seen: UInt64 = 0
        var isMatch = true
        if cursor.move(to: Self.labelsPath, from: 0) {
            cursor.eachMember { key, cursor in
                var value: JSONCursor.Scalar?
                for index in labels.indices where key.equals(labels[index].key) {
                    let found = value ?? cursor.scalar()
                    value = found
                    seen |= 1 << UInt64(index)
                    isMatch = isMatch && holds(labels[index], found)
                }
                return isMatch
            }
        }
        guard isMatch else { return false }
        for index in labels.indices where seen & (1 << UInt64(index)) == 0 {
            guard labels[index].requirement.matches(nil) else { return false }
        }
        return true
    }

    private func holds(_ label: Label, _ value: JSONCursor.Scalar) -> Bool {
        switch label.requirement.operator {
        case .equals, .doubleEquals, .in: label.values.contains { value.equals($0) }
        case .notEquals, .notIn: !label.values.contains { value.equals($0) }
        case .exists: true
        case .doesNotExist: false
        case .greaterThan, .lessThan: label.requirement.matches(value.text)
        }
    }

    private func matches(_ field: Field, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var cursor = JSONCursor(bytes)
        guard cursor.move(to: field.path, from: 0) else { return (field.absent == field.value) == field.isEqual }
        let found = cursor.scalar()
        let isSame = found.isEmpty ? field.absent == field.value : found.equals(field.value)
        return isSame == field.isEqual
    }
}

extension JSONKey {
    @inline(__always)
    func equals(_ name: [UInt8]) -> Bool {
        guard bytes.count == name.count, let start = bytes.baseAddress else { return bytes.count == name.count }
        return name.withUnsafeBufferPointer { memcmp(start, $0.baseAddress ?? start, name.count) == 0 }
    }
}

extension JSONCursor {
    /// A string without its quotes, or the text of a number or boolean; empty for null, objects and lists.
    struct Scalar {
        let raw: UnsafeBufferPointer<UInt8>
        let hasEscape: Bool

        var isEmpty: Bool { raw.isEmpty }

        func equals(_ bytes: [UInt8]) -> Bool {
            guard !hasEscape else { return text.utf8.elementsEqual(bytes) }
            return JSONKey(bytes: raw).equals(bytes)
        }

        var text: String {
            guard hasEscape, let bytes = try? JSONUnescaper.unescape(raw, offset: 0) else {
                return String(decoding: raw, as: UTF8.self)
            }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    /// Moves to the value at a path of keys.
    mutating func move(to path: [[UInt8]], from depth: Int) -> Bool {
        guard depth < path.count else { return true }
        var isFound = false
        eachMember { key, cursor in
            guard key.equals(path[depth]) else { return true }
            isFound = cursor.move(to: path, from: depth + 1)
            return false
        }
        return isFound
    }
}
