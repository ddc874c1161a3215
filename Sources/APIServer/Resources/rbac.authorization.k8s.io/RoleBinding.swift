internal import APIMachinery

struct RoleBindingStrategy: ResourceStrategy {
    var nameRule: NameRule { .pathSegment }
    var allowsCreateOnUpdate: Bool { true }

    private static let group = "rbac.authorization.k8s.io"

    func applyDefaults(_ object: inout Value) {
        object.editObject("roleRef") { $0.setDefaultString("apiGroup", Self.group) }
        object.editEach("subjects") { subject in
            switch subject.text("kind") {
            case "User", "Group": subject.setDefaultString("apiGroup", Self.group)
            default: break
            }
        }
    }

    func validate(_ object: Value) -> [FieldError] {
        var errors: [FieldError] = []
        let reference = object["roleRef"] ?? [:]
        if !["Role", "ClusterRole"].contains(reference.text("kind")) {
            errors.append(.notSupported("roleRef.kind", reference.text("kind"), ["ClusterRole", "Role"]))
        }
        if reference.text("name").isEmpty { errors.append(.required("roleRef.name")) }
        for (index, subject) in object.list("subjects").enumerated() {
            if subject.text("name").isEmpty { errors.append(.required("subjects[\(index)].name")) }
            if subject.text("kind") == "ServiceAccount", object.text("kind") == "ClusterRoleBinding",
                subject.text("namespace").isEmpty
            {
                errors.append(.required("subjects[\(index)].namespace"))
            }
        }
        return errors
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        object["roleRef"] == old["roleRef"]
            ? [] : [.invalid("roleRef", object["roleRef"], "cannot change roleRef")]
    }
}
