internal import APIMachinery

struct LimitRangeStrategy: ResourceStrategy {
    var allowsCreateOnUpdate: Bool { true }
    var metadataOnUpdate: MetadataRepetition { .full }

    func validate(_ object: Value) -> [FieldError] { LimitRangeValidation.validate(object) }

    /// A container without limits gets the largest allowed; one without requests gets its default limit, or the least.
    func applyDefaults(_ object: inout Value) {
        object.edit("spec") { spec in
            spec.editEach("limits") { item in
                guard item.text("type") == "Container" else { return }
                for (name, quantity) in item.entries("max") {
                    item.editObject("default") { $0.setDefault(name, quantity) }
                }
                for source in ["default", "min"] {
                    for (name, quantity) in item.entries(source) {
                        item.editObject("defaultRequest") { $0.setDefault(name, quantity) }
                    }
                }
            }
        }
    }
}
