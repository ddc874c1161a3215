internal import APIMachinery

/// Fields of Services that depend on each other: clients leave most of them out, and mean what was there before.
enum ServiceFields {
    /// A write that leaves out what the server gave keeps it, if the type still has a use for it.
    static func keepGiven(_ spec: inout Value, _ old: Value) {
        if ServiceTypes.needsClusterIP(old), ServiceTypes.needsClusterIP(spec) {
            if spec.text("clusterIP").isEmpty { spec["clusterIP"] = old["clusterIP"] }
            if spec.list("clusterIPs").isEmpty { spec["clusterIPs"] = old["clusterIPs"] }
        }
        if ServiceTypes.needsNodePorts(old), ServiceTypes.needsNodePorts(spec) { keepNodePorts(&spec, old) }
        if ServiceTypes.needsHealthCheckPort(old), ServiceTypes.needsHealthCheckPort(spec),
            spec["healthCheckNodePort"]?.int ?? 0 == 0
        {
            spec["healthCheckNodePort"] = old["healthCheckNodePort"]
        }
    }

    private static func keepNodePorts(_ spec: inout Value, _ old: Value) {
        let used = nodePorts(old).intersection(nodePorts(spec))
        var byName: [String: Int64] = [:]
        for port in old.list("ports") { byName[port.text("name")] = port["nodePort"]?.int ?? 0 }
        spec.editEach("ports") { port in
            guard port["nodePort"]?.int ?? 0 == 0, let number = byName[port.text("name")], number != 0,
                !used.contains(number)
            else { return }
            port["nodePort"] = .int(number)
        }
    }

    static func nodePorts(_ spec: Value) -> Set<Int64> {
        Set(spec.list("ports").compactMap { $0["nodePort"]?.int }.filter { $0 != 0 })
    }

    /// `clusterIP` and the first of `clusterIPs` are one: a client that knows only one of them changes both.
    static func agreeOnAddresses(_ spec: inout Value, _ old: Value?) {
        let first = spec.text("clusterIP")
        guard let old else {
            if !first.isEmpty, spec.list("clusterIPs").isEmpty { spec["clusterIPs"] = [.string(first)] }
            return
        }
        let before = old.text("clusterIP")
        if spec.list("clusterIPs").isEmpty, first == before { spec["clusterIPs"] = old["clusterIPs"] }
        guard first != before, spec.list("clusterIPs") == old.list("clusterIPs") else { return }
        spec["clusterIPs"] = first.isEmpty ? nil : [.string(first)]
    }

    /// What the new type has no use for goes, unless the client has changed it as well and is to be told.
    static func dropUseless(_ spec: inout Value, _ old: Value) {
        func isSame(_ key: String) -> Bool { (spec[key] ?? .null) == (old[key] ?? .null) }
        if ServiceTypes.needsClusterIP(old), !ServiceTypes.needsClusterIP(spec) {
            if isSame("clusterIPs") { drop(&spec, "clusterIP", "clusterIPs") }
            for key in ["ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"] where isSame(key) { drop(&spec, key) }
        }
        if ServiceTypes.needsNodePorts(old), !ServiceTypes.needsNodePorts(spec),
            nodePorts(old).isSuperset(of: nodePorts(spec))
        {
            spec.editEach("ports") { $0["nodePort"] = nil }
        }
        if ServiceTypes.needsHealthCheckPort(old), !ServiceTypes.needsHealthCheckPort(spec),
            isSame("healthCheckNodePort")
        {
            drop(&spec, "healthCheckNodePort")
        }
        if old.text("type") == "LoadBalancer", spec.text("type") != "LoadBalancer" {
            for key in ["allocateLoadBalancerNodePorts", "loadBalancerClass"] where isSame(key) { drop(&spec, key) }
        }
        if ServiceTypes.isExternal(old), !ServiceTypes.isExternal(spec), isSame("externalTrafficPolicy") {
            drop(&spec, "externalTrafficPolicy")
        }
    }

    private static func drop(_ spec: inout Value, _ keys: String...) {
        for key in keys { spec[key] = nil }
    }
}

/// `ipFamilies` and `ipFamilyPolicy` on a cluster with IPv4 only.
enum ServiceFamilies {
    private static let clusterFamily = "IPv4"

