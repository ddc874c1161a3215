/// Leads links of what is served behind a proxy through it: a page at `/proxy/` that links to `/style.css` means
/// `/proxy/style.css`.
struct LinkRewriter: Sendable {
    /// The proxy's path.
    let prefix: String
    /// Host and port behind the proxy.
    let source: String
    /// The client's own `Host`.
    let requestHost: String

    /// The link as it must be written; the same where it leads elsewhere or is relative.
    func rewrite(_ link: String) -> String {
        guard var url = Link(link) else { return link }
        let isElsewhere = !url.host.isEmpty && url.host != source && url.host != requestHost
        guard !isElsewhere, url.path.utf8.first == UInt8(ascii: "/") else { return link }
        if url.host != requestHost {
            url.scheme = ""
            url.host = ""
        }
        if !url.path.hasPrefix(prefix) { url.path = prefix + url.path }
        return url.description
    }

    /// The parts of a URL reference that matter here, as they are written.
    private struct Link: CustomStringConvertible {
        var scheme = ""
        var host = ""
        var path: String
        /// Query and fragment with their marks.
        var tail: String

        init?(_ text: String) {
            guard !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) else { return nil }
            var rest = text[...]
            if let colon = rest.utf8.firstIndex(of: UInt8(ascii: ":")),
                Self.isScheme(rest[..<colon])
            {
                scheme = String(rest[..<colon])
                rest = rest[rest.utf8.index(after: colon)...]
            }
            if rest.hasPrefix("//") {
                rest = rest.dropFirst(2)
                let end = rest.utf8.firstIndex { "/?#".utf8.contains($0) } ?? rest.endIndex
                host = String(rest[..<end])
                rest = rest[end...]
            }
            let end = rest.utf8.firstIndex { "?#".utf8.contains($0) } ?? rest.endIndex
            path = String(rest[..<end])
            tail = String(rest[end...])
        }

        private static func isScheme(_ text: Substring) -> Bool {
            guard let first = text.utf8.first, (first | 0x20) >= 0x61, (first | 0x20) <= 0x7a else { return false }
            return text.utf8.allSatisfy { byte in
                (0x61...0x7a).contains(byte | 0x20) || (0x30...0x39).contains(byte) || "+-.".utf8.contains(byte)
            }
        }

        var description: String {
            (scheme.isEmpty ? "" : scheme + ":") + (host.isEmpty ? "" : "//" + host) + path + tail
        }
    }
}
