internal import APIMachinery

/// What `kubectl explain` says, as it is embedded: packed, and touched by nothing but OpenAPI.
package enum EmbeddedDescriptions {
    /// The gzip of one line for every type of `Schema.kubernetes`, each followed by one for every field of the type.
    package static func gzip() -> [UInt8] {
        let text = EmbeddedTables.descriptions
        return Base64.decode(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)) ?? []
    }
}
