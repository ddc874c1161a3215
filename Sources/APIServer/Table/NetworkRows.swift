internal import APIMachinery

/// Rows of services, endpoints, ingresses and what belongs to them.
enum NetworkRows {
    static func service(_ object: PrintedObject) -> PrintedRow {
        let type = object.string("spec", "type")
        let clusterIP = object.list("spec", "clusterIPs").first?.string ?? object.string("spec", "clusterIP")
        let ports = object.list("spec", "ports").map { port -> String in
            let suffix = "/" + (port["protocol"]?.string ?? "TCP")
            let number = String(port["port"]?.int ?? 0)
            guard let nodePort = port["nodePort"]?.int, nodePort > 0 else { return number + suffix }
            return "\(number):\(nodePort)\(suffix)"
        }
        return PrintedRow([
            object.name, .string(type), .string(clusterIP.isEmpty ? "<none>" : clusterIP),
            .string(externalAddress(object, type)), .string(ports.isEmpty ? "<none>" : ports.joined(separator: ",")),
            object.age, object.labels("spec", "selector"),
        ])
    }

    private static func externalAddress(_ service: PrintedObject, _ type: String) -> String {
        let external = service.list("spec", "externalIPs").compactMap(\.string)
        switch type {
        case "ClusterIP", "NodePort": return external.isEmpty ? "<none>" : external.joined(separator: ",")
        case "LoadBalancer":
            let all = loadBalancerAddresses(service) + external
            return all.isEmpty ? "<pending>" : all.joined(separator: ",")
        case "ExternalName": return service.string("spec", "externalName")
        default: return "<unknown>"
        }
    }

    private static func loadBalancerAddresses(_ object: PrintedObject) -> [String] {
        let addresses = object.list("status", "loadBalancer", "ingress").compactMap { ingress -> String? in
            let address = ingress["ip"]?.string ?? ""
            return address.isEmpty ? ingress["hostname"]?.string : address
        }
        return Set(addresses.filter { !$0.isEmpty }).sorted()
    }

    static func endpoints(_ object: PrintedObject) -> PrintedRow {
        var all: [String] = []
        for subset in object.list("subsets") {
            let addresses = (subset["addresses"]?.array ?? []).compactMap { $0["ip"]?.string }
            let ports = subset["ports"]?.array ?? []
            if ports.isEmpty { all += addresses }
            for port in ports {
                all += addresses.map { address in
                    let host = address.contains(":") ? "[\(address)]" : address
                    return "\(host):\(port["port"]?.int ?? 0)"
                }
            }
        }
        let none = object.list("subsets").isEmpty ? "<none>" : ""
        return PrintedRow([object.name, .string(PrintedObject.firstThree(all, ifNone: none)), object.age])
    }

    static func endpointSlice(_ object: PrintedObject) -> PrintedRow {
        let ports = object.list("ports").map { port in
            port["port"]?.int.map(String.init) ?? port["name"]?.string ?? "*"
        }
        let addresses = object.list("endpoints").flatMap { ($0["addresses"]?.array ?? []).compactMap(\.string) }
        return PrintedRow([
            object.name, .string(object.string("addressType")),
            .string(PrintedObject.firstThree(ports, ifNone: "<unset>")),
            .string(PrintedObject.firstThree(addresses, ifNone: "<unset>")), object.age,
        ])
    }

    static func ingress(_ object: PrintedObject) -> PrintedRow {
        let rules = object.list("spec", "rules")
        let hosts = rules.compactMap { $0["host"]?.string }.filter { !$0.isEmpty }
        return PrintedRow([
            object.name, object.string("spec", "ingressClassName", or: "<none>"),
            .string(PrintedObject.firstThree(hosts, ifNone: "*")),
            .string(loadBalancerAddresses(object).joined(separator: ",")),
            object.list("spec", "tls").isEmpty ? "80" : "80, 443", object.age,
        ])
    }

    static func ingressClass(_ object: PrintedObject) -> PrintedRow {
        var parameters = "<none>"
        if let reference = object["spec", "parameters"], !reference.isNull {
            parameters = reference["kind"]?.string ?? ""
            if let group = reference["apiGroup"]?.string, !group.isEmpty { parameters += "." + group }
            parameters += "/" + (reference["name"]?.string ?? "")
        }
        return PrintedRow([
            object.name, .string(object.string("spec", "controller")), .string(parameters), object.age,
        ])
    }

    static func networkPolicy(_ object: PrintedObject) -> PrintedRow {
        PrintedRow([object.name, object.selector("spec", "podSelector"), object.age])
    }

    static func ipAddress(_ object: PrintedObject) -> PrintedRow {
        guard let parent = object["spec", "parentRef"], !parent.isNull else {
            return PrintedRow([object.name, "<none>"])
        }
        let group = parent["group"]?.string ?? ""
        let resource = (parent["resource"]?.string ?? "") + (group.isEmpty ? "" : "." + group)
        let parts = [resource, parent["namespace"]?.string ?? "", parent["name"]?.string ?? ""]
        return PrintedRow([object.name, .string(parts.filter { !$0.isEmpty }.joined(separator: "/"))])
    }

    static func serviceCIDR(_ object: PrintedObject) -> PrintedRow {
        let cidrs = object.list("spec", "cidrs").compactMap(\.string).joined(separator: ",")
        return PrintedRow([object.name, .string(cidrs), object.age])
    }
}
