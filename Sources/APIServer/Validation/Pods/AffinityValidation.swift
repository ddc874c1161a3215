internal import APIMachinery

/// Which nodes a pod may or should run on.
enum AffinityValidation {
    private static let required = "requiredDuringSchedulingIgnoredDuringExecution"
    private static let preferred = "preferredDuringSchedulingIgnoredDuringExecution"

    static func validate(_ affinity: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        if let node = affinity.present("nodeAffinity") {
            let own = path["nodeAffinity"]
            if let selector = node.present(required) { nodeSelector(selector, own[required], &errors) }
            for (index, term) in node.list(preferred).enumerated() {
                weight(term, own[preferred][index], &errors)
                // Values that no label can have are let through here: a preference that is never met does no harm.
                nodeTerm(
                    term["preference"] ?? [:], own[preferred][index]["preference"], checksValues: false, &errors)
            }
        }
        for kind in ["podAffinity", "podAntiAffinity"] {
            guard let pods = affinity.present(kind) else { continue }
            for (index, term) in pods.list(required).enumerated() {
                podTerm(term, path[kind][required][index], &errors)
            }
            for (index, term) in pods.list(preferred).enumerated() {
                let own = path[kind][preferred][index]
                weight(term, own, &errors)
                podTerm(term["podAffinityTerm"] ?? [:], own["podAffinityTerm"], &errors)
            }
        }
    }

    private static func weight(_ term: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let weight = term["weight"]?.int ?? 0
        if !(1...100).contains(weight) { errors.invalid(path["weight"], weight, "must be in the range 1-100") }
    }

    /// A `NodeSelector`: of affinity, of volumes.
    static func nodeSelector(_ selector: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let terms = selector.list("nodeSelectorTerms")
        if terms.isEmpty {
            errors.required(path["nodeSelectorTerms"], "must have at least one node selector term")
        }
        for (index, term) in terms.enumerated() {
            nodeTerm(term, path["nodeSelectorTerms"][index], checksValues: true, &errors)
        }
    }

    private static func nodeTerm(
        _ term: Value, _ path: FieldPath, checksValues: Bool, _ errors: inout FieldErrors
    ) {
        for (index, expression) in term.list("matchExpressions").enumerated() {
            nodeExpression(expression, path["matchExpressions"][index], checksValues: checksValues, &errors)
        }
        for (index, expression) in term.list("matchFields").enumerated() {
            nodeField(expression, path["matchFields"][index], &errors)
        }
    }

    private static func nodeExpression(
        _ expression: Value, _ path: FieldPath, checksValues: Bool, _ errors: inout FieldErrors
    ) {
        let values = expression.list("values")
        switch expression.text("operator") {
        case "In", "NotIn":
            if values.isEmpty {
                errors.required(path["values"], "must be specified when `operator` is 'In' or 'NotIn'")
            }
        case "Exists", "DoesNotExist":
            if !values.isEmpty {
                errors.forbidden(
                    path["values"], "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
            }
        case "Gt", "Lt":
            if values.count != 1 {
                errors.required(path["values"], "must be specified single value when `operator` is 'Lt' or 'Gt'")
            }
        case let other: errors.invalid(path["operator"], other, "not a valid selector operator")
        }
        let key = expression.text("key")
        errors.violations(path["key"], key, NameValidation.qualifiedName(key))
        guard checksValues else { return }
        for (index, value) in values.enumerated() {
            errors.violations(path["values"][index], value.string ?? "", NameValidation.labelValue(value.string ?? ""))
        }
    }

    private static func nodeField(_ expression: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let values = expression.list("values")
        switch expression.text("operator") {
        case "In", "NotIn":
            if values.count != 1 {
                errors.required(
                    path["values"],
                    "must be only one value when `operator` is 'In' or 'NotIn' for node field selector")
            }
        case let other: errors.invalid(path["operator"], other, "not a valid selector operator")
        }
        let key = expression.text("key")
        guard key == "metadata.name" else {
            return errors.invalid(path["key"], key, "not a valid field selector key")
        }
        for (index, value) in values.enumerated() {
            let name = value.string ?? ""
            errors.violations(path["values"][index], name, NameValidation.dns1123Subdomain(name))
        }
    }

    private static func podTerm(_ term: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let selector = term.present("labelSelector")
        LabelSelectorValidation.validate(selector, path["labelSelector"], &errors)
        LabelSelectorValidation.validate(term.present("namespaceSelector"), path["namespaceSelector"], &errors)
        for namespace in term.list("namespaces").compactMap(\.string) {
            errors.violations(path["namespace"], namespace, NameValidation.dns1123Label(namespace))
        }
        labelKeys(term, selector, path, doubled: path, &errors)
        let key = term.text("topologyKey")
        if key.isEmpty { errors.required(path["topologyKey"], "can not be empty") }
        errors.violations(path["topologyKey"], key, NameValidation.qualifiedName(key))
    }

    /// `matchLabelKeys` and `mismatchLabelKeys`, of affinity terms and spread constraints.
    /// `doubled`: where upstream finds the keys that the selector has as well.
    static func labelKeys(
        _ term: Value, _ selector: Value?, _ path: FieldPath, doubled: FieldPath, _ errors: inout FieldErrors
    ) {
        let keys = term.list("matchLabelKeys").compactMap(\.string)
        let others = term.list("mismatchLabelKeys").compactMap(\.string)
        guard !keys.isEmpty || !others.isEmpty else { return }
        for (field, keys) in [("matchLabelKeys", keys), ("mismatchLabelKeys", others)] where !keys.isEmpty {
            guard selector != nil else {
                errors.forbidden(path[field], "must not be specified when labelSelector is not set")
                continue
            }
            for (index, key) in keys.enumerated() {
                errors.violations(path[field][index], key, NameValidation.qualifiedName(key))
            }
        }
        if let selector {
            // The server itself added an expression for each key: a key is the client's if it is there twice.
            var seen = Set(selector.entries("matchLabels").map(\.key))
            for expression in selector.list("matchExpressions") {
                let key = expression.text("key")
                if let index = keys.lastIndex(of: key), seen.contains(key) {
                    errors.invalid(doubled[index], key, "exists in both matchLabelKeys and labelSelector")
                }
                seen.insert(key)
            }
        }
        for (index, key) in keys.enumerated() where others.contains(key) {
            errors.invalid(
                path["matchLabelKeys"][index], key, "exists in both matchLabelKeys and mismatchLabelKeys")
        }
    }
}
