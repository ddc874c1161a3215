internal import APIMachinery

/// Ports and protocols.
enum PortValidation {
    static let protocols = ["SCTP", "TCP", "UDP"]

    static func number(_ port: Int64, _ field: String) -> [FieldError] {
        (1...65535).contains(port) ? [] : [.invalid(field, port, "must be between 1 and 65535, inclusive")]
    }

    static func name(_ name: String, _ field: String) -> [FieldError] {
        NameValidation.portName(name).map { .invalid(field, name, $0) }
    }

    /// A number or the name of a container's port.
    static func numberOrName(_ value: Value?, _ field: String) -> [FieldError] {
        switch value {
        case .string(let text): name(text, field)
        case .int(let port): number(port, field)
        default: number(0, field)
        }
    }
}
