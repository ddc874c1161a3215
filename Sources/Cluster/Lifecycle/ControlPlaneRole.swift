internal import APIMachinery
internal import KubeAPI
internal import KubeClient

/// Marks the node that Skiff itself runs on. A node may not give itself a role; its administrator does, who here is the
/// process that holds the API server.
struct ControlPlaneRole: Sendable {
    private static let label = "node-role.kubernetes.io/control-plane"

    let nodeName: String
    let client: Client

    /// Puts the label on whenever the node comes (anew), until the task is cancelled.
    func run(_ nodes: Informer<Node>) async {
        let (registrations, registration) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        nodes.addHandler(
            onAdd: { if $0.metadata.name == nodeName { registration.yield() } }, onUpdate: { _, _ in },
            onDelete: { _ in })
        let key = ObjectKey(namespace: "", name: nodeName)
        for await _ in registrations {
            guard let node = try? await client.get(Node.self, key), node.metadata.labels[Self.label] == nil else {
                continue
            }
            let patch: Value = ["metadata": ["labels": .object(OrderedFields([(Self.label, "true")]))]]
            _ = try? await client.patch(Node.self, key, .merge(patch.jsonBytes()))
        }
    }
}
