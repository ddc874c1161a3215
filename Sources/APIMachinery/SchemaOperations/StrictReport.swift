/// What strict decoding found in one document: the basis of `fieldValidation`.
package struct StrictReport: Equatable, Sendable {
    /// Findings kept, as upstream.
    static let findingsMax = 100

    /// Texts for `Warning` headers, and for the error of `Strict`: `unknown field "spec.foo"`, `duplicate field "kind"`.
    package private(set) var warnings: [String] = []
    /// The first value of a wrong type, in Go's words; the document is then refused whatever the validation level.
    package internal(set) var typeError: String?

    package init() {}

    /// `strict decoding error: unknown field "spec.foo", unknown field "spec.bar"`; `nil` when there was nothing.
    package var strictText: String? {
        warnings.isEmpty ? nil : "strict decoding error: " + warnings.joined(separator: ", ")
    }

    /// Adds fields that the JSON parser saw twice, by path. Upstream names them before unknown ones.
    package mutating func addDuplicates(_ paths: [String]) {
        insert(paths.map { "duplicate field \"\($0)\"" })
    }

    /// Adds whole texts, as the YAML parser gives them for repeated keys; named before unknown fields.
    package mutating func addWarnings(_ texts: [String]) {
        insert(texts)
    }

    private mutating func insert(_ texts: [String]) {
        warnings = Array((texts + warnings).prefix(Self.findingsMax))
    }

    mutating func addUnknown(_ path: String) {
        guard warnings.count < Self.findingsMax else { return }
        warnings.append("unknown field \"\(path)\"")
    }
}
