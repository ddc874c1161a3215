internal import APIMachinery
internal import Storage

/// `componentstatuses`: stored nowhere. In one process, whoever can be asked is well.
extension APIServer {
    private static let components = ["controller-manager", "etcd-0", "scheduler"]

    func isComponentStatus(_ resource: Resource) -> Bool {
        resource.id.group.isEmpty && resource.id.plural == "componentstatuses"
    }

    func componentStatuses(_ options: ListOptions) -> ListPage {
        ListPage(
            objects: Self.components.map(componentStatus).filter(options.selector.matches), revision: store.revision)
    }

    func componentStatus(_ context: RequestContext) throws(APIError) -> Answer {
        guard Self.components.contains(context.name) else { throw .plain("Component not found: \(context.name)") }
        return .object(status: 200, json: componentStatus(context.name).value, warnings: [])
    }

    private func componentStatus(_ name: String) -> StoredObject {
        let status: Value = [
            "kind": "ComponentStatus", "apiVersion": "v1", "metadata": ["name": .string(name)],
            "conditions": [["type": "Healthy", "status": "True", "message": "ok"]],
        ]
        return StoredObject(
            key: "/registry/componentstatuses/" + name, revision: 0, createdRevision: 0, value: status.jsonBytes(),
            revisionOffset: -1)
    }
}
