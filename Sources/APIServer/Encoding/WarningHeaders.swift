/// The values of `Warning` headers (RFC 7234, code 299), each text once.
///
/// As upstream bounds them: past 4096 characters in all, each text is cut to 256, and what then still is too much is
/// left out.
enum WarningHeaders {
    static let charactersMax = 4096
    static let itemCharactersMax = 256

    static func values(_ texts: [String]) -> [String] {
        guard !texts.isEmpty else { return [] }
        var seen = Set<String>()
        let unique = texts.filter { !$0.isEmpty && seen.insert($0).inserted }
        guard unique.reduce(0, { $0 + $1.unicodeScalars.count }) > charactersMax else { return unique.map(value) }
        var written = 0
        var values: [String] = []
        for text in unique where written < charactersMax {
            var cut = String.UnicodeScalarView()
            cut.append(contentsOf: text.unicodeScalars.prefix(itemCharactersMax))
            written += cut.count
            values.append(value(String(cut)))
        }
        return values
    }

    private static func value(_ text: String) -> String { "299 - " + quoted(text) }
}
