internal import Glibc

/// Keys are ordered by their bytes, as etcd and SQLite order them, not by Swift's Unicode rules.
enum KeyOrder {
    static func isBefore(_ left: String, _ right: String) -> Bool {
        compare(left, right) < 0
    }

    /// Negative, zero or positive as `left` comes before, equals or comes after `right`.
    static func compare(_ left: String, _ right: String) -> Int {
        withBytes(left) { left in withBytes(right) { right in compare(left, right) } }
    }

    static func hasPrefix(_ key: String, _ prefix: String) -> Bool {
        withBytes(key) { key in
            withBytes(prefix) { prefix in
                key.count >= prefix.count
                    && compare(UnsafeBufferPointer(rebasing: key[..<prefix.count]), prefix) == 0
            }
        }
    }

    /// The least string above every key that begins with `prefix`; `prefix` ends in `/`, and `0` is the byte after it.
    static func end(ofPrefix prefix: String) -> String {
        precondition(prefix.utf8.last == UInt8(ascii: "/"), "store prefix \(prefix) does not end in /")
        return String(prefix.dropLast()) + "0"
    }

    static func compare(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Int {
        let common = min(left.count, right.count)
        if common > 0, let leftBase = left.baseAddress, let rightBase = right.baseAddress {
            let order = memcmp(leftBase, rightBase, common)
            if order != 0 { return Int(order) }
        }
        return left.count - right.count
    }

    @inline(__always)
    static func withBytes<Result>(_ string: String, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        if let result = string.utf8.withContiguousStorageIfAvailable(body) { return result }
        var copy = string
        return copy.withUTF8(body)
    }
}

/// Which bucket a key belongs to. A bucket holds the objects of one resource, with its own history and watchers, so
/// that a busy resource neither slows another's reads nor pushes another's events out of the window.
///
/// The bucket is the key's first two directories (`/registry/pods/`), or three where the second has a dot in it
/// (`/registry/example.com/widgets/`). Keys with fewer directories have all of them.
enum BucketRule {
    /// Length in bytes of the bucket's name at the start of `key`, and whether a longer key could have a longer one.
    static func length(_ key: UnsafeBufferPointer<UInt8>) -> (bytes: Int, isWhole: Bool) {
        var directories = 0
        var wanted = 2
        var length = 0
        var hasDot = false
        for (index, byte) in key.enumerated() {
            if byte == UInt8(ascii: ".") { hasDot = true }
            guard byte == UInt8(ascii: "/") else { continue }
            length = index + 1
            if index == 0 { continue }
            directories += 1
            if directories == 2 && hasDot { wanted = 3 }
            if directories == wanted { return (length, true) }
            hasDot = false
        }
        return (length, false)
    }

    /// The bucket that holds everything below `prefix`; `nil` if `prefix` may span several.
    static func bucket(ofPrefix prefix: String) -> String? {
        KeyOrder.withBytes(prefix) { bytes in
            let (length, isWhole) = length(bytes)
            return isWhole ? String(decoding: bytes[..<length], as: UTF8.self) : nil
        }
    }
}
