import Foundation

/// Reads `Schema/descriptions/*.txt`: what `kubectl explain` says about every type and field.
///
///     ContainerPort: A port that a container listens on.
///       containerPort: Number of the port, 1 to 65535.
///       protocol: Transport protocol of the port. {SCTP|TCP|UDP}
///     EphemeralContainer like Container: A container added to a running pod to look at it.
///
/// A file is named as the schema that it describes. Values in braces at the end are the only ones a field takes.
/// `like TYPE` lends the texts of another type's fields, and `a, b: TEXT` describes several. In `shared.txt` a type may
/// be a pattern (`*List`), whose texts stand in wherever a type has none of its own; `%` is what the star stood for.
struct DescriptionText {
    private struct Notes {
        var text = ""
        var like: String?
        var fields: [String: String] = [:]
    }

    /// By package and type, `core.v1:Pod`.
    private var notes: [String: Notes] = [:]
    private var shared: [(pattern: String, notes: Notes)] = []

    init(directory: URL) throws {
        let files = try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
        for file in files where file.pathExtension == "txt" {
            let package = file.deletingPathExtension().lastPathComponent
            for (name, entry) in try Self.read(String(contentsOf: file, encoding: .utf8), name: package) {
                if package == "shared" {
                    shared.append((name, entry))
                } else if notes.updateValue(entry, forKey: package + ":" + name) != nil {
                    throw Failure("\(package).txt describes \(name) twice")
                }
            }
        }
    }

    /// Every text of the model: a line for each type, followed by one for each of its fields.
    func lines(of model: Model) throws -> [String] {
        var lines: [String] = []
        var missing: [String] = []
        var stale = notes
        for package in model.packages {
            for type in package.types {
                let key = package.name + ":" + type.name
                let own = stale.removeValue(forKey: key)
                missing += Set((own?.fields ?? [:]).keys).subtracting(type.fields.map(\.name))
                    .map { "\(key).\($0) is described but not in the schema" }
                let text = self.text(of: key)
                if text == nil { missing.append("\(key) has no description") }
                lines.append(text ?? "")
                for field in type.fields {
                    let text = self.text(of: field.name, in: key)
                    if text == nil { missing.append("\(key).\(field.name) has no description") }
                    lines.append(text ?? "")
                }
            }
        }
        missing += stale.keys.map { "\($0) is described but not in the schema" }
        guard missing.isEmpty else { throw Failure("descriptions:\n  " + missing.sorted().joined(separator: "\n  ")) }
        return lines
    }

    private func text(of key: String) -> String? {
        if let own = notes[key] {
            if !own.text.isEmpty { return own.text }
            if let like = own.like { return text(of: Self.resolve(like, from: key)) }
        }
        return firstShared(key) { $0.text.isEmpty ? nil : $0.text }
    }

    private func text(of field: String, in key: String) -> String? {
        if let own = notes[key] {
            if let text = own.fields[field] { return text }
            if let like = own.like, let text = text(of: field, in: Self.resolve(like, from: key)) { return text }
        }
        return firstShared(key) { $0.fields[field] }
    }

    private func firstShared(_ key: String, _ text: (Notes) -> String?) -> String? {
        let name = key.split(separator: ":").last.map(String.init) ?? key
        for (pattern, notes) in shared {
            let suffix = pattern.dropFirst()
            guard name.hasSuffix(suffix), let text = text(notes) else { continue }
            return text.replacingOccurrences(of: "%", with: name.dropLast(suffix.count))
        }
        return nil
    }

    private static func resolve(_ like: String, from key: String) -> String {
        like.contains(":") ? like : (key.split(separator: ":").first ?? "") + ":" + like
    }

    private static func read(_ text: String, name: String) throws -> [(String, Notes)] {
        var entries: [(String, Notes)] = []
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            guard !line.hasPrefix("#"), !line.allSatisfy(\.isWhitespace) else { continue }
            let colon = line.hasSuffix(":") ? line.index(before: line.endIndex)..<line.endIndex : nil
            let end = line.range(of: ": ") ?? colon
            let names = String(end.map { line[..<$0.lowerBound] } ?? line).trimmingCharacters(in: .whitespaces)
            let text = String(end.map { line[$0.upperBound...] } ?? "").trimmingCharacters(in: .whitespaces)
            if !line.hasPrefix("  ") {
                let words = names.components(separatedBy: " like ")
                entries.append((words[0], Notes(text: text, like: words.count > 1 ? words[1] : nil)))
            } else {
                guard !entries.isEmpty, !text.isEmpty else {
                    throw Failure("\(name).txt:\(number + 1): a field needs a type before it, and a text")
                }
                for field in names.components(separatedBy: ", ") {
                    let known = entries[entries.count - 1].1.fields.updateValue(text, forKey: field)
                    if known != nil { throw Failure("\(name).txt:\(number + 1): \(field) is described twice") }
                }
            }
        }
        return entries
    }
}
