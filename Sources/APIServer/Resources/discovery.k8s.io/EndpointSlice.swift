internal import APIMachinery

struct EndpointSliceStrategy: ResourceStrategy {
    var tracksGeneration: Bool { true }

    func applyDefaults(_ object: inout Value) {
        object.editEach("ports") { port in
            port.setDefault("name", "")
            port.setDefaultString("protocol", "TCP")
        }
    }

    func validate(_ object: Value) -> [FieldError] {
        var errors: [FieldError] = []
        let type = object.text("addressType")
        if type.isEmpty {
            errors.append(.required("addressType"))
        } else if !["FQDN", "IPv4", "IPv6"].contains(type) {
            errors.append(.notSupported("addressType", type, ["FQDN", "IPv4", "IPv6"]))
        }
        for (index, endpoint) in object.list("endpoints").enumerated() {
            if endpoint.list("addresses").isEmpty {
                errors.append(.required("endpoints[\(index)].addresses", "must contain at least 1 address"))
            }
            if let hostname = endpoint["hostname"]?.string {
                errors += NameValidation.dns1123Label(hostname).map {
                    .invalid("endpoints[\(index)].hostname", hostname, $0)
                }
            }
        }
        return errors
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        object["addressType"] == old["addressType"]
            ? [] : [.invalid("addressType", object["addressType"], "field is immutable")]
    }
}
