internal import APIMachinery

struct EndpointsStrategy: ResourceStrategy {
    var allowsCreateOnUpdate: Bool { true }

    func applyDefaults(_ object: inout Value) {
        object.editEach("subsets") { subset in
            subset.editEach("ports") { $0.setDefaultString("protocol", "TCP") }
        }
    }

    func validate(_ object: Value) -> [FieldError] {
        var errors: [FieldError] = []
        for (index, subset) in object.list("subsets").enumerated() {
            let field = "subsets[\(index)]"
            if subset.list("addresses").isEmpty, subset.list("notReadyAddresses").isEmpty {
                errors.append(.required(field, "must specify `addresses` or `notReadyAddresses`"))
            }
            let ports = subset.list("ports")
            for (number, port) in ports.enumerated() where ports.count > 1 && port.text("name").isEmpty {
                errors.append(.required("\(field).ports[\(number)].name"))
            }
            for (number, port) in ports.enumerated() {
                errors += PortValidation.number(port["port"]?.int ?? 0, "\(field).ports[\(number)].port")
            }
        }
        return errors
    }
}
