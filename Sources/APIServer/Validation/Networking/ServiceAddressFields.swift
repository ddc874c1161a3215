internal import APIMachinery

/// `clusterIP`, `clusterIPs`, `ipFamilies` and `ipFamilyPolicy` have to agree. Checked before addresses are given out,
/// and with the rest of a Service after.
enum ServiceAddressFields {
    private static let families = ["IPv4", "IPv6"]
    private static let familyPolicies = ["PreferDualStack", "RequireDualStack", "SingleStack"]

    static func validate(_ spec: Value, kept: [String]) -> [FieldError] {
        guard spec.text("type") != "ExternalName" else { return [] }
        var errors = FieldErrors()
        let path = FieldPath.root("spec")
        let all = spec.list("clusterIPs")
        let own = path["clusterIPs"]
        agreement(spec.text("clusterIP"), all, own, &errors)
        var seen = Set<String>()
        for (index, value) in spec.list("ipFamilies").enumerated() {
            let family = value.string ?? ""
            errors.oneOf(families, path["ipFamilies"][index], family)
            if !seen.insert(family).inserted { errors.duplicate(path["ipFamilies"][index], family) }
        }
        if let policy = spec["ipFamilyPolicy"]?.string {
            errors.oneOf(familyPolicies, path["ipFamilyPolicy"], policy)
        }
        var isBroken = false
        for (index, value) in all.enumerated() {
            let address = value.string ?? ""
            if index == 0, address == "None" {
                guard all.count > 1 else { continue }
                isBroken = true
                errors.invalid(own, .array(all), "'None' must be the first and only value")
                continue
            }
            let faults = AddressValidation.address(address, own[index].text, kept: kept)
            isBroken = isBroken || !faults.isEmpty
            errors.append(faults)
        }
        if all.count > 2 { errors.invalid(own, .array(all), "may only hold up to 2 values") }
        if !isBroken { match(all, spec.list("ipFamilies"), own, &errors) }
        return errors.list
    }

    private static func agreement(
        _ first: String, _ all: [Value], _ path: FieldPath, _ errors: inout FieldErrors
    ) {
        if first.isEmpty {
            if !all.isEmpty { errors.invalid(path, .array(all), "must be empty when `clusterIP` is not specified") }
        } else if all.isEmpty {
            errors.required(path)
        } else if all[0].string != first {
            errors.invalid(path, .array(all), "first value must match `clusterIP`")
        }
    }

    private static func match(
        _ all: [Value], _ families: [Value], _ path: FieldPath, _ errors: inout FieldErrors
    ) {
        if all.count > 1, Set(all.map { IPText($0.string ?? "")?.isIPv4 }).count < 2 {
            errors.invalid(path, .array(all), "may specify no more than one IP for each IP family")
        }
        guard !(all.count == 1 && all[0].string == "None") else { return }
        for (index, pair) in zip(all, families).enumerated() {
            guard let family = pair.1.string, self.families.contains(family),
                (IPText(pair.0.string ?? "")?.isIPv4 ?? true) != (family == "IPv4")
            else { continue }
            errors.invalid(
                path[index], pair.0, "expected an \(family) value as indicated by `ipFamilies[\(index)]`")
        }
    }
}
