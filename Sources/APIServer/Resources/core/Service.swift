internal import APIMachinery

struct ServiceStrategy: ResourceStrategy {
    var nameRule: NameRule { .label1035 }
    var allowsCreateOnUpdate: Bool { true }
    var returnsDeletedObject: Bool { true }
    var selectableFields: SelectableFields { .with(["spec.clusterIP", "spec.type"]) }

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
            let type = spec.text("type")
            if type != "ExternalName" { spec.setDefaultString("internalTrafficPolicy", "Cluster") }
            if type == "NodePort" || type == "LoadBalancer" || !spec.list("externalIPs").isEmpty && type == "ClusterIP"
            {
                spec.setDefaultString("externalTrafficPolicy", "Cluster")
            }
            if type == "LoadBalancer" { spec.setDefault("allocateLoadBalancerNodePorts", true) }
        }
    }

    func prepareForCreate(_ object: inout Value) { object["status"] = ["loadBalancer": [:]] }

    func prepareForUpdate(_ object: inout Value, from old: Value) {
        object["status"] = old["status"]
    }

    func validate(_ object: Value) -> [FieldError] { ServiceValidation.validate(object) }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        let (new, kept) = (object["spec"] ?? [:], old["spec"] ?? [:])
        guard kept.text("type") != "ExternalName", new.text("type") != "ExternalName",
            !kept.text("clusterIP").isEmpty, new.text("clusterIP") != kept.text("clusterIP")
        else { return [] }
        return [.invalid("spec.clusterIPs[0]", new["clusterIPs"] ?? .null, "may not change once set")]
    }

    func validateStatusUpdate(_ object: Value, from old: Value) -> [FieldError] {
        let ingress = object[path: "status", "loadBalancer", "ingress"]?.array ?? []
        guard !ingress.isEmpty, object[path: "spec", "type"]?.string != "LoadBalancer" else { return [] }
        return [
            .forbidden("status.loadBalancer.ingress", "may only be used when `spec.type` is 'LoadBalancer'")
        ]
    }
}
