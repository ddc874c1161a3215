internal import APIMachinery

/// Endpoint slices.
struct EndpointSliceValidation {
    private static let types = ["FQDN", "IPv4", "IPv6"]
    private static let addressesMax = 100
    private static let portsMax = 20000
    private static let endpointsMax = 1000
    private static let topologyLabelsMax = 16
    private static let hintsMax = 8

    /// Addresses that were stored under older rules may stay.
    private var keptAddresses: [String] = []

    init() {}

    init(stored: Value) {
        keptAddresses = stored.list("endpoints").flatMap { $0.list("addresses").compactMap(\.string) }
    }

    func validate(_ slice: Value) -> [FieldError] {
        var errors = FieldErrors()
        let type = slice.text("addressType")
        errors.requiredOneOf(Self.types, .root("addressType"), type)
        endpoints(slice.list("endpoints"), type, &errors)
        Self.ports(slice.list("ports"), &errors)
        return errors.list
    }

    private func endpoints(_ endpoints: [Value], _ type: String, _ errors: inout FieldErrors) {
        let path = FieldPath.root("endpoints")
        if endpoints.count > Self.endpointsMax {
            return errors.tooMany(path, endpoints.count, max: Self.endpointsMax)
        }
        for (index, endpoint) in endpoints.enumerated() {
            let own = path[index]
            let addresses = endpoint.list("addresses")
            if addresses.isEmpty {
                errors.required(own["addresses"], "must contain at least 1 address")
            } else if addresses.count > Self.addressesMax {
                errors.tooMany(own["addresses"], addresses.count, max: Self.addressesMax)
            }
            for (number, address) in addresses.enumerated() {
                self.address(address.string ?? "", type, own["addresses"], number, &errors)
            }
            if let node = endpoint["nodeName"]?.string { errors.subdomain(own["nodeName"], node) }
            if let topology = endpoint.present("deprecatedTopology") {
                let count = topology.fields?.count ?? 0
                if count > Self.topologyLabelsMax {
                    errors.tooMany(own["deprecatedTopology"], count, max: Self.topologyLabelsMax)
                }
                errors.append(ObjectMetaValidation.labelMap(topology, own["deprecatedTopology"].text))
            }
            if let host = endpoint["hostname"]?.string {
                errors.violations(own["hostname"], host, NameValidation.dns1123Label(host))
            }
            if let hints = endpoint.present("hints") { Self.hints(hints, own["hints"], &errors) }
        }
    }

    private func address(
        _ text: String, _ type: String, _ path: FieldPath, _ index: Int, _ errors: inout FieldErrors
    ) {
        if type == "FQDN" { return DomainNames.fullyQualified(text, path[index], &errors) }
        guard type == "IPv4" || type == "IPv6" else { return }
        let faults = AddressValidation.address(text, path[index].text, kept: keptAddresses)
        guard faults.isEmpty, let address = IPText(text) else { return errors.append(faults) }
        if address.isIPv4 != (type == "IPv4") { errors.invalid(path, text, "must be an \(type) address") }
        errors.append(AddressValidation.notSpecial(text, path[index].text))
    }

    private static func hints(_ hints: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        for (list, isName) in [("forZones", false), ("forNodes", true)] {
            let entries = hints.list(list)
            if entries.count > hintsMax {
                errors.tooMany(path[list], entries.count, max: hintsMax)
                continue
            }
            var seen = Set<String>()
            for (index, entry) in entries.enumerated() {
                let own = path[list][index]["name"]
                let name = entry.text("name")
                if !seen.insert(name).inserted { errors.duplicate(own, name) }
                errors.violations(
                    own, name, isName ? NameValidation.dns1123Subdomain(name) : NameValidation.labelValue(name))
            }
        }
    }

    private static func ports(_ ports: [Value], _ errors: inout FieldErrors) {
        let path = FieldPath.root("ports")
        if ports.count > portsMax { return errors.tooMany(path, ports.count, max: portsMax) }
        var names = Set<String>()
        for (index, port) in ports.enumerated() {
            let own = path[index]
            let name = port.text("name")
            if !name.isEmpty { errors.violations(own["name"], name, NameValidation.dns1123Label(name)) }
            if !names.insert(name).inserted { errors.duplicate(own["name"], name) }
            errors.requiredOneOf(PortValidation.protocols, own["protocol"], port.text("protocol"))
            if let application = port["appProtocol"]?.string { errors.qualifiedName(own["appProtocol"], application) }
        }
    }
}
