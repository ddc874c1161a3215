internal import Synchronization

/// The shapes of every served kind: what strict decoding, defaulting, patches, transcoding and OpenAPI are driven by.
///
/// Built once at start from the tables that the generator embeds in `KubeAPI` (`Schema.kubernetes`). Immutable.
package final class Schema: Sendable {
    /// All types; a `TypeID` is an index into it.
    package let types: [TypeSchema]
    private let idsByName: [String: TypeID]
    private let idsByKind: [GroupVersionKind: TypeID]
    /// Wire layouts, made when a type is first transcoded; at most one a type.
    let layouts = Mutex<[TypeID: ProtobufLayout]>([:])
    /// What server-side apply knows of types, made when first needed; at most one a type.
    let structShapes = Mutex<[TypeID: StructShape]>([:])

    package init(types: [TypeSchema]) {
        self.types = types
        var idsByName: [String: TypeID] = [:]
        var idsByKind: [GroupVersionKind: TypeID] = [:]
        for (index, type) in types.enumerated() {
            idsByName[type.name] = TypeID(index)
            for kind in type.kinds { idsByKind[kind] = TypeID(index) }
        }
        self.idsByName = idsByName
        self.idsByKind = idsByKind
    }

    package subscript(id: TypeID) -> TypeSchema { types[Int(id.rawValue)] }

    /// By the name of the published OpenAPI document: `io.k8s.api.core.v1.Pod`.
    package func type(named name: String) -> TypeID? { idsByName[name] }
    package func type(of kind: GroupVersionKind) -> TypeID? { idsByKind[kind] }
}

package struct TypeID: Hashable, Sendable {
    package let rawValue: UInt32
    package init(_ index: Int) { rawValue = UInt32(index) }
}

/// Group, version and kind; the core group is empty.
package struct GroupVersionKind: Hashable, Sendable {
    package let group: String
    package let version: String
    package let kind: String

    package init(group: String, version: String, kind: String) {
        self.group = group
        self.version = version
        self.kind = kind
    }

    /// `v1` or `apps/v1`.
    package var apiVersion: String { group.isEmpty ? version : group + "/" + version }
}

