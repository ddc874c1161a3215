internal import Transport

/// What a proxied request asks for behind the proxy, and what stands before it.
struct ProxyPath: Equatable, Sendable {
    /// `/api/v1/namespaces/default/services/http:web:80/proxy`: what links of pages are led through.
    let prefix: String
    /// The path that is asked for, encoded.
    let target: String
    /// Nothing, not even a slash, follows `proxy`.
    let isBare: Bool

    init(_ context: RequestContext) {
        self.init(info: context.info, path: context.request.path)
    }

    init(info: RequestInfo, path: String) {
        let namespace = info.namespace.isEmpty || info.resource == "nodes" ? [] : ["namespaces", info.namespace]
        let parts = ["api", info.version] + namespace + [info.resource, info.name, "proxy"]
        prefix = parts.map { "/" + Self.encoded($0) }.joined()
        let endsInSlash = path.utf8.last == UInt8(ascii: "/")
        isBare = info.rest.isEmpty && !endsInSlash
        let segments = Self.cleaned(info.rest)
        let joined = "/" + segments.map(Self.encoded).joined(separator: "/")
        target = endsInSlash && !segments.isEmpty ? joined + "/" : joined
    }

    /// Nothing leads above the root.
    static func cleaned(_ segments: [String]) -> [String] {
        var result: [String] = []
        for segment in segments where !segment.isEmpty && segment != "." {
            if segment == ".." { _ = result.popLast() } else { result.append(segment) }
        }
        return result
    }

    private static func encoded(_ segment: String) -> String {
        var out = ""
        out.reserveCapacity(segment.utf8.count)
        for byte in segment.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                out.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                if "-_.~$&+,:;=@".utf8.contains(byte) {
                    out.unicodeScalars.append(Unicode.Scalar(byte))
                } else {
                    let hex = String(byte, radix: 16, uppercase: true)
                    out += hex.utf8.count == 1 ? "%0" + hex : "%" + hex
                }
            }
        }
        return out
    }
}
