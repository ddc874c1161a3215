internal import APIMachinery

struct CertificateSigningRequestStrategy: ResourceStrategy {
    var selectableFields: SelectableFields { .with(["spec.signerName"]) }

    func prepareForCreate(_ object: inout Value) { object["status"] = [:] }

    func validate(_ object: Value) -> [FieldError] {
        let spec = object["spec"] ?? [:]
        var errors: [FieldError] = []
        if spec.list("usages").isEmpty { errors.append(.required("spec.usages")) }
        if spec.text("signerName").isEmpty { errors.append(.required("spec.signerName")) }
        return errors
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        object["spec"] == old["spec"] ? [] : [.invalid("spec", object["spec"], "field is immutable")]
    }
}
