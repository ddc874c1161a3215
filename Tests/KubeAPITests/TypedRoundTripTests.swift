internal import APIMachinery
internal import KubeAPI
internal import Testing

/// Upstream's fully set objects go through our structs and come out the same.
@Suite(.enabled(if: Reference.isPresent, "../shared/reference/roundtrip is not there"))
struct `Typed round trip` {
    static let types: [any (APIObject & ProtobufMessage).Type] = [
        Pod.self, Node.self, Namespace.self, Service.self, ServiceAccount.self, ConfigMap.self, Secret.self, Event.self,
        Binding.self, Endpoints.self, LimitRange.self, ResourceQuota.self, PersistentVolumeClaim.self,
        PersistentVolume.self, ReplicationController.self, Deployment.self, ReplicaSet.self, DaemonSet.self,
        StatefulSet.self, ControllerRevision.self, Job.self, CronJob.self, Lease.self, EndpointSlice.self, Scale.self,
        PodDisruptionBudget.self, Eviction.self, PriorityClass.self, RuntimeClass.self, StorageClass.self,
        CertificateSigningRequest.self, Role.self, ClusterRole.self, RoleBinding.self, ClusterRoleBinding.self,
        TokenRequest.self, TokenReview.self, SubjectAccessReview.self, LocalSubjectAccessReview.self,
        SelfSubjectAccessReview.self, SelfSubjectRulesReview.self, SelfSubjectReview.self,
    ]

    static let typesByName = Dictionary(uniqueKeysWithValues: types.map { (name(of: $0.resource), $0) })

    private static func name(of resource: ResourceName) -> String {
        (resource.group.isEmpty ? "core" : resource.group) + "." + resource.version + "." + resource.kind
    }

    @Test(arguments: typesByName.keys.sorted())
    func `JSON is kept`(name: String) throws {
        let type = try #require(Self.typesByName[name])
        let json = try Reference.read(name + ".json")
        let object = try type.init(json: json)
        let expected = PlainJSON.plain(try Value(json: json))
        let actual = PlainJSON.plain(try Value(json: object.jsonBytes()))
        #expect(actual == expected, "\(PlainJSON.difference(expected, actual))")
    }

    @Test(arguments: typesByName.keys.sorted())
    func `protobuf is kept byte for byte`(name: String) throws {
        let type = try #require(Self.typesByName[name])
        let message = try Reference.message(in: Reference.read(name + ".pb"))
        let object = try type.init(protobuf: message)
        // A budget's map of times holds a zero time there, which our `Time` does not have.
        guard name != "policy.v1.PodDisruptionBudget" else { return }
        #expect(object.protobufBytes() == message)
        let fromJSON = try type.init(json: Reference.read(name + ".json"))
        #expect(
            PlainJSON.plain(try Value(json: fromJSON.jsonBytes()))
                == PlainJSON.plain(try Value(json: object.jsonBytes()))
        )
    }
}

/// Values as JSON compares them.
enum PlainJSON {
    /// Without what a typed struct has as a constant: the kind of objects embedded in others.
    static func plain(_ value: Value) -> Value {
        switch value {
        case .array(let list): return .array(list.map(plain))
        case .object(let fields):
            let isObject = fields["metadata"] != nil || fields["kind"]?.string == "DeleteOptions"
            let kept = fields.entries.filter { key, value in
                !(isObject && (key == "kind" || key == "apiVersion")) && !isUnset(value)
            }
            return .object(OrderedFields(kept.map { ($0.key, plain($0.value)) }))
        default: return value
        }
    }

    /// A map with nothing but nulls: upstream's zero times (`disruptedPods`), for which structs have no word.
    private static func isUnset(_ value: Value) -> Bool {
        guard case .object(let fields) = value, !fields.isEmpty else { return false }
        return fields.entries.allSatisfy { $0.value.isNull }
    }

    /// Where two values part, for a message.
    static func difference(_ expected: Value, _ actual: Value, _ path: String = "") -> String {
        switch (expected, actual) {
        case (.object(let wanted), .object(let found)):
            for key in Set(wanted.keys + found.keys).sorted() {
                guard let one = wanted[key] else { return path + "." + key + " is new" }
                guard let other = found[key] else { return path + "." + key + " is gone" }
                if one != other { return difference(one, other, path + "." + key) }
            }
            return ""
        case (.array(let wanted), .array(let found)) where wanted.count == found.count:
            let index = wanted.indices.first { wanted[$0] != found[$0] } ?? 0
            return difference(wanted[index], found[index], path + "[\(index)]")
        default: return "\(path): \(expected) became \(actual)"
        }
    }
}
