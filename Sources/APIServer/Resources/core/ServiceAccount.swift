internal import APIMachinery

struct ServiceAccountStrategy: ResourceStrategy {
    private static let enforceMountable = "kubernetes.io/enforce-mountable-secrets"

    var returnsDeletedObject: Bool { true }
    var metadataOnUpdate: MetadataRepetition { .both }

    func prepareForCreate(_ object: inout Value) { keepSecretNames(&object) }
    func prepareForUpdate(_ object: inout Value, from old: Value) { keepSecretNames(&object) }

    /// Of references to secrets only the names count.
    private func keepSecretNames(_ object: inout Value) {
        object.editEach("secrets") { $0 = ["name": .string($0.text("name"))] }
    }

    func warnings(_ object: Value, from old: Value?) -> [String] {
        func isSet(_ object: Value?) -> Bool { object?.metadata["annotations"]?[Self.enforceMountable] != nil }
        guard isSet(object), !isSet(old) else { return [] }
        return [
            "metadata.annotations[\(Self.enforceMountable)]: deprecated in v1.32+; prefer separate namespaces to isolate "
                + "access to mounted secrets"
        ]
    }
}
