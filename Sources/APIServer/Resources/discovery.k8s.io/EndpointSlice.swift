internal import APIMachinery

struct EndpointSliceStrategy: ResourceStrategy {
    private static let managedBy = "endpointslice.kubernetes.io/managed-by"
    private static let controllers: Set<String> = [
        "endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io",
    ]

    var tracksGeneration: Bool { true }
    var generationCountsLabels: Bool { true }
    var metadataOnUpdate: MetadataRepetition { .full }

    func applyDefaults(_ object: inout Value) {
        object.editEach("ports") { port in
            port.setDefault("name", "")
            port.setDefaultString("protocol", "TCP")
        }
    }

    func validateCreate(_ object: Value) -> [FieldError] { EndpointSliceValidation().validate(object) }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        var errors = FieldErrors()
        errors.immutable(.root("addressType"), object["addressType"], old["addressType"])
        return EndpointSliceValidation(stored: old).validate(object) + errors.list
    }

    func warnings(_ object: Value, from old: Value?) -> [String] {
        var warnings: [String] = []
        if old == nil, object.text("addressType") == "FQDN" {
            warnings.append("spec.addressType: FQDN endpoints are deprecated")
        }
        // The controllers write addresses as they should be.
        let manager = object.metadata["labels"]?[Self.managedBy]?.string ?? ""
        if Self.controllers.contains(manager) { return warnings }
        for (index, endpoint) in object.list("endpoints").enumerated() {
            for (number, address) in endpoint.list("addresses").enumerated() {
                warnings += AddressValidation.addressWarnings(
                    address.string ?? "", "endpoints[\(index)].addresses[\(number)]")
            }
        }
        return warnings
    }
}
