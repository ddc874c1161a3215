internal import APIMachinery

struct RoleStrategy: ResourceStrategy {
    /// Role rather than ClusterRole.
    let isNamespaced: Bool
    var nameRule: NameRule { .pathSegment }
    var allowsCreateOnUpdate: Bool { true }

    func validate(_ object: Value) -> [FieldError] {
        AccessValidation.role(object, isNamespaced: isNamespaced)
    }
}

struct RoleBindingStrategy: ResourceStrategy {
    /// RoleBinding rather than ClusterRoleBinding.
    let isNamespaced: Bool
    var nameRule: NameRule { .pathSegment }
    var allowsCreateOnUpdate: Bool { true }

    func applyDefaults(_ object: inout Value) {
        object.editObject("roleRef") { $0.setDefaultString("apiGroup", AccessValidation.group) }
        object.editEach("subjects") { subject in
            switch subject.text("kind") {
            case "User", "Group": subject.setDefaultString("apiGroup", AccessValidation.group)
            default: break
            }
        }
    }

    func validate(_ object: Value) -> [FieldError] {
        AccessValidation.binding(object, isNamespaced: isNamespaced)
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        AccessValidation.bindingUpdate(object, from: old)
    }
}
