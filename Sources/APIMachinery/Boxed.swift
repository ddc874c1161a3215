/// Keeps a large part of an object behind one reference: copying the object copies a pointer, and a part that was
/// never set takes no memory. Behaves as the plain value would (copy on write).
@propertyWrapper
@usableFromInline
package struct Boxed<Part: EmptyInitializable & Equatable & Sendable>: Equatable, Sendable {
    @usableFromInline var storage: BoxStorage<Part>?

    @inlinable
    package init() {}

    @inlinable
    package init(wrappedValue: Part) {
        storage = BoxStorage(wrappedValue)
    }

    @inlinable
    package var wrappedValue: Part {
        get { storage?.value ?? Part() }
        _modify {
            let unique = exclusive()
            yield &unique.value
        }
        set { storage = BoxStorage(newValue) }
    }

    /// A storage that no other value shares.
    @inlinable
    mutating func exclusive() -> BoxStorage<Part> {
        if isKnownUniquelyReferenced(&storage), let storage { return storage }
        let fresh = BoxStorage(storage?.value ?? Part())
        storage = fresh
        return fresh
    }

    @inlinable
    package static func == (lhs: Boxed, rhs: Boxed) -> Bool {
        lhs.storage === rhs.storage || lhs.wrappedValue == rhs.wrappedValue
    }
}

/// `Boxed` for a part that may be absent.
@propertyWrapper
@usableFromInline
package struct BoxedOptional<Part: Equatable & Sendable>: Equatable, Sendable {
    @usableFromInline var storage: BoxStorage<Part?>?

    @inlinable
    package init() {}

    @inlinable
    package init(wrappedValue: Part?) {
        storage = wrappedValue.map { BoxStorage($0) }
    }

    @inlinable
    package var wrappedValue: Part? {
        get { storage?.value }
        _modify {
            let unique = exclusive()
            defer { if unique.value == nil { storage = nil } }
            yield &unique.value
        }
        set { storage = newValue.map { BoxStorage($0) } }
    }

    @inlinable
    mutating func exclusive() -> BoxStorage<Part?> {
        if isKnownUniquelyReferenced(&storage), let storage { return storage }
        let fresh = BoxStorage(storage?.value)
        storage = fresh
        return fresh
    }

    @inlinable
    package static func == (lhs: BoxedOptional, rhs: BoxedOptional) -> Bool {
        lhs.storage === rhs.storage || lhs.wrappedValue == rhs.wrappedValue
    }
}

/// A type whose empty value is meaningful: what an unset part of an object reads as.
@usableFromInline package protocol EmptyInitializable {
    init()
}

/// Written only while one `Boxed` alone refers to it.
@usableFromInline
final class BoxStorage<Part: Sendable>: @unchecked Sendable {
    @usableFromInline var value: Part
    @inlinable
    init(_ value: Part) { self.value = value }
}
