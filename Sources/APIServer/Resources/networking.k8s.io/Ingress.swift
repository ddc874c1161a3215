internal import APIMachinery

struct IngressStrategy: ResourceStrategy {
    var tracksGeneration: Bool { true }

    func prepareForCreate(_ object: inout Value) { object["status"] = ["loadBalancer": [:]] }

    func validate(_ object: Value) -> [FieldError] {
        let spec = object["spec"] ?? [:]
        guard spec.list("rules").isEmpty, spec.present("defaultBackend") == nil else { return [] }
        return [.invalid("spec", .array([]), "either `defaultBackend` or `rules` must be specified")]
    }
}

struct NetworkPolicyStrategy: ResourceStrategy {
    var tracksGeneration: Bool { true }

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
}
