/// What strict decoding found in one document: the basis of `fieldValidation`.
package struct StrictReport: Equatable, Sendable {
    /// Findings kept, as upstream.
    static let findingsMax = 100

    /// Texts for `Warning` headers, and for the error of `Strict`: `unknown field "spec.foo"`, `duplicate field "kind"`.
    package private(set) var warnings: [String] = []
    /// The first value of a wrong type, in Go's words; the document is then refused whatever the validation level.
    package internal(set) var typeError: String?

    /// While a document is walked that keeps its repeated fields.
    var seeksDuplicates = false

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

    mutating func addUnknown(_ path: String) { add("unknown field \"\(path)\"") }

    mutating func addDuplicate(_ path: String) { add("duplicate field \"\(path)\"") }

    private mutating func add(_ text: String) {
        guard warnings.count < Self.findingsMax, !warnings.contains(text) else { return }
        warnings.append(text)
    }

    /// By text, as upstream reports what a strategic merge left over.
    package mutating func sort() { warnings.sort() }
}
