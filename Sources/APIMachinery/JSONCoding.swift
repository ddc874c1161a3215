extension JSONReadable {
    /// Decodes one whole document.
    package init(json bytes: [UInt8]) throws(JSONError) {
        self = try JSONReader.read(bytes) { reader throws(JSONError) in try Self(from: &reader) }
    }
}

extension JSONWritable {
    /// Compact JSON, exactly sized.
    package func jsonBytes() -> [UInt8] {
        JSONWriter.bytes { write(to: &$0) }
    }
}

extension String: JSONReadable, JSONWritable {
    @inlinable
    package init(from reader: inout JSONReader) throws(JSONError) { self = try reader.string() }
    @inlinable
    package func write(to writer: inout JSONWriter) { writer.string(self) }
}

extension Bool: JSONReadable, JSONWritable {
    @inlinable
    package init(from reader: inout JSONReader) throws(JSONError) { self = try reader.bool() }
    @inlinable
    package func write(to writer: inout JSONWriter) { writer.bool(self) }
}

extension Int32: JSONReadable, JSONWritable {
    @inlinable
    package init(from reader: inout JSONReader) throws(JSONError) { self = try reader.int32() }
    @inlinable
    package func write(to writer: inout JSONWriter) { writer.int(self) }
}

extension Int64: JSONReadable, JSONWritable {
    @inlinable
    package init(from reader: inout JSONReader) throws(JSONError) { self = try reader.int64() }
    @inlinable
    package func write(to writer: inout JSONWriter) { writer.int(self) }
}

extension Double: JSONReadable, JSONWritable {
    @inlinable
    package init(from reader: inout JSONReader) throws(JSONError) { self = try reader.double() }
    @inlinable
    package func write(to writer: inout JSONWriter) { writer.double(self) }
}

/// Elements that are `null` become empty ones, as in Go.
extension Array: JSONReadable where Element: JSONReadable {
    @inlinable
    package init(from reader: inout JSONReader) throws(JSONError) {
        self.init()
        try reader.beginArray()
        while try reader.nextElement() { append(try Element(from: &reader)) }
    }
}

extension Array: JSONWritable where Element: JSONWritable {
    @inlinable
    package func write(to writer: inout JSONWriter) {
        writer.beginArray()
        for element in self { element.write(to: &writer) }
        writer.endArray()
    }
}

extension Dictionary: JSONReadable where Key == String, Value: JSONReadable {
    @inlinable
    package init(from reader: inout JSONReader) throws(JSONError) {
        self.init()
        try reader.beginObject()
        while let key = try reader.nextField() { self[key.string] = try Value(from: &reader) }
    }
}

/// Keys are written sorted, so that equal objects have equal bytes.
extension Dictionary: JSONWritable where Key == String, Value: JSONWritable {
    @inlinable
    package func write(to writer: inout JSONWriter) {
        writer.beginObject()
        for key in sortedKeys {
            writer.key(key)
            self[key]?.write(to: &writer)
        }
        writer.endObject()
    }
}

extension Dictionary where Key == String {
    /// In the order of their bytes, as Go sorts.
    @inlinable
    package var sortedKeys: [String] {
        count < 2 ? Array(keys) : keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}

extension JSONReader {
    /// Any value, as a tree. Kept out of line: its code is large and its callers many.
    @inline(never)
    package mutating func value() throws(JSONError) -> Value { try Value(from: &self) }

    /// An object whose values are base64 strings.
    package mutating func bytesMap() throws(JSONError) -> [String: [UInt8]] {
        var map: [String: [UInt8]] = [:]
        try beginObject()
        while let key = try nextField() { map[key.string] = try bytes() }
        return map
    }
}

/// What the generated writers are made of. Inlinable, so that `KubeAPI` specialises them: an unspecialised call costs
/// three times as much.
extension JSONWriter {
    /// A member that is written whatever its value.
    @inlinable
    @inline(never)
    package mutating func field(_ name: StaticString, _ value: some JSONWritable) {
        key(name)
        value.write(to: &self)
    }

    @inlinable
    @inline(never)
    package mutating func field(_ name: StaticString, ifSet value: (some JSONWritable)?) {
        guard let value else { return }
        field(name, value)
    }

    @inlinable
    @inline(never)
    package mutating func field<Element: JSONWritable>(_ name: StaticString, ifAny list: [Element]) {
        if !list.isEmpty { field(name, list) }
    }

    @inlinable
    @inline(never)
    package mutating func field<Element: JSONWritable>(_ name: StaticString, ifAny map: [String: Element]) {
        if !map.isEmpty { field(name, map) }
    }

    package mutating func field(_ name: StaticString, bytesIfAny bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        key(name)
        base64(bytes)
    }

    package mutating func field(_ name: StaticString, bytesIfAny map: [String: [UInt8]]) {
        guard !map.isEmpty else { return }
        key(name)
        beginObject()
        for key in map.sortedKeys {
            self.key(key)
            base64(map[key] ?? [])
        }
        endObject()
    }
}
