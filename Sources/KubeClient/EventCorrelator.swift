internal import APIMachinery
internal import KubeAPI

/// Decides what becomes of an event: new, a repeat of one sent before, one of many alike, or nothing.
///
/// The numbers are upstream's (client-go, `tools/record`). A pure state machine.
struct EventCorrelator {
    /// One thing to send.
    struct Step {
        var event: Event
        let key: String
        /// `event` names one that exists and is to be patched.
        let isRepeat: Bool
    }

    /// Kinds of event and objects remembered; the oldest half is forgotten beyond it.
    static let rememberedMax = 4096
    /// Events about one object that may come in a burst.
    static let burstMax = 25.0
    /// After a burst, one event about an object per this many seconds.
    static let refillSeconds = 300.0
    /// This many different messages of one reason about an object within `similarSeconds` are combined.
    static let similarMax = 10
    static let similarSeconds: Int64 = 600

    private struct Sent {
        var name: String
        var count: Int32
        var first: Time
        var last: Int64
    }

    private struct Bucket {
        var tokens: Double
        var last: Int64
    }

    private struct Similar {
        var messages: Set<String>
        var last: Int64
    }

    private var sent: [String: Sent] = [:]
    private var buckets: [String: Bucket] = [:]
    private var similar: [String: Similar] = [:]

    /// `nil`: dropped, there were too many about this object.
    mutating func correlate(_ event: Event, now: Time) -> Step? {
        forgetOld()
        // Taken in any case; what it does not let through counts all the same, and shows with the next that passes.
        let isLetThrough = takeToken(event, now: now.seconds)
        var event = event
        let group = Self.groupKey(event)
        var key = group + "\u{0}" + (event.message ?? "")
        if isCombined(event, group, now: now.seconds) {
            key = group
            event.message = "(combined from similar events): " + (event.message ?? "")
        }
        guard var known = sent[key] else {
            return isLetThrough ? Step(event: event, key: key, isRepeat: false) : nil
        }
        known.count += 1
        known.last = now.seconds
        sent[key] = known
        guard isLetThrough else { return nil }
        event.metadata.name = known.name
        event.count = known.count
        event.firstTimestamp = known.first
        return Step(event: event, key: key, isRepeat: true)
    }

    /// `event` now exists; further ones of `key` are repeats of it.
    mutating func remember(_ event: Event, as key: String) {
        sent[key] = Sent(
            name: event.metadata.name ?? "", count: event.count ?? 1, first: event.firstTimestamp ?? .now(),
            last: event.lastTimestamp?.seconds ?? 0)
    }

    private mutating func takeToken(_ event: Event, now: Int64) -> Bool {
        let object = event.involvedObject
        let key = [event.source.component, object.kind, object.namespace, object.name, object.uid]
            .map { $0 ?? "" }.joined(separator: "\u{0}")
        var bucket = buckets[key] ?? Bucket(tokens: Self.burstMax, last: now)
        bucket.tokens = min(Self.burstMax, bucket.tokens + Double(now - bucket.last) / Self.refillSeconds)
        bucket.last = now
        defer { buckets[key] = bucket }
        guard bucket.tokens >= 1 else { return false }
        bucket.tokens -= 1
        return true
    }

    private mutating func isCombined(_ event: Event, _ group: String, now: Int64) -> Bool {
        var entry = similar[group] ?? Similar(messages: [], last: now)
        if now - entry.last > Self.similarSeconds { entry.messages = [] }
        entry.last = now
        if entry.messages.count < Self.similarMax { entry.messages.insert(event.message ?? "") }
        similar[group] = entry
        return entry.messages.count >= Self.similarMax
    }

    private static func groupKey(_ event: Event) -> String {
        let object = event.involvedObject
        return [
            event.source.component, event.source.host, object.kind, object.namespace, object.name, object.uid,
            object.fieldPath, object.apiVersion, event.type, event.reason, event.reportingComponent,
        ]
        .map { $0 ?? "" }.joined(separator: "\u{0}")
    }

    private mutating func forgetOld() {
        if sent.count > Self.rememberedMax { sent = Self.newerHalf(sent, \.last) }
        if buckets.count > Self.rememberedMax { buckets = Self.newerHalf(buckets, \.last) }
        if similar.count > Self.rememberedMax { similar = Self.newerHalf(similar, \.last) }
    }

    private static func newerHalf<Entry>(
        _ entries: [String: Entry], _ last: KeyPath<Entry, Int64>
    ) -> [String: Entry] {
        let median = entries.values.map { $0[keyPath: last] }.sorted()[entries.count / 2]
        let newer = entries.filter { $0.value[keyPath: last] > median }
        return newer
    }
}
