internal import APIMachinery

/// Files of one volume that would be at the same place, or one where the other needs a directory.
enum VolumePathWarnings {
    static func of(_ volumes: [Value]) -> [String] {
        var warnings: [String] = []
        for volume in volumes {
            let name = quoted(volume.text("name"))
            for (kind, title, key) in [("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")] {
                guard let source = volume.present(kind), let items = source["items"]?.array else { continue }
                warnings += collisions(
                    paths(items), "volume \(name) (\(title) \(quoted(source.text(key)))): overlapping paths")
            }
            if let items = volume["downwardAPI"]?["items"]?.array {
                warnings += collisions(paths(items), "volume \(name) (DownwardAPI): overlapping paths")
            }
            if let projected = volume.present("projected") { warnings += self.projected(projected, name) }
        }
        return warnings
    }

    private static func paths(_ items: [Value]) -> [String] { items.map { $0.text("path") } }

    private static func projected(_ projected: Value, _ name: String) -> [String] {
        var warnings: [String] = []
        var all: [String] = []
        for source in projected.list("sources") {
            guard !source.isEmptyValue else {
                warnings.append("volume \(name) (Projected) has no sources provided")
                continue
            }
            guard let (what, own) = sourcePaths(source), !own.isEmpty else { continue }
            let text = "volume \(name) (Projected \(what)): overlapping paths"
            warnings += collisions(own, text)
            let fresh = Set(own)
            warnings += collisions((fresh + all).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }, text)
            all += fresh.filter { !all.contains($0) }
        }
        return warnings
    }

    private static func sourcePaths(_ source: Value) -> (what: String, paths: [String])? {
        for (kind, title) in [("configMap", "ConfigMap"), ("secret", "Secret")] {
            guard let keys = source.present(kind), let items = keys["items"]?.array else { continue }
            return ("\(title) \(quoted(keys.text("name")))", paths(items))
        }
        if let items = source["downwardAPI"]?["items"]?.array { return ("DownwardAPI", paths(items)) }
        if let token = source.present("serviceAccountToken") { return ("ServiceAccountToken", [token.text("path")]) }
        if let bundle = source.present("clusterTrustBundle") {
            let name = bundle.text("name").isEmpty ? bundle.text("signerName") : bundle.text("name")
            return ("ClusterTrustBundle \(quoted(name))", [bundle.text("path")])
        }
        return nil
    }

    private static func collisions(_ paths: [String], _ text: String) -> [String] {
        guard paths.count > 1 else { return [] }
        var warnings: [String] = []
        var seen: [String] = []
        for path in paths {
            var path = path
            while path.hasSuffix("/") { path.removeLast() }
            if let other = seen.first(where: { collide($0, path) }), !seen.contains("") {
                warnings.append("\(text): \(quoted(path)) with \(quoted(other))")
            }
            seen.append(path)
        }
        return warnings
    }

    private static func collide(_ left: String, _ right: String) -> Bool {
        guard !left.isEmpty, !right.isEmpty else { return false }
        return left == right || (left + "/").hasPrefix(right) || (right + "/").hasPrefix(left)
    }
}
