internal import APIMachinery

/// `LabelSelector`s of all kinds.
enum LabelSelectorValidation {
    /// `allowsInvalidValues`: for selectors that were stored before values were checked.
    static func validate(
        _ selector: Value?, _ path: FieldPath, allowsInvalidValues: Bool = false, _ errors: inout FieldErrors
    ) {
        guard let selector else { return }
        if let labels = selector["matchLabels"], !labels.isEmptyValue {
            errors.append(ObjectMetaValidation.labelMap(labels, path["matchLabels"].text))
        }
        for (index, expression) in selector.list("matchExpressions").enumerated() {
            let own = path["matchExpressions"][index]
            let values = expression.list("values")
            switch expression.text("operator") {
            case "In", "NotIn":
                if values.isEmpty {
                    errors.required(own["values"], "must be specified when `operator` is 'In' or 'NotIn'")
                }
            case "Exists", "DoesNotExist":
                if !values.isEmpty {
                    errors.forbidden(
                        own["values"], "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
                }
            case let other: errors.invalid(own["operator"], other, "not a valid selector operator")
            }
            let key = expression.text("key")
            errors.violations(own["key"], key, NameValidation.qualifiedName(key))
            guard !allowsInvalidValues else { continue }
            for (number, value) in values.enumerated() {
                let text = value.string ?? ""
                errors.violations(own["values"][number], text, NameValidation.labelValue(text))
            }
        }
    }
}
