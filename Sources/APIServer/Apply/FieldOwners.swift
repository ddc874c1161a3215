internal import APIMachinery

/// One entry of `metadata.managedFields`: who set which fields, how and when.
struct FieldOwner: Sendable {
    var manager: String
    /// By server-side apply; other writes are updates.
    var isApplier: Bool
    /// The version that `fields` are paths of.
    var apiVersion: String
    var subresource: String
    /// RFC 3339; `nil` for an apply that changed nothing.
    var time: String?
    var fields: FieldSet

    var operation: String { isApplier ? "Apply" : "Update" }

    /// Whether both are the same owner: an applier is the same in every version.
    func isSame(as other: FieldOwner) -> Bool {
        manager == other.manager && isApplier == other.isApplier && subresource == other.subresource
            && (isApplier || apiVersion == other.apiVersion)
    }

    /// Upstream's identity of an owner; it sorts by it.
    var identity: String {
        var named: [(String, Value)] = [("manager", .string(manager)), ("operation", .string(operation))]
        if !isApplier { named.append(("apiVersion", .string(apiVersion))) }
        if !subresource.isEmpty { named.append(("subresource", .string(subresource))) }
        return Value.record(named).jsonText
    }

    /// `"m" with subresource "status" using v1`, as conflicts name an owner.
    var description: String {
        var text = quoted(manager)
        if !subresource.isEmpty { text += " with subresource " + quoted(subresource) }
        if !isApplier { text += " using " + apiVersion }
        return text
    }

    var value: Value {
        var members: [(key: String, value: Value)] = []
        members.reserveCapacity(7)
        members.append(("manager", .string(manager)))
        members.append(("operation", .string(operation)))
        members.append(("apiVersion", .string(apiVersion)))
        if let time { members.append(("time", .string(time))) }
        members.append(("fieldsType", "FieldsV1"))
        members.append(("fieldsV1", fields.value))
        if !subresource.isEmpty { members.append(("subresource", .string(subresource))) }
        return .object(OrderedFields(members))
    }
}

/// `metadata.managedFields` while a write works on it.
struct FieldOwners: Sendable {
    private(set) var all: [FieldOwner] = []

    /// Updaters kept one by one; the oldest beyond that are merged into one.
    static let updatersMax = 10
    static let ancientName = "ancient-changes"

    var isEmpty: Bool { all.isEmpty }

    /// What this server stored.
    init(stored value: Value?) {
        guard case .array(let entries)? = value else { return }
        all.reserveCapacity(entries.count)
        for entry in entries {
            all.append(Self.owner(entry, FieldSet(storedFieldsV1: entry["fieldsV1"] ?? [:])))
        }
    }

    init() {}

    init(_ all: [FieldOwner]) { self.all = all }

    /// What a client sent; `nil` if any entry is malformed.
    init?(sent value: Value?) {
        for entry in value?.array ?? [] {
            guard ["Apply", "Update"].contains(entry.text("operation")), !entry.text("apiVersion").isEmpty,
                entry.text("fieldsType") == "FieldsV1",
                let fields = FieldSet(fieldsV1: entry.present("fieldsV1") ?? [:])
            else { return nil }
            set(Self.owner(entry, fields))
        }
    }

    private static func owner(_ entry: Value, _ fields: FieldSet) -> FieldOwner {
        FieldOwner(
            manager: entry.text("manager"), isApplier: entry.text("operation") == "Apply",
            apiVersion: entry.text("apiVersion"), subresource: entry.text("subresource"),
            time: entry["time"]?.string, fields: fields)
    }

    func index(of owner: FieldOwner) -> Int? { all.firstIndex { $0.isSame(as: owner) } }

    /// Adds `owner` or replaces the entry of the same one.
    mutating func set(_ owner: FieldOwner) {
        if let index = index(of: owner) { all[index] = owner } else { all.append(owner) }
    }

    mutating func remove(_ owner: FieldOwner) { all.removeAll { $0.isSame(as: owner) } }

    /// Changes the fields of every owner; those without any are dropped, and those for which `change` says `nil`.
    mutating func changeFields(_ change: (FieldOwner) -> FieldSet?) {
        all = all.compactMap { owner in
            guard let fields = change(owner), !fields.isEmpty else { return nil }
            var changed = owner
            changed.fields = fields
            return changed
        }
    }

    /// As stored: `nil` for none; appliers first, then by time.
    var value: Value? {
        guard !all.isEmpty else { return nil }
        return .array(all.sorted(by: Self.precedes).map(\.value))
    }

    private static func precedes(_ a: FieldOwner, _ b: FieldOwner) -> Bool {
        if a.isApplier != b.isApplier { return a.isApplier }
        let (first, second) = (a.time ?? "", b.time ?? "")
        if first != second { return first < second }
        if a.manager != b.manager { return a.manager < b.manager }
        if a.apiVersion != b.apiVersion { return a.apiVersion < b.apiVersion }
        return a.subresource < b.subresource
    }

    /// Merges the oldest updaters of each version into `ancient-changes` until few enough are left.
    mutating func capUpdaters() {
        var updaters = all.filter { !$0.isApplier }
        var count = updaters.count
        guard count > Self.updatersMax else { return }
        updaters.sort {
            let (first, second) = ($0.time ?? "", $1.time ?? "")
            return first == second ? $0.identity < $1.identity : first < second
        }
        var firstOfVersion: [String: FieldOwner] = [:]
        for updater in updaters {
            guard count > Self.updatersMax else { return }
            guard let first = firstOfVersion[updater.apiVersion] else {
                firstOfVersion[updater.apiVersion] = updater
                continue
            }
            var bucket = updater
            bucket.manager = Self.ancientName
            bucket.subresource = ""
            if let index = index(of: bucket) {
                bucket.fields = all[index].fields
            } else {
                bucket.fields = first.fields
                remove(first)
            }
            bucket.fields = bucket.fields.union(updater.fields)
            remove(updater)
            set(bucket)
            count -= 1
        }
    }
}
