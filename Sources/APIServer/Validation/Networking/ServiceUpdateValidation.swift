internal import APIMachinery

/// What may change in a Service.
enum ServiceUpdateValidation {
    static func validate(_ service: Value, from old: Value) -> [FieldError] {
        let (new, kept) = (service["spec"] ?? [:], old["spec"] ?? [:])
        var errors = FieldErrors()
        if new.text("type") != "ExternalName", kept.text("type") != "ExternalName" {
            clusterIPs(new, kept, &errors)
            families(new, kept, &errors)
        }
        if new.text("type") == "LoadBalancer", kept.text("type") == "LoadBalancer",
            new["loadBalancerClass"] != kept["loadBalancerClass"]
        {
            errors.invalid(.root("spec.loadBalancerClass"), new["loadBalancerClass"], "may not change once set")
        }
        ServiceValidation.balancerClass(new, &errors)
        if ServiceTypes.needsHealthCheckPort(new), ServiceTypes.needsHealthCheckPort(kept),
            new["healthCheckNodePort"] != kept["healthCheckNodePort"]
        {
            errors.forbidden(.root("spec.healthCheckNodePort"), "field is immutable")
        }
        return errors.list
    }

    private static func shown(_ list: [Value]) -> Value { list.isEmpty ? .null : .array(list) }

    private static func clusterIPs(_ new: Value, _ kept: Value, _ errors: inout FieldErrors) {
        if ServiceTypes.isHeadless(new), ServiceTypes.isHeadless(kept) { return }
        let path = FieldPath.root("spec.clusterIPs")
        let (addresses, before) = (new.list("clusterIPs"), kept.list("clusterIPs"))
        if addresses.count == before.count {
            for index in addresses.indices where addresses[index] != before[index] {
                errors.invalid(path[index], shown(addresses), "may not change once set")
            }
            return
        }
        if addresses.isEmpty { errors.invalid(path[0], shown(addresses), "primary clusterIP can not be unset") }
        if let first = before.first, let current = addresses.first, first != current {
            errors.invalid(path[0], shown(addresses), "may not change once set")
        }
        if addresses.count < before.count, addresses.count == 1, new["ipFamilyPolicy"]?.string != "SingleStack" {
            errors.invalid(
                .root("spec.ipFamilyPolicy"), new["ipFamilyPolicy"],
                "must be set to 'SingleStack' when releasing the secondary clusterIP")
        }
    }

    private static func families(_ new: Value, _ kept: Value, _ errors: inout FieldErrors) {
        guard !ServiceTypes.isHeadless(new), !ServiceTypes.isHeadless(kept) else { return }
        let path = FieldPath.root("spec.ipFamilies")[0]
        let (families, before) = (new.list("ipFamilies"), kept.list("ipFamilies"))
        if families.count == before.count {
            for index in families.indices where families[index] != before[index] {
                errors.invalid(path, shown(families), "may not change once set")
            }
            return
        }
        let isLess = families.count < before.count
        if isLess, new.list("clusterIPs").isEmpty {
            errors.invalid(path, shown(families), "primary ipFamily can not be unset")
        }
        if let first = before.first, let current = families.first, first != current {
            errors.invalid(path, shown(new.list("clusterIPs")), "may not change once set")
        }
        if isLess, families.count == 1, new["ipFamilyPolicy"]?.string != "SingleStack" {
            errors.invalid(
                .root("spec.ipFamilyPolicy"), new["ipFamilyPolicy"],
                "must be set to 'SingleStack' when releasing the secondary ipFamily")
        }
    }

    private static let ipModes = ["Proxy", "VIP"]

    static func status(_ service: Value, from old: Value) -> [FieldError] {
        let path = FieldPath.root("status.loadBalancer.ingress")
        let entries = service[path: "status", "loadBalancer", "ingress"]?.array ?? []
        let kept = (old[path: "status", "loadBalancer", "ingress"]?.array ?? []).map { $0.text("ip") }
        var errors = FieldErrors()
        if !entries.isEmpty, service[path: "spec", "type"]?.string != "LoadBalancer" {
            errors.forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")
            return errors.list
        }
        for (index, entry) in entries.enumerated() {
            let own = path[index]
            let (address, mode) = (entry.text("ip"), entry["ipMode"]?.string)
            if !address.isEmpty { errors.append(AddressValidation.address(address, own["ip"].text, kept: kept)) }
            if !address.isEmpty, mode == nil {
                errors.required(own["ipMode"], "must be specified when `ip` is set")
            } else if mode != nil, address.isEmpty {
                errors.forbidden(own["ipMode"], "may not be specified when `ip` is not set")
            } else if let mode {
                errors.oneOf(ipModes, own["ipMode"], mode)
            }
            let host = entry.text("hostname")
            guard !host.isEmpty else { continue }
            errors.subdomain(own["hostname"], host)
            if IPText(host) != nil { errors.invalid(own["hostname"], host, "must be a DNS name, not an IP address") }
        }
        return errors.list
    }
}
