/// A file that an init container leaves for the others to take variables from: `NAME='value'` lines, as a shell would
/// read them: https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-via-file/
enum EnvironmentFile {
    /// The value of `key`, the last of that name; `nil` where it is not set.
    ///
    /// Values stand in single quotes and may span lines; what follows the closing quote can only be a comment.
    /// - Throws: `ConfigurationError` for a file that is written in another way.
    static func value(of key: String, in text: String) throws(ConfigurationError) -> String? {
        var rest = text[...]
        var found: String?
        while !rest.isEmpty {
            rest = rest.drop { $0 == " " || $0 == "\t" }
            let line = rest.prefix { $0 != "\n" }
            if line.allSatisfy(\.isWhitespace) || line.first == "#" {
                rest = rest.dropFirst(line.count + 1)
                continue
            }
            guard let equals = line.firstIndex(of: "=") else { throw malformed }
            let name = line[..<equals]
            guard !name.isEmpty, !name.contains(where: \.isWhitespace) else { throw malformed }
            let (value, after) = try quoted(rest[rest.index(after: equals)...])
            if name == key { found = value }
            let tail = after.prefix { $0 != "\n" }
            let comment = tail.drop { $0 == " " || $0 == "\t" || $0 == "\r" }
            guard comment.isEmpty || (comment.first == "#" && comment.count < tail.count) else { throw malformed }
            rest = after.dropFirst(tail.count + 1)
        }
        return found
    }

    private static let malformed = ConfigurationError("couldn't parse env file")

    /// What stands in the quotes that `text` begins with, and what follows them. Nothing before a blank or line's end
    /// is an empty value.
    private static func quoted(_ text: Substring) throws(ConfigurationError) -> (String, Substring) {
        guard let first = text.first else { return ("", text) }
        if first == "\n" { return ("", text) }
        guard first == "'", let close = text.dropFirst().firstIndex(of: "'") else { throw malformed }
        return (String(text[text.index(after: text.startIndex)..<close]), text[text.index(after: close)...])
    }
}
