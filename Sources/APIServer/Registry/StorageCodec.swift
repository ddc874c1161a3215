internal import APIMachinery
internal import Glibc
internal import Storage

/// Between object trees and the bytes at rest.
///
/// At rest an object is compact JSON that begins with `kind`, `apiVersion` and `metadata`; the store writes the revision
/// between the quotes of `metadata.resourceVersion` on commit.
struct StorageCodec: Sendable {
    let schema: Schema

    /// The bytes for the store. `object` is in the resource's own version and normalised.
    func encode(_ object: Value, as resource: Resource) -> UnrevisionedValue {
        var object = Self.settled(resource.conversion?.toStored(object) ?? object)
        object.editMetadata { metadata in
            metadata["selfLink"] = nil
            metadata["resourceVersion"] = .string(marker)
        }
        let bytes = schema.encoded(object, as: resource.storedType)
        guard let offset = bytes.firstRange(of: markerBytes)?.lowerBound else {
            return UnrevisionedValue(bytes: bytes, revisionOffset: -1)
        }
        var plain = [UInt8]()
        plain.reserveCapacity(bytes.count - markerBytes.count)
        plain += bytes[..<offset]
        plain += bytes[(offset + markerBytes.count)...]
        return UnrevisionedValue(bytes: plain, revisionOffset: offset)
    }

    /// Empty lists that are always shown rest as nothing: protobuf, in which upstream stores, does not tell them apart.
    /// (Other empty lists are gone from a normalised object.)
    static func settled(_ object: Value) -> Value {
        var settled = object
        func settle(_ value: inout Value) {
            for (key, member) in value.fields?.entries ?? [] where member == .array([]) { value[key] = .null }
        }
        settle(&settled)
        if let spec = settled["spec"], spec.fields?.entries.contains(where: { $0.value == .array([]) }) == true {
            settled.edit("spec", settle)
        }
        return settled
    }

    /// The stored object in the resource's version.
    func decode(_ bytes: [UInt8], as resource: Resource) throws(APIError) -> Value {
        let stored: Value
        do {
            stored = try Value(json: bytes)
        } catch {
            throw .internalError("stored object cannot be read: \(error)")
        }
        return resource.conversion?.fromStored(stored) ?? stored
    }

    func decode(_ object: StoredObject, as resource: Resource) throws(APIError) -> Value {
        try decode(object.value, as: resource)
    }

    /// The bytes to send for a stored object: those at rest, unless another version is asked for.
    func json(_ object: StoredObject, as resource: Resource) -> [UInt8] {
        json(object.value, as: resource)
    }

    func json(_ bytes: [UInt8], as resource: Resource) -> [UInt8] {
        guard let conversion = resource.conversion, let stored = try? Value(json: bytes) else { return bytes }
        return schema.encoded(conversion.fromStored(stored), as: resource.type)
    }

    /// `value` with `revision` in its place.
    static func revised(_ value: UnrevisionedValue, _ revision: Int64) -> [UInt8] {
        guard value.revisionOffset >= 0 else { return value.bytes }
        let digits = Array(String(revision).utf8)
        var bytes = [UInt8]()
        bytes.reserveCapacity(value.bytes.count + digits.count)
        bytes += value.bytes[..<value.revisionOffset]
        bytes += digits
        bytes += value.bytes[value.revisionOffset...]
        return bytes
    }

    /// The same object as if it had been written at `revision` (for DELETED events of objects that left a selector).
    static func rerevised(_ object: StoredObject, _ revision: Int64) -> [UInt8] {
        guard object.revisionOffset >= 0 else { return object.value }
        let end = object.revisionOffset + String(object.revision).utf8.count
        var bytes = [UInt8]()
        bytes.reserveCapacity(object.value.count + 4)
        bytes += object.value[..<object.revisionOffset]
        bytes += String(revision).utf8
        bytes += object.value[end...]
        return bytes
    }
}

/// Stands for the revision while encoding. Chosen at random, so that no client can put it into an object.
private let marker = "~\(UInt64.random(in: .min ... .max))-\(UInt64.random(in: .min ... .max))"
private let markerBytes = Array(marker.utf8)

extension Array where Element == UInt8 {
    /// Where `pattern` first occurs.
    func firstRange(of pattern: [UInt8]) -> Range<Int>? {
        withUnsafeBytes { bytes in
            pattern.withUnsafeBytes { wanted in
                guard let base = bytes.baseAddress, let needle = wanted.baseAddress, let first = wanted.first else {
                    return nil
                }
                var start = 0
                while start + wanted.count <= bytes.count,
                    let found = memchr(base + start, Int32(first), bytes.count - start)
                {
                    start = UnsafeRawPointer(found) - base
                    guard start + wanted.count <= bytes.count else { return nil }
                    if memcmp(found, needle, wanted.count) == 0 { return start..<(start + wanted.count) }
                    start += 1
                }
                return nil
            }
        }
    }
}
