import Foundation

/// `Schema/structs.txt`: which kinds become Swift structs; and what `Schema/resources.txt` says of their addresses.
struct StructRoots {
    var roots: [TypeReference] = []
    private var resources: [GroupVersionKind: (plural: String, isNamespaced: Bool)] = [:]

    init(directory: URL) throws {
        for words in try Self.words(directory.appending(path: "structs.txt")) {
            roots += words.dropFirst().map { TypeReference(package: words[0], type: $0) }
        }
        for words in try Self.words(directory.appending(path: "resources.txt"))
        where words.first == "resource" && words.count > 5 {
            let kind = try SchemaText.readKind(words[1] + "/" + words[4])
            resources[kind] = (words[2], words[5] == "namespaced")
        }
    }

    /// Kinds that are only a subresource's body are named as upstream's tools would: lower case and `s`.
    func address(of kind: GroupVersionKind) -> (plural: String, isNamespaced: Bool) {
        resources[kind] ?? (kind.kind.lowercased() + "s", true)
    }

    private static func words(_ file: URL) throws -> [[String]] {
        try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
            .filter { !$0.hasPrefix("#") }
            .map { $0.split(separator: " ").map(String.init) }
    }
}
