/// A growing circular buffer: append at the end, take from the front, both in constant time.
struct Ring<Element> {
    private var slots: [Element?] = []
    private var head = 0
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    /// The element `offset` places behind the front.
    subscript(_ offset: Int) -> Element {
        guard let element = slots[(head + offset) & (slots.count - 1)] else {
            preconditionFailure("ring: offset \(offset) of \(count) is empty")
        }
        return element
    }

    mutating func append(_ element: Element) {
        if count == slots.count { grow() }
        slots[(head + count) & (slots.count - 1)] = element
        count += 1
    }

    mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        let element = slots[head].take()
        head = (head + 1) & (slots.count - 1)
        count -= 1
        return element
    }

    mutating func removeAll() {
        self = Ring()
    }

    /// Capacity stays a power of two, so that a mask replaces the division.
    private mutating func grow() {
        var larger = [Element?](repeating: nil, count: max(8, slots.count * 2))
        for offset in 0..<count { larger[offset] = slots[(head + offset) & (slots.count - 1)] }
        slots = larger
        head = 0
    }
}
