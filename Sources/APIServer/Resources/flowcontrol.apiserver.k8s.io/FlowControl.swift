internal import APIMachinery

struct FlowSchemaStrategy: ResourceStrategy {
    var tracksGeneration: Bool { true }

    private static let precedence: Int64 = 1000

    func applyDefaults(_ object: inout Value) {
        object.editObject("spec") { spec in
            if spec["matchingPrecedence"]?.int ?? 0 == 0 { spec["matchingPrecedence"] = .int(Self.precedence) }
        }
    }

    func validate(_ object: Value) -> [FieldError] { FlowSchemaValidation.validate(object) }

    func validateStatusUpdate(_ object: Value, from old: Value) -> [FieldError] {
        FlowSchemaValidation.status(object)
    }
}

struct PriorityLevelStrategy: ResourceStrategy {
    var tracksGeneration: Bool { true }

    func applyDefaults(_ object: inout Value) {
        object.edit("spec") { spec in
            spec.edit("limited") { limited in
                limited.setDefault("nominalConcurrencyShares", 30)
                limited.setDefault("lendablePercent", 0)
                limited.edit("limitResponse") { response in
                    response.edit("queuing") { queuing in
                        for (key, value) in [("queues", Int64(64)), ("handSize", 8), ("queueLengthLimit", 50)]
                        where queuing[key]?.int ?? 0 == 0 {
                            queuing[key] = .int(value)
                        }
                    }
                }
            }
            spec.edit("exempt") { exempt in
                exempt.setDefault("nominalConcurrencyShares", 0)
                exempt.setDefault("lendablePercent", 0)
            }
        }
    }

    func validate(_ object: Value) -> [FieldError] { PriorityLevelValidation.validate(object) }

    func validateStatusUpdate(_ object: Value, from old: Value) -> [FieldError] {
        FlowSchemaValidation.status(object)
    }
}