    /// Fills in what the client left out; what is wrong is told of before any address is given.
    static func settle(_ spec: inout Value, _ old: Value?) -> [FieldError] {
        guard spec.text("type") != "ExternalName", !isUntouchedPreference(spec, old) else { return [] }
        let isHeadless = spec.text("clusterIP") == "None"
        let isOpen = isHeadless && spec.entries("selector").isEmpty
        if spec.present("ipFamilyPolicy") == nil {
            // Nobody knows yet which families the endpoints of a Service without a selector will have.
            spec["ipFamilyPolicy"] = old?.present("ipFamilyPolicy") ?? (isOpen ? "RequireDualStack" : "SingleStack")
        }
        let kept = old?.list("clusterIPs").compactMap(\.string) ?? []
        let faults = ServiceAddressFields.validate(spec, kept: kept)
        guard faults.isEmpty else { return faults }
        let policy = spec.text("ipFamilyPolicy")
        var errors = FieldErrors()
        if let old { reduce(&spec, old, policy, &errors) }
        checkSingle(spec, policy, &errors)
        infer(&spec, &errors)
        guard errors.isEmpty else { return errors.list }
        if isOpen {
            fillOpen(&spec, policy)
            return []
        }
        let path = FieldPath.root("spec")
        if policy == "RequireDualStack" {
            errors.invalid(
                path["ipFamilyPolicy"], policy, "this cluster is not configured for dual-stack services")
        }
        for (index, family) in spec.list("ipFamilies").enumerated() where family.string != clusterFamily {
            errors.invalid(path["ipFamilies"][index], family, "not configured on this cluster")
        }
        if errors.isEmpty, spec.list("ipFamilies").isEmpty { spec["ipFamilies"] = [.string(clusterFamily)] }
        return errors.list
    }

    /// A Service that would like two families is left alone until its policy, addresses or families change.
    private static func isUntouchedPreference(_ spec: Value, _ old: Value?) -> Bool {
        guard let old, spec.text("type") == old.text("type"), spec.text("ipFamilyPolicy") == "PreferDualStack",
            old.text("ipFamilyPolicy") == "PreferDualStack", ServiceTypes.needsClusterIP(spec)
        else { return false }
        return spec.list("clusterIPs") == old.list("clusterIPs") && spec.list("ipFamilies") == old.list("ipFamilies")
    }

    private static func reduce(_ spec: inout Value, _ old: Value, _ policy: String, _ errors: inout FieldErrors) {
        for (key, what) in [("clusterIPs", "cluster IP"), ("ipFamilies", "IP family")] {
            let (new, before) = (spec.list(key), old.list(key))
            if policy == "SingleStack" {
                if new == before, new.count > 1 { spec[key] = .array([new[0]]) }
            } else if !new.isEmpty, new.count < before.count {
                errors.invalid(
                    .root("spec.ipFamilyPolicy"), policy, "must be 'SingleStack' to release the secondary \(what)")
            }
        }
    }

    private static func checkSingle(_ spec: Value, _ policy: String, _ errors: inout FieldErrors) {
        guard policy == "SingleStack" else { return }
        for (key, what) in [("clusterIPs", "cluster IPs"), ("ipFamilies", "IP families")]
        where spec.list(key).count == 2 {
            errors.invalid(
                .root("spec.ipFamilyPolicy"), policy,
                "must be 'RequireDualStack' or 'PreferDualStack' when multiple \(what) are specified")
        }
    }

    /// Addresses that were asked for say their families.
    private static func infer(_ spec: inout Value, _ errors: inout FieldErrors) {
        let addresses = spec.list("clusterIPs")
        for (index, address) in addresses.enumerated() {
            let text = address.string ?? ""
            if text == "None" { break }
            guard index >= spec.list("ipFamilies").count, let parsed = IPText(text) else { continue }
            if parsed.isIPv4 {
                spec.append(.string(clusterFamily), to: "ipFamilies")
            } else {
                errors.invalid(
                    FieldPath.root("spec.clusterIPs")[index], .array(addresses),
                    "IPv6 is not configured on this cluster")
            }
        }
    }

    private static func fillOpen(_ spec: inout Value, _ policy: String) {
        if spec.list("ipFamilies").isEmpty { spec["ipFamilies"] = [.string(clusterFamily)] }
        let families = spec.list("ipFamilies")
        guard families.count < 2, policy != "SingleStack" else { return }
        spec.append(families[0].string == "IPv4" ? "IPv6" : "IPv4", to: "ipFamilies")
    }
}
