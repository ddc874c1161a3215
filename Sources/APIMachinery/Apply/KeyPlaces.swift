/// Where keys stand in a list of pairs.
///
/// Few are found fastest by looking through them; of many, which a client can send, that would take the square of
/// their number, and they get a table.
struct KeyPlaces {
    private static let scannedMax = 16

    private var table: [String: Int]?

    /// For pairs that are still to come, each told by `note`.
    init(expecting count: Int) { table = count > Self.scannedMax ? [:] : nil }

    /// For pairs that are there. Of equal keys the first counts.
    init(of pairs: [(key: String, value: Value)]) {
        guard pairs.count > Self.scannedMax else { return }
        var table: [String: Int] = [:]
        table.reserveCapacity(pairs.count)
        for (place, pair) in pairs.enumerated() where table[pair.key] == nil { table[pair.key] = place }
        self.table = table
    }

    mutating func note(_ key: String, at place: Int) { table?[key] = place }

    func place(of key: String, in pairs: [(key: String, value: Value)]) -> Int? {
        if let table { return table[key] }
        return pairs.firstIndex { $0.key == key }
    }
}
