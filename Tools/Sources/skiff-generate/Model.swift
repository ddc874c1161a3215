/// The description of the API, as `Schema/*.schema` holds it.
struct Model {
    var packages: [Package] = []

    func type(_ reference: TypeReference) -> TypeDescription? {
        packages.first { $0.name == reference.package }?.types.first { $0.name == reference.type }
    }
}

/// All types of one Go package: a group-version, mostly.
struct Package {
    /// `core.v1`: the file's name, and how other packages refer to this one.
    var name: String
    /// `io.k8s.api.core.v1`: the prefix in the published OpenAPI documents.
    var openAPI: String
    /// `k8s.io.api.core.v1`: the package in the published protobuf schema.
    var protobuf: String
    var types: [TypeDescription] = []
}

struct TypeReference: Hashable {
    var package: String
    var type: String
}

struct GroupVersionKind: Hashable {
    var group: String
    var version: String
    var kind: String

    var apiVersion: String { group.isEmpty ? version : group + "/" + version }
}

struct TypeDescription {
    var name: String
    var kinds: [GroupVersionKind] = []
    var isAtomic = false
    var hasProtobuf = true
    /// `discriminator:field=Value,field=Value`; the discriminator is `-` where there is none.
    var unions: [String] = []
    var fields: [FieldDescription] = []
}

struct FieldDescription {
    var name: String
    var type: FieldKind
    var tags: [Int]
    var isRequired = false
    var isAlwaysPresent = false
    /// JSON text.
    var defaultValue: String?
    /// `atomic`, `set`, or `map(a,b)`.
    var listType: String?
    var isAtomicMap = false
    /// `merge`, `retainKeys`, `merge,retainKeys`, `replace`.
    var patchStrategy: String?
    var mergeKey: String?
    var allowedValues: [String] = []
}

indirect enum FieldKind: Hashable {
    /// `string bool int32 int64 double bytes quantity time microTime duration intOrString rawExtension fieldsV1 json`
    case scalar(String)
    case object(TypeReference)
    case array(FieldKind)
    case map(FieldKind)
}

struct Failure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}
