internal import APIMachinery

/// Services: the whole of one, new or changed.
struct ServiceValidation {
    private static let types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]
    private static let policies = ["Cluster", "Local"]
    private static let affinitySecondsMax: Int64 = 86400
    private static let kubeletPort: Int64 = 10250
    private static let hints = "service.kubernetes.io/topology-aware-hints"
    private static let rangesAnnotation = "service.beta.kubernetes.io/load-balancer-source-ranges"
    private static let onlyBalancer = "may only be used when `type` is 'LoadBalancer'"

    /// Addresses and ranges that were stored under older rules may stay.
    private var keptClusterIPs: [String] = []
    private var keptExternalIPs: [String] = []
    private var keptRanges: [String] = []

    private let path = FieldPath.root("spec")

    init() {}

    init(stored: Value) {
        let spec = stored["spec"] ?? [:]
        keptClusterIPs = spec.list("clusterIPs").compactMap(\.string)
        keptExternalIPs = spec.list("externalIPs").compactMap(\.string)
        keptRanges = spec.list("loadBalancerSourceRanges").compactMap(\.string)
        if let annotation = stored.metadata["annotations"]?[Self.rangesAnnotation]?.string {
            keptRanges += Self.ranges(annotation)
        }
    }

    func validate(_ service: Value) -> [FieldError] {
        let spec = service["spec"] ?? [:]
        var errors = FieldErrors()
        topology(service, &errors)
        let ports = spec.list("ports")
        if ports.isEmpty, !ServiceTypes.isHeadless(spec), spec.text("type") != "ExternalName" {
            errors.required(path["ports"])
        }
        byType(spec, &errors)
        self.ports(ports, &errors)
        if let selector = spec.present("selector") {
            errors.append(ObjectMetaValidation.labelMap(selector, path["selector"].text))
        }
        affinity(spec, &errors)
        errors.append(ServiceAddressFields.validate(spec, kept: keptClusterIPs))
        for (index, value) in spec.list("externalIPs").enumerated() {
            let own = path["externalIPs"][index].text
            let address = value.string ?? ""
            let faults = AddressValidation.address(address, own, kept: keptExternalIPs)
            errors.append(faults.isEmpty ? AddressValidation.notSpecial(address, own) : faults)
        }
        errors.requiredOneOf(Self.types, path["type"], spec.text("type"))
        uniquePorts(ports, isClusterIP: spec.text("type") == "ClusterIP", &errors)
        sourceRanges(service, spec, &errors)
        balancer(spec, &errors)
        traffic(spec, &errors)
        return errors.list
    }

    private func topology(_ service: Value, _ errors: inout FieldErrors) {
        let annotations = service.metadata["annotations"] ?? [:]
        guard let mode = annotations[ServiceWarnings.mode]?.string, let hints = annotations[Self.hints]?.string,
            mode != hints
        else { return }
        errors.invalid(
            FieldPath.root("metadata.annotations").key(ServiceWarnings.mode), mode,
            "must match annotations[\(Self.hints)] when both are specified")
    }

    private func byType(_ spec: Value, _ errors: inout FieldErrors) {
        let type = spec.text("type")
        switch type {
        case "LoadBalancer", "NodePort":
            if type == "LoadBalancer" {
                for (index, port) in spec.list("ports").enumerated() where port["port"]?.int == Self.kubeletPort {
                    errors.invalid(
                        path["ports"][index], Self.kubeletPort,
                        "may not expose port \(Self.kubeletPort) externally since it is used by kubelet")
                }
            }
            if ServiceTypes.isHeadless(spec) {
                errors.invalid(path["clusterIPs"][0], "None", "may not be set to 'None' for \(type) services")
            }
        case "ExternalName":
            for key in ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] where !(spec[key] ?? .null).isEmptyValue {
                errors.forbidden(path[key], "may not be set for ExternalName services")
            }
            var name = spec.text("externalName")
            if name.hasSuffix(".") { name.removeLast() }
            if name.isEmpty {
                errors.required(path["externalName"])
            } else {
                errors.subdomain(path["externalName"], name)
            }
        default: break
        }
    }

    private func ports(_ ports: [Value], _ errors: inout FieldErrors) {
        var names = Set<String>()
        for (index, port) in ports.enumerated() {
            let own = path["ports"][index]
            let name = port.text("name")
            if !name.isEmpty {
                errors.violations(own["name"], name, NameValidation.dns1123Label(name))
                if !names.insert(name).inserted { errors.duplicate(own["name"], name) }
            } else if ports.count > 1 {
                errors.required(own["name"])
            }
            errors.portNumber(own["port"], port["port"]?.int ?? 0)
            errors.requiredOneOf(PortValidation.protocols, own["protocol"], port.text("protocol"))
            errors.append(PortValidation.numberOrName(port["targetPort"], own["targetPort"].text))
            if let application = port["appProtocol"]?.string { errors.qualifiedName(own["appProtocol"], application) }
        }
    }

    private func uniquePorts(_ ports: [Value], isClusterIP: Bool, _ errors: inout FieldErrors) {
        func node(_ port: Value) -> Int64 { port["nodePort"]?.int ?? 0 }
        if isClusterIP {
            for (index, port) in ports.enumerated() where node(port) != 0 {
                errors.forbidden(path["ports"][index]["nodePort"], "may not be used when `type` is 'ClusterIP'")
            }
        }
        var seen = Set<String>()
        for (index, port) in ports.enumerated() where node(port) != 0 {
            if !seen.insert("\(port.text("protocol"))/\(node(port))").inserted {
                errors.duplicate(path["ports"][index]["nodePort"], .int(node(port)))
            }
        }
        seen = []
        for (index, port) in ports.enumerated() {
            let key: Value = ["protocol": .string(port.text("protocol")), "port": port["port"] ?? 0]
            if !seen.insert("\(port.text("protocol"))/\(port["port"]?.int ?? 0)").inserted {
                errors.duplicate(path["ports"][index], GoShape.value(key, "ServicePort"))
            }
        }
    }

    private func affinity(_ spec: Value, _ errors: inout FieldErrors) {
        let affinity = spec.text("sessionAffinity")
        errors.requiredOneOf(["ClientIP", "None"], path["sessionAffinity"], affinity)
        let own = path["sessionAffinityConfig"]
        let config = spec.present("sessionAffinityConfig")
        if affinity == "None", config != nil {
            errors.forbidden(own, "must not be set when session affinity is None")
        }
        guard affinity == "ClientIP" else { return }
        let need = "when session affinity type is ClientIP"
        guard let config else { return errors.required(own, need) }
        guard let client = config.present("clientIP") else { return errors.required(own["clientIP"], need) }
        let timeout = own["clientIP"]["timeoutSeconds"]
        guard let seconds = client["timeoutSeconds"]?.int else { return errors.required(timeout, need) }
        if !(1...Self.affinitySecondsMax).contains(seconds) {
            errors.invalid(timeout, seconds, "must be greater than 0 and less than \(Self.affinitySecondsMax)")
        }
    }

    private static func ranges(_ annotation: String) -> [String] {
        let trimmed = annotation.trimmed
        return trimmed.isEmpty
            ? [] : trimmed.split(separator: ",", omittingEmptySubsequences: false).map { String($0).trimmed }
    }

    private func sourceRanges(_ service: Value, _ spec: Value, _ errors: inout FieldErrors) {
        let isBalancer = spec.text("type") == "LoadBalancer"
        let ranges = spec.list("loadBalancerSourceRanges")
        if !ranges.isEmpty {
            // The capital is upstream's.
            let own = path["LoadBalancerSourceRanges"]
            if !isBalancer { errors.forbidden(own, Self.onlyBalancer) }
            for (index, range) in ranges.enumerated() {
                let text = range.string ?? ""
                if keptRanges.contains(text) { continue }
                errors.append(AddressValidation.range(text.trimmed, own[index].text, kept: keptRanges))
            }
        } else if let annotation = service.metadata["annotations"]?[Self.rangesAnnotation]?.string {
            let own = FieldPath.root("metadata.annotations").key(Self.rangesAnnotation)
            if !isBalancer { errors.forbidden(own, Self.onlyBalancer) }
            for range in Self.ranges(annotation) {
                errors.append(AddressValidation.range(range, own.text, kept: keptRanges))
            }
        }
    }

    private func balancer(_ spec: Value, _ errors: inout FieldErrors) {
        let isBalancer = spec.text("type") == "LoadBalancer"
        if spec.present("allocateLoadBalancerNodePorts") != nil, !isBalancer {
            errors.forbidden(path["allocateLoadBalancerNodePorts"], Self.onlyBalancer)
        }
        if isBalancer, spec.present("allocateLoadBalancerNodePorts") == nil {
            errors.required(.root("allocateLoadBalancerNodePorts"))
        }
        Self.balancerClass(spec, &errors)
    }

    static func balancerClass(_ spec: Value, _ errors: inout FieldErrors) {
        guard let name = spec["loadBalancerClass"]?.string else { return }
        let path = FieldPath.root("spec.loadBalancerClass")
        if spec.text("type") == "LoadBalancer" {
            errors.qualifiedName(path, name)
        } else {
            errors.forbidden(path, onlyBalancer)
        }
    }

    private func traffic(_ spec: Value, _ errors: inout FieldErrors) {
        let external = spec.text("externalTrafficPolicy")
        if ServiceTypes.isExternal(spec) {
            errors.requiredOneOf(Self.policies, path["externalTrafficPolicy"], external)
        } else if !external.isEmpty {
            errors.invalid(
                path["externalTrafficPolicy"], external, "may only be set for externally-accessible services")
        }
        let port = spec["healthCheckNodePort"]?.int ?? 0
        let own = path["healthCheckNodePort"]
        if ServiceTypes.needsHealthCheckPort(spec) {
            if port == 0 { errors.required(own) } else { errors.portNumber(own, port) }
        } else if port != 0 {
            errors.invalid(
                own, port,
                "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'")
        }
        if let policy = spec["internalTrafficPolicy"]?.string {
            errors.oneOf(Self.policies, path["internalTrafficPolicy"], policy)
        } else if ServiceTypes.needsClusterIP(spec) {
            errors.required(path["internalTrafficPolicy"])
        }
        if let distribution = spec["trafficDistribution"]?.string {
            errors.oneOf(
                ["PreferClose", "PreferSameZone", "PreferSameNode"], path["trafficDistribution"], distribution)
        }
    }
}

extension String {
    /// Without white space at its ends.
    fileprivate var trimmed: String {
        guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return String(self[first...last])
    }
}
