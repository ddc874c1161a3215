internal import APIMachinery

struct ServiceStrategy: ResourceStrategy {
    var nameRule: NameRule { .label }
    var allowsCreateOnUpdate: Bool { true }
    var returnsDeletedObject: Bool { true }
    var selectableFields: SelectableFields { .with(["spec.clusterIP", "spec.type"]) }
    var checksUpdateFirst: Bool { true }

    static let affinitySeconds: Int64 = 10800

    func applyDefaults(_ object: inout Value) {
        object.editObject("spec") { spec in
            spec.setDefaultString("sessionAffinity", "None")
            if spec.text("sessionAffinity") == "None" { spec["sessionAffinityConfig"] = nil }
            if spec.text("sessionAffinity") == "ClientIP" {
                spec.editObject("sessionAffinityConfig") { config in
                    config.editObject("clientIP") { $0.setDefault("timeoutSeconds", .int(Self.affinitySeconds)) }
                }
            }
            spec.setDefaultString("type", "ClusterIP")
            spec.editEach("ports") { port in
                if port.isNull { port = [:] }
                port.setDefaultString("protocol", "TCP")
                let target = port["targetPort"]
                if target?.isEmptyValue ?? true || target?.int == 0 { port["targetPort"] = port["port"] ?? 0 }
            }
            if ServiceTypes.isExternal(spec) { spec.setDefaultString("externalTrafficPolicy", "Cluster") }
            let type = spec.text("type")
            if ["ClusterIP", "NodePort", "LoadBalancer"].contains(type) {
                spec.setDefault("internalTrafficPolicy", "Cluster")
            }
            if type == "LoadBalancer" { spec.setDefault("allocateLoadBalancerNodePorts", true) }
        }
        guard object[path: "spec", "type"]?.string == "LoadBalancer", object["status"] != nil else { return }
        object.edit("status") { status in
            status.edit("loadBalancer") { balancer in
                balancer.editEach("ingress") { entry in
                    if !entry.text("ip").isEmpty { entry.setDefault("ipMode", "VIP") }
                }
            }
        }
    }

    func prepareForCreate(_ object: inout Value) { object["status"] = ["loadBalancer": [:]] }

    func prepareForUpdate(_ object: inout Value, from old: Value) {
        object["status"] = old["status"]
        object.edit("spec") { ServiceFields.dropUseless(&$0, old["spec"] ?? [:]) }
    }

    func validate(_ object: Value) -> [FieldError] { [] }

    func validateCreate(_ object: Value) -> [FieldError] { ServiceValidation().validate(object) }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        ServiceUpdateValidation.validate(object, from: old) + ServiceValidation(stored: old).validate(object)
    }

    func validateStatusUpdate(_ object: Value, from old: Value) -> [FieldError] {
        ServiceUpdateValidation.status(object, from: old)
    }

    func warnings(_ object: Value) -> [String] { ServiceWarnings.warnings(object) }
}

/// What a Service's type brings with it.
enum ServiceTypes {
    /// Reachable from outside the cluster.
    static func isExternal(_ spec: Value) -> Bool {
        switch spec.text("type") {
        case "NodePort", "LoadBalancer": true
        case "ClusterIP": !spec.list("externalIPs").isEmpty
        default: false
        }
    }

    static func needsClusterIP(_ spec: Value) -> Bool {
        ["ClusterIP", "NodePort", "LoadBalancer"].contains(spec.text("type"))
    }

    static func needsNodePorts(_ spec: Value) -> Bool {
        switch spec.text("type") {
        case "NodePort": true
        case "LoadBalancer": spec["allocateLoadBalancerNodePorts"]?.bool != false
        default: false
        }
    }

    static func needsHealthCheckPort(_ spec: Value) -> Bool {
        spec.text("type") == "LoadBalancer" && spec.text("externalTrafficPolicy") == "Local"
    }

    static func isHeadless(_ spec: Value) -> Bool {
        let addresses = spec.list("clusterIPs")
        return addresses.count == 1 && addresses[0].string == "None"
    }
}

/// Advice about Services.
enum ServiceWarnings {
    private static let hints = "service.kubernetes.io/topology-aware-hints"
    static let mode = "service.kubernetes.io/topology-mode"

    static func warnings(_ object: Value) -> [String] {
        let spec = object["spec"] ?? [:]
        let type = spec.text("type")
        var warnings: [String] = []
        if object.metadata["annotations"]?[hints] != nil {
            warnings.append("annotation \(hints) is deprecated, please use \(mode) instead")
        }
        let address = spec.text("clusterIP")
        if address != "None", !address.isEmpty, type != "ExternalName" {
            for (index, address) in spec.list("clusterIPs").enumerated() {
                warnings += AddressValidation.addressWarnings(address.string ?? "", "spec.clusterIPs[\(index)]")
            }
        }
        let external = spec.list("externalIPs")
        if type == "ClusterIP", address == "None" { warnings += headless(spec) }
        if !external.isEmpty {
            warnings.append("spec.externalIPs is deprecated and may no longer be implemented in some clusters")
        }
        for (index, address) in external.enumerated() {
            warnings += AddressValidation.addressWarnings(address.string ?? "", "spec.externalIPs[\(index)]")
        }
        let balancer = spec.text("loadBalancerIP")
        if !balancer.isEmpty { warnings += AddressValidation.addressWarnings(balancer, "spec.loadBalancerIP") }
        for (index, range) in spec.list("loadBalancerSourceRanges").enumerated() {
            warnings += AddressValidation.rangeWarnings(range.string ?? "", "spec.loadBalancerSourceRanges[\(index)]")
        }
        if type == "ExternalName", !external.isEmpty {
            warnings.append("spec.externalIPs is ignored when spec.type is \"ExternalName\"")
        }
        if type != "ExternalName", !spec.text("externalName").isEmpty {
            warnings.append("spec.externalName is ignored when spec.type is not \"ExternalName\"")
        }
        if spec["trafficDistribution"]?.string == "PreferClose" {
            warnings.append("spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"")
        }
        return warnings
    }

    private static func headless(_ spec: Value) -> [String] {
        var ignored: [String] = []
        if !spec.text("loadBalancerIP").isEmpty { ignored.append("loadBalancerIP") }
        if !spec.list("externalIPs").isEmpty { ignored.append("externalIPs") }
        if spec.text("sessionAffinity") != "None" { ignored.append("SessionAffinity") }
        return ignored.map { "spec.\($0) is ignored for headless services" }
    }
}