/// One object type.
package struct TypeSchema: Sendable {
    /// `io.k8s.api.core.v1.Pod`.
    package let name: String
    /// `k8s.io.api.core.v1.Pod`: the message in the published protobuf schema; empty where there is none.
    package let protobufName: String
    /// The kinds this type is the root of; empty for parts.
    package let kinds: [GroupVersionKind]
    /// In the order of the published schema (alphabetical by JSON name).
    package let fields: [FieldSchema]
    /// `x-kubernetes-map-type: atomic`: server-side apply replaces it whole.
    package let isAtomic: Bool
    /// Exactly one member is to be set, if upstream declares a union here.
    package let unions: [UnionSchema]
    private let indexByName: [String: Int]
    /// `Pod` of `io.k8s.api.core.v1.Pod`.
    let shortName: String
    /// For each field, whether an explicit zero value of it is kept though it is optional.
    let keepsZero: [Bool]
    /// For each field, whether it is printed as null when it is not set.
    let isNullWhenAbsent: [Bool]
    /// Fields that are written in some form when they are not set.
    let writtenWhenAbsent: [Int]
    /// Types of custom resources have no Go struct: they keep every value as it was given.
    let isBuiltIn: Bool

    package init(
        name: String, protobufName: String, kinds: [GroupVersionKind], fields: [FieldSchema], isAtomic: Bool,
        unions: [UnionSchema]
    ) {
        self.name = name
        self.protobufName = protobufName
        self.kinds = kinds
        self.fields = fields
        self.isAtomic = isAtomic
        self.unions = unions
        shortName = String(name.split(separator: ".").last ?? "")
        let isBuiltIn = name.hasPrefix("io.k8s.")
        self.isBuiltIn = isBuiltIn
        keepsZero = fields.map {
            !isBuiltIn || $0.isAlwaysPresent || ExplicitZeros.keeps(typeName: name, field: $0.name)
        }
        isNullWhenAbsent = fields.map { isBuiltIn && AbsentAsNull.holds(typeName: name, field: $0) }
        let isNullWhenAbsent = isNullWhenAbsent
        writtenWhenAbsent = fields.indices.filter {
            fields[$0].defaultValue != nil || fields[$0].isAlwaysPresent || isNullWhenAbsent[$0]
        }
        indexByName = Dictionary(fields.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    func index(of name: String) -> Int? { indexByName[name] }

    package func field(_ name: String) -> FieldSchema? { indexByName[name].map { fields[$0] } }
}

/// `x-kubernetes-unions` of the published schema.
package struct UnionSchema: Sendable {
    package let discriminator: String?
    /// JSON field name to discriminator value.
    package let members: [(field: String, value: String)]
    package init(discriminator: String?, members: [(field: String, value: String)]) {
        self.discriminator = discriminator
        self.members = members
    }
}

/// One field of an object type.
package struct FieldSchema: Sendable {
    /// JSON name.
    package let name: String
    package let type: FieldType
    /// Path of protobuf tags from the enclosing message. Usually one; more where Go embeds a struct inline
    /// (`Volume.emptyDir` is `[2, 2]`: message field `volumeSource`, then `emptyDir`). Empty: not in protobuf.
    package let tags: [UInt32]
    /// Listed under `required` in the published schema.
    package let isRequired: Bool
    /// Encoded even when empty: upstream's Go field is neither a pointer nor `omitempty`
    /// (published schema: has a zero `default`). Objects are then written as `{}`.
    package let isAlwaysPresent: Bool
    /// A real default of the published schema (`"TCP"`), never the zero values that mark `isAlwaysPresent`.
    package let defaultValue: Value?
    package let listType: ListType
    /// `x-kubernetes-map-type: atomic` on the field.
    package let isAtomicMap: Bool
    package let patchStrategy: PatchStrategy
    /// `x-kubernetes-patch-merge-key`.
    package let patchMergeKey: String?
    /// Values allowed, if the published schema lists them.
    package let allowedValues: [String]

    package init(
        name: String, type: FieldType, tags: [UInt32], isRequired: Bool, isAlwaysPresent: Bool, defaultValue: Value?,
        listType: ListType, isAtomicMap: Bool, patchStrategy: PatchStrategy, patchMergeKey: String?,
        allowedValues: [String]
    ) {
        self.name = name
        self.type = type
        self.tags = tags
        self.isRequired = isRequired
        self.isAlwaysPresent = isAlwaysPresent
        self.defaultValue = defaultValue
        self.listType = listType
        self.isAtomicMap = isAtomicMap
        self.patchStrategy = patchStrategy
        self.patchMergeKey = patchMergeKey
        self.allowedValues = allowedValues
    }
}

package indirect enum FieldType: Hashable, Sendable {
    case string
    case bool
    case int32
    case int64
    case double
    /// Base64 in JSON, raw in protobuf.
    case bytes
    /// JSON string or number; protobuf message with `string = 1`.
    case quantity
    /// RFC 3339 seconds in JSON; protobuf message with seconds and nanos.
    case time
    /// RFC 3339 with microseconds.
    case microTime
    /// Go duration string ("1h0m0s") in JSON; protobuf message with int64 `duration = 1`.
    case duration
    case intOrString
    /// Any object, kept as it is: RawExtension (protobuf: message with `raw = 1`).
    case rawExtension
    /// `managedFields[].fieldsV1` (protobuf: message with `Raw = 1`).
    case fieldsV1
    /// Any JSON value (protobuf: message with `raw = 1`), as in apiextensions' `JSON`.
    case json
    case object(TypeID)
    case array(FieldType)
    /// String keys; values of the given type.
    case map(FieldType)
}

/// `x-kubernetes-list-type` and, for maps, `x-kubernetes-list-map-keys`.
package enum ListType: Hashable, Sendable {
    case atomic
    case set
    case map(keys: [String])
}

/// `x-kubernetes-patch-strategy`.
package enum PatchStrategy: Hashable, Sendable {
    case replace
    case merge
    case retainKeys
    case mergeRetainKeys
}
