internal import Transport

/// What a request asks for, read from its method, path and query.
struct RequestInfo: Sendable {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; for other paths the method
    /// in lower case.
    var verb: String
    /// The path as sent.
    var path: String
    var isResourceRequest = false
    var group = ""
    var version = ""
    var namespace = ""
    var resource = ""
    var subresource = ""
    var name = ""
    /// What follows the subresource (`/proxy/some/path`).
    var rest: [String] = []

    var resourceID: ResourceID { ResourceID(group: group, plural: resource) }
    /// `pods/log`, as authorization names it.
    var fullResource: String { subresource.isEmpty ? resource : resource + "/" + subresource }
}

extension RequestInfo {
    init(_ request: HTTPRequest, query: Query) {
        path = request.path
        verb = request.method.lowercased()
        // Upstream decodes before it splits: an escaped slash separates like any other.
        var parts = percentDecoded(request.path).split(separator: "/").map(String.init)
        guard let root = parts.first, root == "api" || root == "apis" else { return }
        parts.removeFirst()
        guard parts.count >= (root == "api" ? 2 : 3) else { return }
        isResourceRequest = true
        if root == "apis" { group = parts.removeFirst() }
        version = parts.removeFirst()
        verb = RequestInfo.verb(of: request.method)
        var isWatchPath = false
        if parts.first == "watch", parts.count > 1 {
            // The deprecated /api/v1/watch/pods form.
            isWatchPath = true
            parts.removeFirst()
        }
        if parts.first == "namespaces", parts.count > 1 {
            namespace = parts[1]
            if parts.count > 2, parts[2] != "status", parts[2] != "finalize" { parts.removeFirst(2) }
        }
        resource = parts.first ?? ""
        if parts.count > 1 { name = parts[1] }
        if parts.count > 2 { subresource = parts[2] }
        rest = Array(parts.dropFirst(3))
        if resource == "namespaces" { namespace = name }
        if isWatchPath || (verb == "get" && name.isEmpty) {
            verb = isWatchPath || query.isTrue("watch") ? "watch" : "list"
        } else if verb == "delete", name.isEmpty {
            verb = "deletecollection"
        }
    }

    private static func verb(of method: String) -> String {
        switch method {
        case "POST": "create"
        case "GET", "HEAD": "get"
        case "PUT": "update"
        case "PATCH": "patch"
        case "DELETE": "delete"
        default: ""
        }
    }
}

/// The parameters of a query string, decoded, in order.
struct Query: Sendable {
    let parameters: [(name: String, value: String)]

    init(_ text: String?) {
        parameters = (text ?? "").split(separator: "&").map { pair in
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (
                percentDecoded(halves[0], plusIsSpace: true),
                halves.count > 1 ? percentDecoded(halves[1], plusIsSpace: true) : ""
            )
        }
    }

    /// The first value of `name`.
    subscript(name: String) -> String? { parameters.first { $0.name == name }?.value }

    func values(_ name: String) -> [String] { parameters.filter { $0.name == name }.map(\.value) }

    /// `true` and `1` are true; so is the bare name, as upstream's query conversion has it.
    func isTrue(_ name: String) -> Bool { bool(name) ?? false }

    /// `nil` where the parameter is absent.
    func bool(_ name: String) -> Bool? {
        guard let value = self[name] else { return nil }
        return value != "false" && value != "0"
    }
}

/// Resolves `%41`; malformed escapes stay as they are.
func percentDecoded(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String {
    guard text.utf8.contains(UInt8(ascii: "%")) || (plusIsSpace && text.utf8.contains(UInt8(ascii: "+"))) else {
        return String(text)
    }
    let bytes = Array(text.utf8)
    var out: [UInt8] = []
    var index = 0
    while index < bytes.count {
        if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count, let high = hexDigit(bytes[index + 1]),
            let low = hexDigit(bytes[index + 2])
        {
            out.append(high << 4 | low)
            index += 3
        } else {
            out.append(plusIsSpace && bytes[index] == UInt8(ascii: "+") ? UInt8(ascii: " ") : bytes[index])
            index += 1
        }
    }
    return String(decoding: out, as: UTF8.self)
}

private func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
