internal import APIMachinery

/// Nodes.
enum NodeValidation {
    private static let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"]
    private static let onlyOnce = "except from \"\" to valid"

    /// Upstream says that taints were metadata.
    static func taints(_ node: Value) -> [FieldError] {
        let path = FieldPath.root("metadata.taints")
        var errors = FieldErrors()
        var seen = Set<[String]>()
        for (index, taint) in (node["spec"] ?? [:]).list("taints").enumerated() {
            let own = path[index]
            let (key, value, effect) = (taint.text("key"), taint.text("value"), taint.text("effect"))
            errors.qualifiedName(own["key"], key)
            let violations = NameValidation.labelValue(value)
            if !violations.isEmpty { errors.invalid(own["value"], value, violations.joined(separator: ";")) }
            errors.requiredOneOf(effects, own["effect"], effect)
            guard !seen.insert([key, effect]).inserted else { continue }
            let shown = String(decoding: GoShape.value(taint, "Taint").jsonBytes(), as: UTF8.self)
            errors.append(
                FieldError(
                    kind: .duplicate, field: own.text,
                    body: "Duplicate value: \(shown): taints must be unique by key and effect pair"))
        }
        return errors.list
    }

    static func resources(_ node: Value) -> [FieldError] {
        var errors = FieldErrors()
        for section in ["capacity", "allocatable"] {
            for (name, value) in (node["status"] ?? [:]).entries(section) {
                ResourceNameRule.amount(name, value, FieldPath.root("status")[section][name], &errors)
            }
        }
        return errors.list
    }

    static func podRanges(_ node: Value, kept: [String] = []) -> [FieldError] {
        let field = "spec.podCIDRs"
        let ranges = (node["spec"] ?? [:]).list("podCIDRs").compactMap(\.string)
        var errors: [FieldError] = []
        for (index, range) in ranges.enumerated() {
            errors += AddressValidation.range(range, "\(field)[\(index)]", kept: kept)
        }
        guard ranges.count > 1 else { return errors }
        let families = ranges.map { CIDRText($0)?.isIPv4 }
        if families.contains(nil) {
            let bad = ranges.first { CIDRText($0) == nil } ?? ""
            errors.append(
                FieldError(
                    kind: .internalError, field: field,
                    body: "Internal error: invalid PodCIDRs. failed to check with dual stack with error:invalid CIDR "
                        + "address: \(bad)"))
        }
        if Set(families).count != 2 || ranges.count > 2 {
            errors.append(.invalid(field, .strings(ranges), "may specify no more than one CIDR for each IP family"))
        }
        for (index, range) in ranges.enumerated() where ranges[..<index].contains(range) {
            errors.append(.duplicate("\(field)[\(index)]", range))
        }
        return errors
    }

    static func changes(_ node: Value, from old: Value) -> [FieldError] {
        let (new, kept) = (node["spec"] ?? [:], old["spec"] ?? [:])
        var errors = FieldErrors()
        errors.append(resources(node))
        var addresses = Set<Value>()
        for (index, address) in (node["status"] ?? [:]).list("addresses").enumerated()
        where !addresses.insert(address).inserted {
            errors.duplicate(FieldPath.root("status.addresses")[index], GoShape.value(address, "NodeAddress"))
        }
        podRangeChanges(new.list("podCIDRs"), kept.list("podCIDRs"), &errors)
        if !kept.text("providerID").isEmpty, new.text("providerID") != kept.text("providerID") {
            errors.forbidden(.root("spec.providerID"), "node updates may not change providerID \(onlyOnce)")
        }
        if let source = new.present("configSource") {
            configuration(source, .root("spec.configSource"), isStatus: false, &errors)
        }
        for part in ["assigned", "active", "lastKnownGood"] {
            guard let source = node[path: "status", "config", part], !source.isNull else { continue }
            configuration(source, FieldPath.root("status.config")[part], isStatus: true, &errors)
        }
        errors.append(taints(node))
        if new.text("externalID") != kept.text("externalID") {
            errors.forbidden(.root("spec.externalID"), "may not be updated")
        }
        return errors.list
    }

    private static func podRangeChanges(_ new: [Value], _ kept: [Value], _ errors: inout FieldErrors) {
        guard !kept.isEmpty else { return }
        let changes = new.count == kept.count ? zip(new, kept).filter { $0 != $1 }.count : 1
        for _ in 0..<changes {
            errors.forbidden(.root("spec.podCIDRs"), "node updates may not change podCIDR \(onlyOnce)")
        }
    }

    /// The kubelet's configuration from a ConfigMap, which nothing reads any more.
    private static func configuration(
        _ source: Value, _ path: FieldPath, isStatus: Bool, _ errors: inout FieldErrors
    ) {
        guard let map = source.present("configMap") else {
            return errors.invalid(
                path, ["ConfigMap": .null], "exactly one reference subfield must be non-nil")
        }
        let own = path["configMap"]
        for key in ["uid", "resourceVersion"] {
            if isStatus, map.text(key).isEmpty { errors.required(own[key], "\(key) must be set in status") }
            if !isStatus, !map.text(key).isEmpty { errors.forbidden(own[key], "\(key) must not be set in spec") }
        }
        let rules: [(String, (String) -> [String])] = [
            ("namespace", NameValidation.dns1123Label), ("name", NameValidation.dns1123Subdomain),
            ("kubeletConfigKey", NameValidation.configMapKey),
        ]
        for (key, rule) in rules {
            let text = map.text(key)
            if text.isEmpty {
                errors.required(own[key], "\(key) must be set")
            } else {
                errors.violations(own[key], text, rule(text))
            }
        }
    }
}

extension ResourceNameRule {
    /// An amount of a resource: not negative, and whole where there are no fractions.
    static func amount(_ name: String, _ value: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard let quantity = Quantity(PodQuality.text(value)) else { return }
        if quantity.sign < 0 { errors.invalid(path, quantity.description, "must be greater than or equal to 0") }
        if isCounted(name), quantity.milliValue % 1000 != 0 {
            errors.invalid(path, quantity.description, "must be an integer")
        }
    }
}
