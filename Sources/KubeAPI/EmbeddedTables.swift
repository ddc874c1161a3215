internal import APIMachinery

/// The texts that the generator embeds; read once, at first use.
enum EmbeddedTables {}

/// Splits embedded text into lines and words without making strings of them.
struct TableLines: Sequence, IteratorProtocol {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var offset = 0

    init(_ text: StaticString) {
        bytes = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }

    /// The next line that holds anything.
    mutating func next() -> TableLine? {
        while offset < bytes.count {
            let start = offset
            while offset < bytes.count, bytes[offset] != 0x0A { offset += 1 }
            let line = UnsafeBufferPointer(rebasing: bytes[start..<offset])
            offset += 1
            if !line.isEmpty { return TableLine(line) }
        }
        return nil
    }
}

/// One line of embedded text, taken word by word.
struct TableLine {
    let isIndented: Bool
    private var rest: UnsafeBufferPointer<UInt8>

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        isIndented = bytes.first == 0x20
        rest = bytes
    }

    mutating func word() -> TableWord? {
        let start = rest.firstIndex { $0 != 0x20 } ?? rest.count
        guard start < rest.count else { return nil }
        let end = rest[start...].firstIndex { $0 == 0x20 } ?? rest.count
        let word = TableWord(bytes: UnsafeBufferPointer(rebasing: rest[start..<end]))
        rest = UnsafeBufferPointer(rebasing: rest[end...])
        return word
    }

    /// A word that the table's form promises.
    mutating func required() -> TableWord {
        guard let word = word() else { preconditionFailure("embedded table: line too short") }
        return word
    }

    /// All that is left, without the space before it.
    mutating func remainder() -> String {
        String(decoding: rest.drop { $0 == 0x20 }, as: UTF8.self)
    }
}

struct TableWord {
    let bytes: UnsafeBufferPointer<UInt8>

    var string: String { String(decoding: bytes, as: UTF8.self) }
    var number: Int { bytes.reduce(0) { $0 * 10 + Int($1 &- 0x30) } }
    var isDash: Bool { self == "-" }

    static func == (word: TableWord, text: StaticString) -> Bool {
        word.bytes.elementsEqual(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    func hasPrefix(_ text: StaticString) -> Bool {
        bytes.starts(with: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// What stands in the parentheses of `name(argument)`.
    func argument(of name: StaticString) -> TableWord? {
        let length = name.utf8CodeUnitCount
        guard hasPrefix(name), bytes.count > length + 1, bytes[length] == UInt8(ascii: "(") else { return nil }
        return TableWord(bytes: UnsafeBufferPointer(rebasing: bytes[(length + 1)..<(bytes.count - 1)]))
    }

    func dropFirst(_ count: Int) -> TableWord {
        TableWord(bytes: UnsafeBufferPointer(rebasing: bytes.dropFirst(count)))
    }

    func dropLast() -> TableWord { TableWord(bytes: UnsafeBufferPointer(rebasing: bytes.dropLast())) }

    func split(_ separator: UInt8) -> [TableWord] {
        bytes.split(separator: separator).map { TableWord(bytes: UnsafeBufferPointer(rebasing: $0)) }
    }

    func strings(separatedBy separator: UInt8 = UInt8(ascii: ",")) -> [String] {
        split(separator).map(\.string)
    }

    /// `v1/Pod` or `apps/v1/Deployment`.
    var kind: GroupVersionKind {
        let parts = strings(separatedBy: UInt8(ascii: "/"))
        return parts.count == 2
            ? GroupVersionKind(group: "", version: parts[0], kind: parts[1])
            : GroupVersionKind(group: parts[0], version: parts[1], kind: parts[2])
    }

    /// `v1` or `apps/v1`.
    var groupVersion: (group: String, version: String) {
        let parts = strings(separatedBy: UInt8(ascii: "/"))
        return parts.count == 1 ? ("", parts[0]) : (parts[0], parts[1])
    }
}
