internal import APIMachinery

struct CertificateSigningRequestStrategy: ResourceStrategy {
    var nameRule: NameRule { .any }
    var selectableFields: SelectableFields { .with(["spec.signerName"]) }

    func prepareForCreate(_ object: inout Value) { object["status"] = [:] }

    /// Nobody changes what was asked for; a write to it is ignored.
    func prepareForUpdate(_ object: inout Value, from old: Value) {
        object["spec"] = old["spec"]
        object["status"] = old["status"]
    }

    /// Issuing does not decide: known verdicts stay as they are. One more or one less is validation's to refuse.
    func prepareForStatusUpdate(_ object: inout Value, from old: Value) {
        object["spec"] = old["spec"]
        for verdict in ["Approved", "Denied"] {
            func ofType(_ object: Value) -> [Value] {
                (object["status"] ?? [:]).list("conditions").filter { $0.text("type") == verdict }
            }
            var known = ofType(old)
            guard known.count == ofType(object).count else { continue }
            object.edit("status") { status in
                status.editEach("conditions") { condition in
                    if condition.text("type") == verdict { condition = known.removeFirst() }
                }
            }
        }
        stamp(&object, from: old)
    }

    /// Deciding does not issue.
    func limit(_ object: inout Value, from old: Value, to subresource: String) {
        guard subresource == "approval" else { return }
        let conditions = object[path: "status", "conditions"]
        object["spec"] = old["spec"]
        object["status"] = old["status"] ?? [:]
        object.editObject("status") { $0["conditions"] = conditions }
        stamp(&object, from: old)
    }

    private func stamp(_ object: inout Value, from old: Value) {
        let now = Time.now().description
        let before = (old["status"] ?? [:]).list("conditions")
        object.edit("status") { status in
            status.editEach("conditions") { condition in
                condition.setDefaultString("lastUpdateTime", now)
                let kept = before.first { $0["type"] == condition["type"] && $0["status"] == condition["status"] }
                condition.setDefaultString("lastTransitionTime", kept?.text("lastTransitionTime") ?? now)
            }
        }
    }

    func validate(_ object: Value) -> [FieldError] { [] }

    func validateCreate(_ object: Value) -> [FieldError] { CertificateRequestValidation.validate(object) }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        CertificateRequestValidation.validateUpdate(object, from: old, writer: "")
    }

    func validateStatusUpdate(_ object: Value, from old: Value) -> [FieldError] {
        CertificateRequestValidation.validateUpdate(object, from: old, writer: "status")
    }

    func validateSubresource(_ object: Value, from old: Value, _ subresource: String) -> [FieldError]? {
        subresource == "approval"
            ? CertificateRequestValidation.validateUpdate(object, from: old, writer: subresource) : nil
    }
}
