/// Live objects of one bucket in key order: a sorted array cut into chunks, so that an insertion moves at most one
/// chunk's references and a list is a few array copies.
struct OrderedObjects {
    /// A chunk that grows past this is halved.
    static let chunkObjectsMax = 512

    /// Where an object is, or would be inserted. `index` may equal the last chunk's count: the end.
    struct Position {
        var chunk: Int
        var index: Int
    }

    private var chunks: [[StoredObject]] = []
    private(set) var count = 0

    init() {}

    /// Takes over objects that are already in key order.
    init(sorted objects: some RandomAccessCollection<StoredObject>) {
        let half = Self.chunkObjectsMax / 2
        chunks.reserveCapacity(objects.count / half + 1)
        var rest = objects[...]
        while !rest.isEmpty {
            chunks.append(Array(rest.prefix(half)))
            rest = rest.dropFirst(half)
        }
        count = objects.count
    }

    subscript(key: String) -> StoredObject? {
        let position = position(atOrAfter: key)
        guard let object = self[position], object.key.utf8.elementsEqual(key.utf8) else { return nil }
        return object
    }

    private subscript(position: Position) -> StoredObject? {
        guard position.chunk < chunks.count, position.index < chunks[position.chunk].count else { return nil }
        return chunks[position.chunk][position.index]
    }

    /// Inserts `object`, or replaces the one with its key.
    mutating func put(_ object: StoredObject) {
        let position = position(atOrAfter: object.key)
        if let present = self[position], present.key.utf8.elementsEqual(object.key.utf8) {
            chunks[position.chunk][position.index] = object
            return
        }
        count += 1
        guard !chunks.isEmpty else {
            chunks.append([object])
            return
        }
        chunks[position.chunk].insert(object, at: position.index)
        if chunks[position.chunk].count > Self.chunkObjectsMax { split(position.chunk) }
    }

    mutating func remove(_ key: String) {
        let position = position(atOrAfter: key)
        guard let present = self[position], present.key.utf8.elementsEqual(key.utf8) else { return }
        chunks[position.chunk].remove(at: position.index)
        count -= 1
        if chunks[position.chunk].isEmpty { chunks.remove(at: position.chunk) }
    }

    /// Keys arrive ascending more often than not (`pod-001`, `pod-002`), so a full last chunk leaves a full one behind.
    private mutating func split(_ index: Int) {
        let isLast = index == chunks.count - 1
        let cut = isLast ? Self.chunkObjectsMax * 7 / 8 : Self.chunkObjectsMax / 2
        let upper = Array(chunks[index][cut...])
        chunks[index] = Array(chunks[index][..<cut])
        chunks.insert(upper, at: index + 1)
    }

    func position(atOrAfter key: String) -> Position {
        guard !chunks.isEmpty else { return Position(chunk: 0, index: 0) }
        // The last chunk whose first key is not above `key`; the first chunk if there is none.
        var low = 0
        var high = chunks.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if KeyOrder.isBefore(key, chunks[middle][0].key) { high = middle } else { low = middle }
        }
        let chunk = chunks[low]
        var first = 0
        var end = chunk.count
        while first < end {
            let middle = (first + end) / 2
            if KeyOrder.isBefore(chunk[middle].key, key) { first = middle + 1 } else { end = middle }
        }
        // May be one past a chunk's last object, although another chunk follows: insertion and listing both work there.
        return Position(chunk: low, index: first)
    }

    func count(from start: Position, to end: Position) -> Int {
        guard start.chunk < chunks.count else { return 0 }
        if start.chunk == end.chunk { return max(0, end.index - start.index) }
        guard start.chunk < end.chunk else { return 0 }
        var total = chunks[start.chunk].count - start.index
        for chunk in (start.chunk + 1)..<end.chunk { total += chunks[chunk].count }
        return total + end.index
    }

    /// The objects between two positions without copying any: whole chunks by reference.
    func slices(from start: Position, to end: Position, limit: Int) -> [ArraySlice<StoredObject>] {
        var slices: [ArraySlice<StoredObject>] = []
        var wanted = limit
        var chunk = start.chunk
        while chunk < chunks.count, chunk <= end.chunk, wanted > 0 {
            let from = chunk == start.chunk ? start.index : 0
            let to = min(chunk == end.chunk ? end.index : chunks[chunk].count, from + wanted)
            if to > from {
                slices.append(chunks[chunk][from..<to])
                wanted -= to - from
            }
            chunk += 1
        }
        return slices
    }
}
