internal import APIMachinery

/// Limit ranges: the bounds have to agree with each other.
enum LimitRangeValidation {
    private static let types: Set<String> = ["Pod", "Container", "PersistentVolumeClaim"]

    static func validate(_ object: Value) -> [FieldError] {
        let path = FieldPath.root("spec.limits")
        var errors = FieldErrors()
        var seen = Set<String>()
        for (index, item) in (object["spec"] ?? [:]).list("limits").enumerated() {
            let own = path[index]
            let type = item.text("type")
            self.type(type, own["type"], &errors)
            if !seen.insert(type).inserted { errors.duplicate(own["type"], type) }
            bounds(item, type, own, &errors)
        }
        return errors.list
    }

    private static func type(_ type: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        let violations = NameValidation.qualifiedName(type)
        errors.violations(path, type, violations)
        guard violations.isEmpty, !type.contains("/"), !types.contains(type) else { return }
        errors.invalid(path, type, "must be a standard limit type or fully qualified")
    }

    private static func bounds(_ item: Value, _ type: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        var sections = ["max", "min"]
        func names(_ section: String) {
            for (name, _) in item.entries(section) {
                let own = path[section].key(name)
                if type == "Pod" || type == "Container" {
                    ResourceNameRule.checkContainer(name, own, &errors)
                } else {
                    ResourceNameRule.check(name, own, &errors)
                }
            }
        }
        sections.forEach(names)
        for section in ["default", "defaultRequest"] {
            if type != "Pod" {
                names(section)
                sections.append(section)
            } else if !item.entries(section).isEmpty {
                errors.forbidden(path[section], "may not be specified when `type` is 'Pod'")
            }
        }
        if type == "PersistentVolumeClaim", item["min"]?["storage"] == nil, item["max"]?["storage"] == nil {
            errors.required(
                path["limits"], "either minimum or maximum storage value is required, but neither was provided")
        }
        names("maxLimitRequestRatio")
        sections.append("maxLimitRequestRatio")
        let all = Set(sections.flatMap { item.entries($0).map(\.key) })
        for name in all.sorted() {
            var amounts: [String: Quantity] = [:]
            for section in sections {
                amounts[section] = item[section]?[name].flatMap { Quantity(PodQuality.text($0)) }
            }
            compare(amounts, name, path, &errors)
        }
    }

    /// Which of two may not be greater, where that is told of, which value is shown, and how they are called.
    private static let orders: [(low: String, high: String, field: String, shown: String, text: (String, String))] = [
        ("min", "max", "min", "min", ("min value", "max value")),
        ("min", "defaultRequest", "defaultRequest", "defaultRequest", ("min value", "default request value")),
        ("defaultRequest", "max", "defaultRequest", "defaultRequest", ("default request value", "max value")),
        (
            "defaultRequest", "default", "defaultRequest", "defaultRequest",
            ("default request value", "default limit value")
        ),
        ("min", "default", "default", "min", ("min value", "default value")),
        ("default", "max", "default", "max", ("default value", "max value")),
    ]

    private static func compare(
        _ amounts: [String: Quantity], _ name: String, _ path: FieldPath, _ errors: inout FieldErrors
    ) {
        for order in orders {
            guard let low = amounts[order.low], let high = amounts[order.high], high < low else { continue }
            errors.invalid(
                path[order.field].key(name), (amounts[order.shown] ?? low).description,
                "\(order.text.0) \(low) is greater than \(order.text.1) \(high)")
        }
        ratio(amounts, path["maxLimitRequestRatio"].key(name), &errors)
        if !ResourceNameRule.mayOvercommit(name), let limit = amounts["default"],
            let request = amounts["defaultRequest"], limit != request
        {
            errors.invalid(
                path["defaultRequest"].key(name), request.description,
                "default value \(limit) must equal to defaultRequest value \(request) in \(name)")
        }
    }

    /// Larger numbers have no thousandths any more.
    private static let exactMax = Int64.max / 1000

    private static func ratio(_ amounts: [String: Quantity], _ path: FieldPath, _ errors: inout FieldErrors) {
        guard let ratio = amounts["maxLimitRequestRatio"] else { return }
        if ratio < Quantity(1) { errors.invalid(path, ratio.description, "ratio \(ratio) is less than 1") }
        guard let min = amounts["min"], let max = amounts["max"] else { return }
        let isExact = [ratio, min, max].allSatisfy { $0.value < exactMax }
        let wanted = isExact ? Double(ratio.milliValue) / 1000 : Double(ratio.value)
        let possible =
            isExact
            ? Double(max.milliValue) / Double(min.milliValue) : Double(max.value) / Double(min.value)
        if wanted > possible {
            errors.invalid(
                path, ratio.description, "ratio \(ratio) is greater than max/min = \(sixDecimals(possible))")
        }
    }

    private static func sixDecimals(_ number: Double) -> String {
        guard number.isFinite, abs(number) < 1e12 else { return "\(number)" }
        let millionths = Int64((abs(number) * 1_000_000).rounded(.toNearestOrEven))
        let fraction = String(millionths % 1_000_000)
        return (number < 0 ? "-" : "") + "\(millionths / 1_000_000)."
            + String(repeating: "0", count: 6 - fraction.count) + fraction
    }
}
