extension StoredObject {
    /// An object whose value carries `revision` in its digits' place. The array is exactly as long as needed: a
    /// growing buffer would waste more than the bookkeeping of the object itself.
    convenience init(key: String, revision: Int64, createdRevision: Int64, value: UnrevisionedValue) {
        self.init(
            key: key, revision: revision, createdRevision: createdRevision,
            value: value.bytes.replacing(0, at: value.revisionOffset, with: revision),
            revisionOffset: value.revisionOffset
        )
    }

    /// The same state at a later revision: what a deletion shows.
    func revised(to revision: Int64) -> StoredObject {
        StoredObject(
            key: key, revision: revision, createdRevision: createdRevision,
            value: value.replacing(self.revision.decimalDigits, at: revisionOffset, with: revision),
            revisionOffset: revisionOffset
        )
    }
}

extension [UInt8] {
    /// A copy in which `length` bytes at `offset` gave way to the digits of `revision`. `self` if `offset` is negative.
    fileprivate func replacing(_ length: Int, at offset: Int, with revision: Int64) -> [UInt8] {
        guard offset >= 0, offset + length <= count else {
            return [UInt8](unsafeUninitializedCapacity: count) { target, size in
                _ = target.initialize(from: self)
                size = count
            }
        }
        let digits = revision.decimalDigits
        let total = count - length + digits
        return [UInt8](unsafeUninitializedCapacity: total) { target, size in
            withUnsafeBufferPointer { source in
                _ = target[..<offset].initialize(fromContentsOf: source[..<offset])
                var rest = revision
                for index in stride(from: offset + digits - 1, through: offset, by: -1) {
                    target.initializeElement(at: index, to: UInt8(ascii: "0") + UInt8(rest % 10))
                    rest /= 10
                }
                _ = target[(offset + digits)...].initialize(fromContentsOf: source[(offset + length)...])
            }
            size = total
        }
    }
}

extension Int64 {
    /// Number of decimal digits of a value that is not negative.
    fileprivate var decimalDigits: Int {
        var digits = 1
        var rest = self / 10
        while rest > 0 {
            digits += 1
            rest /= 10
        }
        return digits
    }
}
