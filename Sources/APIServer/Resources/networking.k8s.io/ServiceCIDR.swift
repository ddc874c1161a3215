internal import APIMachinery

struct ServiceCIDRStrategy: ResourceStrategy {
    var metadataOnUpdate: MetadataRepetition { .both }

    func validate(_ object: Value) -> [FieldError] {
        let field = "spec.cidrs"
        let ranges = object[path: "spec", "cidrs"]?.array?.compactMap(\.string) ?? []
        if ranges.isEmpty { return [.required(field, "at least one CIDR required")] }
        if ranges.count > 2 {
            return [.invalid(field, ["CIDRs": .strings(ranges)], "may only hold up to 2 values")]
        }
        var errors: [FieldError] = []
        for (index, range) in ranges.enumerated() {
            errors += AddressValidation.canonicalRange(range, "\(field)[\(index)]")
        }
        let families = ranges.compactMap { CIDRText($0)?.isIPv4 }
        if families.count == 2, families[0] == families[1] {
            errors.append(
                .invalid(
                    field, .strings(ranges),
                    "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"))
        }
        return errors
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        let new = object[path: "spec", "cidrs"]?.array ?? []
        let kept = old[path: "spec", "cidrs"]?.array ?? []
        func changed(_ index: Int) -> [FieldError] {
            new[index] == kept[index] ? [] : [.invalid("spec.cidrs[\(index)]", new[index], "field is immutable")]
        }
        if new.count == kept.count { return new.indices.flatMap(changed) }
        // A second range makes a cluster dual-stack.
        if kept.count == 1, new.count == 2 { return changed(0) + validate(object) }
        return [.invalid("spec.cidrs", new.isEmpty ? .null : .array(new), "field is immutable")]
    }
}

struct IPAddressStrategy: ResourceStrategy {
    var nameRule: NameRule { .address }
    var metadataOnUpdate: MetadataRepetition { .both }

    func validate(_ object: Value) -> [FieldError] {
        let path = FieldPath.root("spec.parentRef")
        var errors = FieldErrors()
        guard let parent = object[path: "spec", "parentRef"], !parent.isNull else {
            errors.required(path)
            return errors.list
        }
        let group = parent.text("group")
        if !group.isEmpty { errors.subdomain(path["group"], group) }
        for part in ["resource", "name"] {
            let text = parent.text(part)
            if text.isEmpty { errors.required(path[part]) } else { errors.pathSegment(path[part], text) }
        }
        let namespace = parent.text("namespace")
        if !namespace.isEmpty { errors.pathSegment(path["namespace"], namespace) }
        return errors.list
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        let (new, kept) = (object[path: "spec", "parentRef"], old[path: "spec", "parentRef"])
        guard new != kept else { return [] }
        var shown: [(String, Value)] = []
        for (name, key) in [
            ("Group", "group"), ("Resource", "resource"), ("Namespace", "namespace"), ("Name", "name"),
        ] {
            shown.append((name, new?[key] ?? ""))
        }
        return [.invalid("spec.parentRef", new == nil ? .null : .record(shown), "field is immutable")]
    }
}
