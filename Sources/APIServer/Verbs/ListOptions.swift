internal import APIMachinery

/// The query of list, watch and deletecollection, checked.
struct ListOptions: Sendable {
    enum Match: String, Sendable {
        case exact = "Exact"
        case notOlderThan = "NotOlderThan"
    }

    var selector = ObjectSelector()
    /// 0: no limit.
    var limit = 0
    var continueToken = ""
    /// `nil` where none was given.
    var resourceVersion: Int64?
    var match: Match?
    var timeoutSeconds: Int64?
    var allowsBookmarks = false
    var sendsInitialEvents: Bool?

    /// Larger limits are none.
    private static let limitMax = 1 << 30

    init(_ query: Query, resource: Resource, isWatch: Bool, name: String = "") throws(APIError) {
        selector = try ObjectSelector(
            labels: query["labelSelector"] ?? "", fields: query["fieldSelector"] ?? "", resource: resource)
        if !name.isEmpty { selector.require(name: name) }
        limit = max(0, min(Int(try Self.integer(query, "limit") ?? 0), Self.limitMax))
        continueToken = query["continue"] ?? ""
        timeoutSeconds = try Self.integer(query, "timeoutSeconds")
        allowsBookmarks = query.isTrue("allowWatchBookmarks")
        sendsInitialEvents = query.bool("sendInitialEvents")
        try Self.validate(query, isWatch: isWatch, sendsInitialEvents: sendsInitialEvents)
        match = query["resourceVersionMatch"].flatMap(Match.init)
        // With a token, the version is complained of where the token is read.
        guard continueToken.isEmpty else {
            resourceVersion = Int64(query["resourceVersion"] ?? "") ?? (query["resourceVersion"] == nil ? nil : -1)
            return
        }
        do throws(RefusedVersion) {
            resourceVersion = try Self.resourceVersion(query["resourceVersion"])
        } catch {
            guard !isWatch else {
                throw .invalid(group: resource.id.group, kind: resource.id.plural, name, error.all)
            }
            throw .badRequest("invalid resource version: " + error.text)
        }
    }

    /// Refusals that the caller wraps as its verb does.
    struct RefusedVersion: Error {
        let all: [FieldError]
        var text: String { all.map(\.description).joined(separator: ", ") }
    }

    static func resourceVersion(_ text: String?) throws(RefusedVersion) -> Int64? {
        guard let text, !text.isEmpty else { return nil }
        guard let version = Int64(text), version >= 0 else {
            let isNumber = text.utf8.allSatisfy { $0 &- 0x30 < 10 }
            let why =
                "strconv.ParseUint: parsing \(quoted(text)): "
                + (isNumber ? "value out of range" : "invalid syntax")
            throw RefusedVersion(all: [.invalid("resourceVersion", text, why)])
        }
        return version
    }

    private static func integer(_ query: Query, _ name: String) throws(APIError) -> Int64? {
        guard let text = query[name], !text.isEmpty else { return nil }
        guard let number = Int64(text) else {
            throw .badRequest("strconv.ParseInt: parsing \(quoted(text)): invalid syntax")
        }
        return number
    }

    /// Upstream's ValidateListOptions.
    private static func validate(_ query: Query, isWatch: Bool, sendsInitialEvents: Bool?) throws(APIError) {
        let version = query["resourceVersion"] ?? ""
        let match = query["resourceVersionMatch"] ?? ""
        var errors: [FieldError] = []
        if isWatch, sendsInitialEvents != nil {
            if match != "NotOlderThan" {
                errors.append(
                    .forbidden(
                        "resourceVersionMatch",
                        "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"))
                if !match.isEmpty {
                    errors.append(.notSupported("resourceVersionMatch", match, ["NotOlderThan"]))
                }
            }
        } else if isWatch {
            if !match.isEmpty {
                errors.append(.forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden for watch"))
            }
        } else {
            if sendsInitialEvents != nil {
                errors.append(.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
            }
            errors += listMatchErrors(version: version, match: match, continueToken: query["continue"] ?? "")
        }
        guard errors.isEmpty else { throw .invalid(group: "meta.k8s.io", kind: "ListOptions", "", errors) }
    }

    private static func listMatchErrors(version: String, match: String, continueToken: String) -> [FieldError] {
        guard !match.isEmpty else { return [] }
        var errors: [FieldError] = []
        if version.isEmpty {
            errors.append(
                .forbidden(
                    "resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided"))
        }
        if !continueToken.isEmpty {
            errors.append(
                .forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided"))
        }
        if Match(rawValue: match) == nil {
            errors.append(.notSupported("resourceVersionMatch", match, ordered: ["Exact", "NotOlderThan", ""]))
        }
        if match == "Exact", version == "0" {
            errors.append(
                .forbidden(
                    "resourceVersionMatch", "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""))
        }
        return errors
    }
}
