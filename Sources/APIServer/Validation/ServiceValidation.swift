internal import APIMachinery

enum ServiceValidation {
    private static let types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]
    private static let affinitySecondsMax: Int64 = 86400

    static func validate(_ object: Value) -> [FieldError] {
        let spec = object["spec"] ?? [:]
        var errors: [FieldError] = []
        let type = spec.text("type")
        let isHeadless = spec.text("clusterIP") == "None"
        let ports = spec.list("ports")
        if ports.isEmpty, !isHeadless, type != "ExternalName" { errors.append(.required("spec.ports")) }
        switch type {
        case "LoadBalancer" where isHeadless:
            errors.append(.invalid("spec.clusterIPs[0]", "None", "may not be set to 'None' for LoadBalancer services"))
        case "NodePort" where isHeadless:
            errors.append(.invalid("spec.clusterIPs[0]", "None", "may not be set to 'None' for NodePort services"))
        case "ExternalName":
            if !spec.text("clusterIP").isEmpty {
                errors.append(
                    .forbidden("spec.clusterIPs", "may not be set for ExternalName services"))
            }
            errors += NameValidation.dns1123Subdomain(trimDot(spec.text("externalName"))).map {
                .invalid("spec.externalName", spec.text("externalName"), $0)
            }
        default: break
        }
        errors += self.ports(ports, isHeadless: isHeadless)
        errors += ObjectMetaValidation.labelMap(spec["selector"], "spec.selector")
        errors += affinity(spec)
        for (index, address) in spec.list("externalIPs").enumerated() {
            errors += AddressValidation.address(address.string ?? "", "spec.externalIPs[\(index)]")
        }
        if !types.contains(type) { errors.append(.notSupported("spec.type", type, types)) }
        if type == "ClusterIP" {
            for (index, port) in ports.enumerated() where port["nodePort"]?.int ?? 0 != 0 {
                errors.append(
                    .forbidden("spec.ports[\(index)].nodePort", "may not be used when `type` is 'ClusterIP'"))
            }
        }
        return errors + policies(spec, type)
    }

    private static func trimDot(_ text: String) -> String { text.hasSuffix(".") ? String(text.dropLast()) : text }

    private static func ports(_ ports: [Value], isHeadless: Bool) -> [FieldError] {
        var errors: [FieldError] = []
        var names = Set<String>()
        var numbers = Set<String>()
        var nodePorts = Set<String>()
        for (index, port) in ports.enumerated() {
            let path = "spec.ports[\(index)]"
            let name = port.text("name")
            if name.isEmpty, ports.count > 1 {
                errors.append(.required(path + ".name"))
            } else if !name.isEmpty {
                errors += NameValidation.dns1123Label(name).map { .invalid(path + ".name", name, $0) }
                if !names.insert(name).inserted { errors.append(.duplicate(path + ".name", name)) }
            }
            errors += PortValidation.number(port["port"]?.int ?? 0, path + ".port")
            let transport = port.text("protocol")
            if !PortValidation.protocols.contains(transport) {
                errors.append(.notSupported(path + ".protocol", transport, PortValidation.protocols))
            }
            errors += PortValidation.numberOrName(port["targetPort"], path + ".targetPort")
            if !numbers.insert("\(transport)/\(port["port"]?.int ?? 0)").inserted {
                errors.append(
                    .duplicate(path, ["protocol": port["protocol"] ?? "", "port": port["port"] ?? 0]))
            }
            if let node = port["nodePort"]?.int, node != 0, !nodePorts.insert("\(transport)/\(node)").inserted {
                errors.append(.duplicate(path + ".nodePort", .int(node)))
            }
        }
        return errors
    }

    private static func affinity(_ spec: Value) -> [FieldError] {
        let affinity = spec.text("sessionAffinity")
        guard ["ClientIP", "None"].contains(affinity) else {
            return [.notSupported("spec.sessionAffinity", affinity, ["ClientIP", "None"])]
        }
        let field = "spec.sessionAffinityConfig.clientIP.timeoutSeconds"
        guard affinity == "ClientIP",
            let seconds = spec[path: "sessionAffinityConfig", "clientIP", "timeoutSeconds"]?.int,
            !(1...affinitySecondsMax).contains(seconds)
        else { return [] }
        return [.invalid(field, seconds, "must be greater than 0 and less than 86400")]
    }

    private static func policies(_ spec: Value, _ type: String) -> [FieldError] {
        var errors: [FieldError] = []
        let isExternal = type == "NodePort" || type == "LoadBalancer" || !spec.list("externalIPs").isEmpty
        let external = spec.text("externalTrafficPolicy")
        if !external.isEmpty, !isExternal {
            errors.append(
                .invalid(
                    "spec.externalTrafficPolicy", external, "may only be set for externally-accessible services"))
        } else if !external.isEmpty, !["Cluster", "Local"].contains(external) {
            errors.append(.notSupported("spec.externalTrafficPolicy", external, ["Cluster", "Local"]))
        }
        let inside = spec.text("internalTrafficPolicy")
        if !inside.isEmpty, !["Cluster", "Local"].contains(inside) {
            errors.append(.notSupported("spec.internalTrafficPolicy", inside, ["Cluster", "Local"]))
        }
        return errors
    }
}
