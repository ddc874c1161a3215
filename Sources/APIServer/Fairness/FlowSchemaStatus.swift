internal import APIMachinery
internal import Storage

/// Says in each FlowSchema's status whether its priority level exists, as upstream's controller does.
struct FlowSchemaStatus: Sendable {
    let store: any Store
    let codec: StorageCodec
    let schemas: Resource
    let levelsPrefix: String
    let clock: @Sendable () -> Time

    init?(_ configuration: APIServerConfiguration, _ registry: ResourceRegistry, levelsPrefix: String) {
        guard let schemas = registry.resource("flowcontrol.apiserver.k8s.io", "flowschemas") else { return nil }
        self.schemas = schemas
        self.levelsPrefix = levelsPrefix
        store = configuration.store
        codec = StorageCodec(schema: configuration.schema)
        clock = configuration.clock
    }

    func mark() async {
        guard let list = try? store.list(prefix: schemas.keyPrefix, startKey: nil, limit: 0, at: nil) else { return }
        for stored in list.objects {
            guard let schema = try? Value(json: stored.value), let marked = marked(schema) else { continue }
            // A conflict is another's write, which brings us back.
            _ = try? await store.write(
                StoreWrite(
                    key: stored.key, operation: .put(codec.encode(marked, as: schemas)),
                    precondition: .revision(stored.revision), durability: .batched))
        }
    }

    /// `nil` where the status says it already.
    private func marked(_ schema: Value) -> Value? {
        let level = schema[path: "spec", "priorityLevelConfiguration"]?.text("name") ?? ""
        let isDangling = store.get(levelsPrefix + level) == nil
        let status = isDangling ? "True" : "False"
        var conditions = (schema["status"] ?? [:]).list("conditions")
        let place = conditions.firstIndex { $0.text("type") == "Dangling" }
        if let place, conditions[place].text("status") == status { return nil }
        let about = "This FlowSchema references the PriorityLevelConfiguration object named \(quoted(level)) "
        let condition: Value = [
            "type": "Dangling", "status": .string(status), "lastTransitionTime": .string(clock().description),
            "reason": isDangling ? "NotFound" : "Found",
            "message": .string(about + (isDangling ? "but there is no such object" : "and it exists")),
        ]
        if let place { conditions[place] = condition } else { conditions.append(condition) }
        var schema = schema
        schema["status"] = ["conditions": .array(conditions)]
        return schema
    }
}
