internal import APIMachinery
internal import KubeAPI
internal import Transport

/// The descriptions of every type and field, unpacked while a document is written and dropped with it.
struct FieldDescriptions {
    /// What is said about a field, and the only values it takes, if it is an enumeration.
    struct Entry: Equatable {
        let text: String
        let values: [String]
    }

    private let bytes: [UInt8]
    /// Where each line begins, and one more: the end.
    private let lines: [Int]
    /// The line of each type, by its number.
    private let lineOfType: [Int]

    private static let plainBytesMax = 4 << 20

    /// Knows nothing about a schema that is not the built-in one.
    init(of schema: Schema) {
        var lineOfType: [Int] = []
        lineOfType.reserveCapacity(schema.types.count)
        var count = 0
        for type in schema.types {
            lineOfType.append(count)
            count += 1 + type.fields.count
        }
        let bytes = Gzip.decompress(EmbeddedDescriptions.gzip(), bytesMax: Self.plainBytesMax) ?? []
        var lines = [0]
        lines.reserveCapacity(count + 1)
        for (offset, byte) in bytes.enumerated() where byte == 0x0A { lines.append(offset + 1) }
        lines.append(bytes.count + 1)
        let isKnown = lines.count == count + 1
        self.bytes = bytes
        self.lines = lines
        self.lineOfType = isKnown ? lineOfType : []
    }

    func type(_ id: TypeID) -> String? {
        let index = Int(id.rawValue)
        return lineOfType.indices.contains(index) ? line(lineOfType[index]) : nil
    }

    /// The field that stands at `position` in its type.
    func field(_ position: Int, of id: TypeID) -> Entry? {
        let index = Int(id.rawValue)
        guard lineOfType.indices.contains(index) else { return nil }
        let text = line(lineOfType[index] + 1 + position)
        guard text.hasSuffix("}"), let open = text.lastIndex(of: "{") else { return Entry(text: text, values: []) }
        let values = text[text.index(after: open)...].dropLast()
            .split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        var sentence = text[..<open]
        while sentence.last == " " { sentence.removeLast() }
        return Entry(text: String(sentence), values: values)
    }

    private func line(_ number: Int) -> String {
        String(decoding: bytes[lines[number]..<(lines[number + 1] - 1)], as: UTF8.self)
    }
}
