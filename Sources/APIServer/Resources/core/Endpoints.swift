internal import APIMachinery

struct EndpointsStrategy: ResourceStrategy {
    private static let managedBy = "endpoints.kubernetes.io/managed-by"

    var allowsCreateOnUpdate: Bool { true }
    var metadataOnUpdate: MetadataRepetition { .both }

    func applyDefaults(_ object: inout Value) {
        object.editEach("subsets") { subset in
            subset.editEach("ports") { $0.setDefaultString("protocol", "TCP") }
        }
    }

    func validateCreate(_ object: Value) -> [FieldError] { validate(object, kept: []) }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        validate(object, kept: addresses(old).map { $0.address.text("ip") })
    }

    private func addresses(_ object: Value) -> [(path: FieldPath, address: Value)] {
        object.list("subsets").enumerated().flatMap { index, subset in
            ["addresses", "notReadyAddresses"].flatMap { list in
                subset.list(list).enumerated().map { (FieldPath.root("subsets")[index][list][$0], $1) }
            }
        }
    }

    private func validate(_ object: Value, kept: [String]) -> [FieldError] {
        var errors = FieldErrors()
        for (index, subset) in object.list("subsets").enumerated() {
            let path = FieldPath.root("subsets")[index]
            if subset.list("addresses").isEmpty, subset.list("notReadyAddresses").isEmpty {
                errors.required(path, "must specify `addresses` or `notReadyAddresses`")
            }
            for list in ["addresses", "notReadyAddresses"] {
                for (number, address) in subset.list(list).enumerated() {
                    check(address, path[list][number], kept, &errors)
                }
            }
            let ports = subset.list("ports")
            for (number, port) in ports.enumerated() {
                check(port, path["ports"][number], needsName: ports.count > 1, &errors)
            }
        }
        return errors.list
    }

    private func check(_ address: Value, _ path: FieldPath, _ kept: [String], _ errors: inout FieldErrors) {
        let text = address.text("ip")
        errors.append(AddressValidation.address(text, path["ip"].text, kept: kept))
        let host = address.text("hostname")
        if !host.isEmpty { errors.violations(path["hostname"], host, NameValidation.dns1123Label(host)) }
        if let node = address["nodeName"]?.string { errors.subdomain(path["nodeName"], node) }
        errors.append(AddressValidation.notSpecial(text, path["ip"].text))
    }

    private func check(_ port: Value, _ path: FieldPath, needsName: Bool, _ errors: inout FieldErrors) {
        let name = port.text("name")
        if !name.isEmpty {
            errors.violations(path["name"], name, NameValidation.dns1123Label(name))
        } else if needsName {
            errors.required(path["name"])
        }
        errors.portNumber(path["port"], port["port"]?.int ?? 0)
        errors.requiredOneOf(PortValidation.protocols, path["protocol"], port.text("protocol"))
        if let application = port["appProtocol"]?.string { errors.qualifiedName(path["appProtocol"], application) }
    }

    func warnings(_ object: Value) -> [String] {
        // The controller writes addresses as they should be.
        if object.metadata["labels"]?[Self.managedBy] != nil { return [] }
        return addresses(object).flatMap {
            AddressValidation.addressWarnings($0.address.text("ip"), $0.path["ip"].text)
        }
    }
}
