internal import APIMachinery

struct ControllerRevisionStrategy: ResourceStrategy {
    func validate(_ object: Value) -> [FieldError] { ControllerRevisionValidation.validate(object) }

    func validateCreate(_ object: Value) -> [FieldError] { ControllerRevisionValidation.validateCreate(object) }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        var errors = FieldErrors()
        errors.immutable(.root("data"), object["data"], old["data"])
        return errors.list
    }
}
