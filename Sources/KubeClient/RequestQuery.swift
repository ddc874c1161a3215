package import APIMachinery

/// Builds the query part of a target.
struct RequestQuery {
    /// Empty, or begins with `?`.
    private(set) var text = ""

    /// Adds `name=value`, unless there is no value.
    mutating func add(_ name: String, _ value: String?) {
        guard let value, !value.isEmpty else { return }
        text += (text.isEmpty ? "?" : "&") + name + "=" + value.percentEncoded()
    }
}

extension String {
    /// RFC 3986: everything but unreserved characters is escaped.
    func percentEncoded() -> String {
        let isPlain = utf8.allSatisfy(Self.isUnreserved)
        if isPlain { return self }
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in utf8 {
            if Self.isUnreserved(byte) {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }
}

extension ResourceName {
    /// Path of one object: `/api/v1/namespaces/NS/pods/NAME`, with `/SUBRESOURCE` if given.
    package func path(of key: ObjectKey, subresource: String? = nil) -> String {
        let path = path(namespace: key.namespace) + "/" + key.name.percentEncoded()
        guard let subresource else { return path }
        return path + "/" + subresource
    }
}
