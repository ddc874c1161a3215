internal import APIMachinery

struct IngressStrategy: ResourceStrategy {
    var tracksGeneration: Bool { true }
    var metadataOnUpdate: MetadataRepetition { .both }

    func prepareForCreate(_ object: inout Value) { object["status"] = ["loadBalancer": [:]] }

    func validateCreate(_ object: Value) -> [FieldError] {
        IngressValidation().validate(object) + IngressValidation.classMismatch(object)
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        IngressValidation(stored: old).validate(object)
    }

    func validateStatusUpdate(_ object: Value, from old: Value) -> [FieldError] {
        IngressValidation.status(object, from: old)
    }

    func warnings(_ object: Value, from old: Value?) -> [String] {
        old == nil ? IngressValidation.createWarnings(object) : []
    }
}

struct NetworkPolicyStrategy: ResourceStrategy {
    var tracksGeneration: Bool { true }
    var metadataOnUpdate: MetadataRepetition { .update }

    func applyDefaults(_ object: inout Value) {
        object.editObject("spec") { spec in
            for rules in ["ingress", "egress"] {
                spec.editEach(rules) { rule in
                    rule.editEach("ports") { $0.setDefaultString("protocol", "TCP") }
                }
            }
            guard spec.list("policyTypes").isEmpty else { return }
            spec["policyTypes"] = spec.list("egress").isEmpty ? ["Ingress"] : ["Ingress", "Egress"]
        }
    }

    func validateCreate(_ object: Value) -> [FieldError] { NetworkPolicyValidation().validate(object) }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        NetworkPolicyValidation(stored: old).validate(object)
    }

    func warnings(_ object: Value) -> [String] { NetworkPolicyValidation.warnings(object) }
}
