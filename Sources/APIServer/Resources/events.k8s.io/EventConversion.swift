internal import APIMachinery

/// Versions of a kind that share their storage with another one.
enum VersionConversions {
    static func conversion(for kind: GroupVersionKind) -> (any VersionConversion)? {
        switch (kind.group, kind.version, kind.kind) {
        case ("events.k8s.io", "v1", "Event"): EventConversion()
        case ("autoscaling", "v1", "HorizontalPodAutoscaler"): HorizontalPodAutoscalerConversion()
        default: nil
        }
    }
}

/// `events.k8s.io/v1` Events rest as `v1` Events: the same facts by other names.
struct EventConversion: VersionConversion {
    let storedKind = GroupVersionKind(group: "", version: "v1", kind: "Event")

    /// `events.k8s.io/v1` name and `v1` name.
    private static let names = [
        ("regarding", "involvedObject"), ("note", "message"), ("deprecatedSource", "source"),
        ("deprecatedFirstTimestamp", "firstTimestamp"), ("deprecatedLastTimestamp", "lastTimestamp"),
        ("deprecatedCount", "count"), ("reportingController", "reportingComponent"),
    ]

    func toStored(_ object: Value) -> Value { rename(object, Self.names, version: "v1") }

    func fromStored(_ object: Value) -> Value {
        rename(object, Self.names.map { ($0.1, $0.0) }, version: "events.k8s.io/v1")
    }

    private func rename(_ object: Value, _ names: [(String, String)], version: String) -> Value {
        let table = Dictionary(names, uniquingKeysWith: { first, _ in first })
        var members: [(String, Value)] = []
        for (key, value) in object.fields?.entries ?? [] {
            members.append((table[key] ?? key, key == "apiVersion" ? .string(version) : value))
        }
        return .record(members)
    }
}
