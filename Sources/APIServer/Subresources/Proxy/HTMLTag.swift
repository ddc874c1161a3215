/// One whole tag of a page, `<a href="/x">`.
struct HTMLTag {
    private let bytes: [UInt8]
    private let nameEnd: Int
    private let name: String

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        var end = 1
        while end < bytes.count, !bytes[end].isHTMLSpace, bytes[end] != UInt8(ascii: ">"),
            bytes[end] != UInt8(ascii: "/") || end == 1
        {
            end += 1
        }
        nameEnd = end
        name = String(decoding: bytes[1..<end], as: UTF8.self).lowercased()
    }

    /// The attributes of each element that hold a link.
    private static let linkAttributes: [String: Set<String>] = [
        "a": ["href"], "applet": ["codebase"], "area": ["href"], "audio": ["src"], "base": ["href"],
        "blockquote": ["cite"], "body": ["background"], "button": ["formaction"], "command": ["icon"],
        "del": ["cite"], "embed": ["src"], "form": ["action"], "frame": ["longdesc", "src"], "head": ["profile"],
        "html": ["manifest"], "iframe": ["longdesc", "src"], "img": ["longdesc", "src", "usemap"],
        "input": ["src", "usemap", "formaction"], "ins": ["cite"], "link": ["href"],
        "object": ["classid", "codebase", "data", "usemap"], "q": ["cite"], "script": ["src"], "source": ["src"],
        "video": ["poster", "src"],
    ]
    private static let rawElements: Set<String> = [
        "iframe", "noembed", "noframes", "noscript", "script", "style", "textarea", "title", "xmp",
    ]

    /// What ends the text after this tag, where that text is no markup.
    var rawEnd: [UInt8]? {
        Self.rawElements.contains(name) ? Array("</\(name)".utf8) : nil
    }

    func rewritten(_ links: LinkRewriter) -> [UInt8] {
        guard let wanted = Self.linkAttributes[name] else { return bytes }
        var out: [UInt8] = []
        var copied = 0
        var index = nameEnd
        while let attribute = nextAttribute(&index) {
            guard wanted.contains(attribute.name) else { continue }
            let link = String(decoding: bytes[attribute.value], as: UTF8.self)
            let changed = links.rewrite(link)
            guard changed != link else { continue }
            out += bytes[copied..<attribute.value.lowerBound]
            out += changed.utf8
            copied = attribute.value.upperBound
        }
        return copied == 0 ? bytes : out + bytes[copied...]
    }

    /// The next attribute that has a value.
    private func nextAttribute(_ index: inout Int) -> (name: String, value: Range<Int>)? {
        let end = bytes.count - 1
        while index < end {
            while index < end, bytes[index].isHTMLSpace || bytes[index] == UInt8(ascii: "/") { index += 1 }
            let start = index
            while index < end, !bytes[index].isHTMLSpace, bytes[index] != UInt8(ascii: "="),
                bytes[index] != UInt8(ascii: "/") || index == start
            {
                index += 1
            }
            let name = String(decoding: bytes[start..<index], as: UTF8.self).lowercased()
            while index < end, bytes[index].isHTMLSpace { index += 1 }
            guard index < end, bytes[index] == UInt8(ascii: "=") else { continue }
            index += 1
            while index < end, bytes[index].isHTMLSpace { index += 1 }
            guard index < end else { return (name, index..<index) }
            let quote = bytes[index]
            guard quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
                let value = index
                while index < end, !bytes[index].isHTMLSpace { index += 1 }
                return (name, value..<index)
            }
            index += 1
            let value = index
            while index < end, bytes[index] != quote { index += 1 }
            let range = value..<index
            if index < end { index += 1 }
            return (name, range)
        }
        return nil
    }
}

extension UInt8 {
    var isHTMLSpace: Bool { self == 0x20 || (0x09...0x0d).contains(self) && self != 0x0b }
    var isASCIILetter: Bool { (0x61...0x7a).contains(self | 0x20) }
    var lowercasedASCII: UInt8 { (0x41...0x5a).contains(self) ? self | 0x20 : self }
}
