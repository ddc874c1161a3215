internal import APIMachinery

/// Owners that an object names twice.
enum OwnerReferences {
    /// Leaves each owner once. What to tell the client, if anything.
    static func deduplicate(_ object: inout Value) -> [String] {
        let references = object.metadata.list("ownerReferences")
        guard references.count > 1 else { return [] }
        var kept: [Value] = []
        var doubled: [String] = []
        // By UID: there may be thousands, and equal ones have the same.
        var places: [String: [Int]] = [:]
        for reference in references {
            let uid = reference.text("uid")
            if places[uid]?.contains(where: { kept[$0] == reference }) == true {
                if !doubled.contains(uid) { doubled.append(uid) }
            } else {
                places[uid, default: []].append(kept.count)
                kept.append(reference)
            }
        }
        guard !doubled.isEmpty else { return [] }
        object.editMetadata { $0["ownerReferences"] = .array(kept) }
        return [
            ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may "
                + "reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: "
                + "[\(doubled.joined(separator: " "))]"
        ]
    }
}
