/// How long pods may take to end when the machine shuts down:
/// https://kubernetes.io/docs/concepts/cluster-administration/node-shutdown/
struct ShutdownSettings: Sendable, Equatable {
    /// Pods of at least this priority get so many seconds.
    struct Group: Sendable, Equatable {
        let priority: Int32
        let seconds: Int64
    }

    /// All together, and the part of it that is kept for critical pods; zero leaves the shutdown alone.
    var grace = Duration.zero
    var criticalGrace = Duration.zero
    /// Takes the place of both where it is not empty.
    var byPriority: [Group] = []

    /// Priority from which a pod counts as critical (`system-cluster-critical`).
    static let criticalPriority: Int32 = 2_000_000_000

    var isOn: Bool { grace > .zero || !byPriority.isEmpty }

    /// The lowest priority first: the order in which pods end.
    var groups: [Group] {
        if !byPriority.isEmpty { return byPriority.sorted { $0.priority < $1.priority } }
        return [
            Group(priority: 0, seconds: (grace - criticalGrace).components.seconds),
            Group(priority: Self.criticalPriority, seconds: criticalGrace.components.seconds),
        ]
    }

    /// The whole time that a shutdown may be held up.
    var total: Duration { .seconds(groups.reduce(0) { $0 + $1.seconds }) }

    /// `0=30s,2000000000=10s`.
    static func groups(_ text: String) throws(SettingText.Refusal) -> [Group] {
        var groups: [Group] = []
        for (name, value) in try SettingText.pairs(text) {
            guard let priority = Int32(name) else { throw SettingText.Refusal("\"\(name)\" is no priority") }
            groups.append(Group(priority: priority, seconds: try SettingText.duration(value).components.seconds))
        }
        return groups
    }

    /// The group of each pod's priority: the highest that does not exceed it, or the lowest of all.
    static func index(of priority: Int32, in groups: [Group]) -> Int {
        max(0, (groups.firstIndex { $0.priority > priority } ?? groups.count) - 1)
    }
}
