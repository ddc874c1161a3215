/// Rewrites the links in an HTML page as it streams by. Holds back one unfinished tag at most.
struct HTMLRewriter: Sendable {
    /// A longer tag passes as it is.
    static let tagBytesMax = 64 << 10

    private enum Mode: Equatable {
        case text
        case tag
        case comment
        /// What is between these tags is no markup. Holds `</script`, and how much of it has been seen.
        case raw(end: [UInt8], matched: Int)
    }

    private let links: LinkRewriter
    private var mode = Mode.text
    /// The tag, from its `<`.
    private var tag: [UInt8] = []
    /// The quote that a value in the tag is in.
    private var quote: UInt8 = 0
    /// The last bytes of a comment.
    private var dashes = 0

    init(_ links: LinkRewriter) {
        self.links = links
    }

    /// What can be passed on after these bytes.
    mutating func take(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count + tag.count)
        for byte in bytes {
            switch mode {
            case .text:
                if byte == UInt8(ascii: "<") { begin() } else { out.append(byte) }
            case .tag: takeTag(byte, &out)
            case .comment:
                out.append(byte)
                if byte == UInt8(ascii: ">"), dashes >= 2 { mode = .text }
                dashes = byte == UInt8(ascii: "-") ? dashes + 1 : 0
            case .raw(let end, let matched):
                out.append(byte)
                takeRaw(byte, end, matched)
            }
        }
        return out
    }

    /// The page is over: what was held back.
    mutating func finish() -> [UInt8] {
        defer { tag = [] }
        return tag
    }

    private mutating func begin() {
        mode = .tag
        tag = [UInt8(ascii: "<")]
        quote = 0
    }

    private mutating func takeRaw(_ byte: UInt8, _ end: [UInt8], _ matched: Int) {
        let isNext = byte.lowercasedASCII == end[matched]
        let now = isNext ? matched + 1 : byte == end[0] ? 1 : 0
        mode = now == end.count ? .text : .raw(end: end, matched: now)
    }

    private mutating func takeTag(_ byte: UInt8, _ out: inout [UInt8]) {
        if tag.count == 1, !byte.isASCIILetter, byte != UInt8(ascii: "/"), byte != UInt8(ascii: "!") {
            // Not a tag after all.
            out += tag
            tag = []
            mode = .text
            if byte == UInt8(ascii: "<") { begin() } else { out.append(byte) }
            return
        }
        tag.append(byte)
        if tag.count == 4, tag.elementsEqual("<!--".utf8) {
            pass(&out, to: .comment)
            dashes = 2
            return
        }
        if quote != 0 {
            if byte == quote { quote = 0 }
        } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
            // A quote begins a value only right after its sign.
            let before = tag.dropLast().last { !$0.isHTMLSpace }
            if before == UInt8(ascii: "=") { quote = byte }
        } else if byte == UInt8(ascii: ">") {
            let markup = HTMLTag(tag)
            out += markup.rewritten(links)
            tag = []
            mode = markup.rawEnd.map { .raw(end: $0, matched: 0) } ?? .text
            return
        }
        if tag.count >= Self.tagBytesMax { pass(&out, to: .text) }
    }

    private mutating func pass(_ out: inout [UInt8], to next: Mode) {
        out += tag
        tag = []
        mode = next
    }
}
