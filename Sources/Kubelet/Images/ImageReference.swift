/// Names of images: `[registry/]path[:tag][@digest]`.
enum ImageReference {
    static func isValid(_ image: String) -> Bool {
        var rest = image[...]
        if let at = rest.firstIndex(of: "@") {
            let digest = rest[rest.index(after: at)...].split(separator: ":", omittingEmptySubsequences: false)
            guard digest.count == 2, digest[1].count >= 32, digest[1].allSatisfy(\.isHexDigit) else { return false }
            rest = rest[..<at]
        }
        var parts = rest.split(separator: "/", omittingEmptySubsequences: false)
        guard var last = parts.popLast() else { return false }
        if let colon = last.firstIndex(of: ":") {
            let tag = last[last.index(after: colon)...]
            guard !tag.isEmpty, tag.count <= 128, tag.first != ".", tag.first != "-",
                tag.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "_.-".contains($0)) })
            else { return false }
            last = last[..<colon]
        }
        // The first part may be a registry's host, where capitals and a port are allowed.
        if let host = parts.first, host.contains(".") || host.contains(":") || host == "localhost" {
            parts.removeFirst()
        }
        return (parts + [last]).allSatisfy { part in
            guard let first = part.first, let end = part.last, first != "-", end != "-" else { return false }
            return isWord(first) && isWord(end)
                && part.allSatisfy { isWord($0) || $0 == "." || $0 == "_" || $0 == "-" }
        }
    }

    /// What is wrong with a bad name, where it is the usual mistake.
    static func complaint(_ image: String) -> String {
        guard image != image.lowercased(), isValid(image.lowercased()) else { return "" }
        let path = image.split(separator: "@")[0]
        let name = path.split(separator: "/").count > 1 ? String(path) : "library/" + path
        let end = name.lastIndex(of: ":").flatMap { name[$0...].contains("/") ? nil : $0 } ?? name.endIndex
        return ": repository name (\(name[..<end])) must be lowercase"
    }

    /// Adds `:latest` where there is neither tag nor digest.
    static func withDefaultTag(_ image: String) -> String {
        if image.contains("@") { return image }
        let last = image.split(separator: "/").last ?? ""
        return last.contains(":") ? image : image + ":latest"
    }

    /// The whole name without tag and digest, as credentials and records are kept by: `docker.io/library/nginx`.
    static func repository(_ image: String) -> String {
        var name = image.prefix { $0 != "@" }
        if let colon = name.lastIndex(of: ":"), !name[colon...].contains("/") { name = name[..<colon] }
        let parts = name.split(separator: "/", maxSplits: 1)
        guard parts.count == 2 else { return "docker.io/library/\(name)" }
        let first = parts[0]
        guard first.contains(".") || first.contains(":") || first == "localhost" else { return "docker.io/\(name)" }
        guard first == "docker.io" || first == "index.docker.io" else { return String(name) }
        return parts[1].contains("/") ? "docker.io/\(parts[1])" : "docker.io/library/\(parts[1])"
    }

    private static func isWord(_ character: Character) -> Bool {
        character.isASCII && (character.isNumber || (character.isLetter && character.isLowercase))
    }
}
