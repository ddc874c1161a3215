package import APIMachinery

/// Any object, of which only `metadata` is read: what the garbage collector watches.
package struct PartialObjectMetadata: APIObject {
    /// Never asked for by this name; the watched resource is always given explicitly.
    package static let resource = ResourceName(
        group: "meta.k8s.io", version: "v1", kind: "PartialObjectMetadata", plural: "partialobjectmetadata",
        isNamespaced: true)

    package var metadata = ObjectMeta()

    package init() {}

    package init(from reader: inout JSONReader) throws(JSONError) {
        try reader.beginObject()
        while let key = try reader.nextField() {
            if key.matches("metadata") {
                metadata = try ObjectMeta(withoutManagedFields: &reader)
            } else {
                try reader.skip()
            }
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("metadata", metadata)
        writer.endObject()
    }
}

extension ObjectMeta {
    /// `managedFields` can be larger than all else; nobody who watches metadata wants them.
    fileprivate init(withoutManagedFields reader: inout JSONReader) throws(JSONError) {
        self.init()
        try reader.beginObject()
        while let key = try reader.nextField() {
            switch key.string {
            case "name": name = try reader.string()
            case "namespace": namespace = try reader.string()
            case "uid": uid = try reader.string()
            case "resourceVersion": resourceVersion = try reader.string()
            case "generation": generation = try reader.int64()
            case "creationTimestamp": creationTimestamp = try Time(from: &reader)
            case "deletionTimestamp": deletionTimestamp = try Time(from: &reader)
            case "deletionGracePeriodSeconds": deletionGracePeriodSeconds = try reader.int64()
            case "labels": labels = try [String: String](from: &reader)
            case "annotations": annotations = try [String: String](from: &reader)
            case "ownerReferences": ownerReferences = try [OwnerReference](from: &reader)
            case "finalizers": finalizers = try [String](from: &reader)
            default: try reader.skip()
            }
        }
    }
}
