import APIMachinery

/// A small schema in the shape of the real one: enough of a Deployment to test what is driven by tables.
enum Sample {
    static let widget = TypeID(0)
    static let spec = TypeID(1)
    static let container = TypeID(2)
    static let variable = TypeID(3)
    static let strategy = TypeID(4)
    static let metadata = TypeID(5)
    static let resources = TypeID(6)

    static let schema = Schema(types: [
        type(
            "Widget",
            kinds: [GroupVersionKind(group: "sample", version: "v1", kind: "Widget")],
            [
                field("apiVersion", .string), field("kind", .string),
                field("metadata", .object(metadata), [1], always: true), field("spec", .object(spec), [2]),
            ]),
        type(
            "WidgetSpec",
            [
                field(
                    "containers", .array(.object(container)), [2], required: true, .merge, key: "name",
                    list: .map(keys: ["name"])),
                field("hosts", .array(.string), [9]),
                field("minReadySeconds", .int32, [5]), field("paused", .bool, [7]), field("replicas", .int32, [1]),
                field("selector", .map(.string), [3]),
                field("strategy", .object(strategy), [4], always: true, .retainKeys),
                field("tolerations", .array(.json), [10]), field("when", .time, [11]),
            ]),
        type(
            "Container",
            [
                field("args", .array(.string), [3]),
                field("env", .array(.object(variable)), [7], .merge, key: "name", list: .map(keys: ["name"])),
                field("image", .string, [2]), field("name", .string, [1], always: true),
                field("port", .intOrString, [20]), field("protocol", .string, [21], default: "TCP"),
                field("resources", .object(resources), [8], always: true), field("secret", .bytes, [22]),
            ]),
        type("EnvVar", [field("name", .string, [1], always: true), field("value", .string, [2])]),
        type(
            "Strategy", [field("rollingUpdate", .json, [2, 1]), field("type", .string, [1])]),
        type(
            "ObjectMeta",
            [
                field("finalizers", .array(.string), [14], .merge, list: .set), field("labels", .map(.string), [11]),
                field("name", .string, [1]),
            ]),
        type("ResourceRequirements", [field("limits", .map(.quantity), [1])]),
    ])

    private static func type(
        _ name: String, kinds: [GroupVersionKind] = [], _ fields: [FieldSchema]
    ) -> TypeSchema {
        TypeSchema(
            name: "io.k8s.api.sample.v1." + name, protobufName: "k8s.io.api.sample.v1." + name, kinds: kinds,
            fields: fields, isAtomic: false, unions: [])
    }

    private static func field(
        _ name: String, _ type: FieldType, _ tags: [UInt32] = [], always: Bool = false, required: Bool = false,
        _ strategy: PatchStrategy = .replace, key: String? = nil, default value: Value? = nil,
        list: ListType = .atomic
    ) -> FieldSchema {
        FieldSchema(
            name: name, type: type, tags: tags, isRequired: required, isAlwaysPresent: always, defaultValue: value,
            listType: list, isAtomicMap: false, patchStrategy: strategy, patchMergeKey: key, allowedValues: [])
    }
}

func json(_ text: String) throws -> Value { try Value(json: Array(text.utf8)) }
