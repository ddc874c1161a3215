internal import APIMachinery

/// Webhook configurations and admission policies: what their rules mean where they are silent.
struct AdmissionConfigurationStrategy: ResourceStrategy {
    var tracksGeneration: Bool { true }
    var allowsUnconditionalUpdate: Bool { false }

    func validate(_ object: Value) -> [FieldError] {
        let kind = object.text("kind")
        let isMutating = kind.hasPrefix("Mutating")
        if kind.hasSuffix("WebhookConfiguration") {
            return WebhookValidation.validate(object, isMutating: isMutating)
        }
        return kind.hasSuffix("Binding")
            ? AdmissionPolicyValidation.binding(object, isMutating: isMutating)
            : AdmissionPolicyValidation.validate(object, isMutating: isMutating)
    }

    func validateStatusUpdate(_ object: Value, from old: Value) -> [FieldError] {
        var errors = FieldErrors()
        ConditionValidation.validate(
            (object["status"] ?? [:]).list("conditions"), FieldPath.root("status")["conditions"], &errors)
        return errors.list
    }

    func applyDefaults(_ object: inout Value) {
        let isMutating = object.text("kind") == "MutatingWebhookConfiguration"
        object.editEach("webhooks") { webhook in
            webhook.setDefaultString("failurePolicy", "Fail")
            webhook.setDefault("timeoutSeconds", 10)
            if isMutating { webhook.setDefaultString("reinvocationPolicy", "Never") }
            webhook.edit("clientConfig") { config in
                config.edit("service") { $0.setDefault("port", 443) }
            }
            Self.applyMatch(&webhook, rules: "rules")
        }
        object.edit("spec") { spec in
            let isBinding = spec.present("policyName") != nil
            if !isBinding { spec.setDefaultString("failurePolicy", "Fail") }
            spec.edit("matchConstraints") { Self.applyMatch(&$0, rules: "resourceRules") }
            spec.edit("matchResources") { Self.applyMatch(&$0, rules: "resourceRules") }
            if let reference = spec.present("paramRef"), reference.present("parameterNotFoundAction") == nil, !isBinding
            {
                spec.edit("paramRef") { $0["parameterNotFoundAction"] = "Deny" }
            }
        }
    }

    private static func applyMatch(_ match: inout Value, rules: String) {
        match.setDefaultString("matchPolicy", "Equivalent")
        match.setDefault("namespaceSelector", [:])
        match.setDefault("objectSelector", [:])
        for list in [rules, rules == "resourceRules" ? "excludeResourceRules" : rules] {
            match.editEach(list) { $0.setDefaultString("scope", "*") }
        }
    }
}
