/// What stands in each column of a Table, as upstream describes it to clients.
///
/// Data: an entry names the resources (`*`: all) and the column; its text follows, wrapped, with `¶` for a line break.
enum ColumnDescriptions {
    /// Empty for columns that have none.
    static func text(_ column: String, of plural: String) -> String {
        entries[Key(plural: plural, column: column)] ?? entries[Key(plural: "*", column: column)] ?? ""
    }

    private struct Key: Hashable {
        let plural: String
        let column: String
    }

    private static let entries: [Key: String] = {
        var entries: [Key: String] = [:]
        var keys: [Key] = []
        var words: [Substring] = []
        func finish() {
            let text = words.joined(separator: " ").replacing("¶", with: "\n")
            for key in keys { entries[key] = text }
            words = []
        }
        for line in source.split(separator: "\n") {
            if line.hasPrefix("  ") {
                words.append(line.dropFirst(2))
            } else if let space = line.firstIndex(of: " ") {
                finish()
                let column = String(line[line.index(after: space)...])
                keys = line[..<space].split(separator: ",").map { Key(plural: String($0), column: column) }
            }
        }
        finish()
        return entries
    }()

    private static let source = ColumnTexts.first + "\n" + ColumnTexts.second
}
