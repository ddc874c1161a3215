internal import APIMachinery

/// PriorityLevelConfigurations: how much of the server a flow may use.
enum PriorityLevelValidation {
    private static let spec = FieldPath.root("spec")
    private static let queuesMax: Int64 = 10_000_000
    private static let hashBits = 60

    static func validate(_ object: Value) -> [FieldError] {
        let value = object["spec"] ?? [:]
        var errors = FieldErrors()
        let type = value.text("type")
        if (object.name == "exempt") != (type == "Exempt") {
            errors.invalid(spec["type"], type, "type must be 'Exempt' if and only if name is 'exempt'")
        }
        switch type {
        case "Exempt":
            if value.present("limited") != nil {
                errors.forbidden(spec["limited"], "must be nil if the type is not Limited")
            }
            if let exempt = value.present("exempt") { shares(exempt, spec["exempt"], &errors) }
        case "Limited":
            if value.present("exempt") != nil {
                errors.forbidden(spec["exempt"], "must be nil if the type is Limited")
            }
            if let limited = value.present("limited") {
                self.limited(limited, spec["limited"], &errors)
            } else {
                errors.required(spec["limited"], "must not be empty when type is Limited")
            }
        default: errors.notSupported(spec["type"], type, ["Exempt", "Limited"])
        }
        mandatory(object.name, value, &errors)
        errors.append(FlowSchemaValidation.status(object))
        return errors.list
    }

    private static func mandatory(_ name: String, _ value: Value, _ errors: inout FieldErrors) {
        let shown = { GoShape.value(value, "PriorityLevelConfigurationSpec") }
        if name == "exempt" {
            guard value.text("type") != "Exempt" || value.present("limited") != nil else { return }
            errors.invalid(
                spec, shown(), "spec of 'exempt' except the 'spec.exempt' field must equal the fixed value")
        } else if name == "catch-all", value != MandatoryFlowControl.catchAllLevel {
            errors.invalid(spec, shown(), "spec of 'catch-all' must equal the fixed value")
        }
    }

    private static func shares(_ value: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        if let shares = value["nominalConcurrencyShares"]?.int, shares < 0 {
            errors.invalid(path["nominalConcurrencyShares"], shares, "must be a non-negative integer")
        }
        lendable(value, path, &errors)
    }

    private static func lendable(_ value: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard let percent = value["lendablePercent"]?.int, !(0...100).contains(percent) else { return }
        errors.invalid(path["lendablePercent"], percent, "must be between 0 and 100, inclusive")
    }

    private static func limited(_ limited: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        if let shares = limited["nominalConcurrencyShares"]?.int, shares < 0 {
            errors.invalid(path["nominalConcurrencyShares"], shares, "must be a non-negative integer")
        }
        response(limited["limitResponse"] ?? [:], path["limitResponse"], &errors)
        lendable(limited, path, &errors)
        if let percent = limited["borrowingLimitPercent"]?.int, percent < 0 {
            errors.invalid(path["borrowingLimitPercent"], percent, "if specified, must be a non-negative integer")
        }
    }

    private static func response(_ response: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let queuing = response.present("queuing")
        switch response.text("type") {
        case "Reject":
            if queuing != nil {
                errors.forbidden(path["queuing"], "must be nil if limited.limitResponse.type is not Limited")
            }
        case "Queue":
            if let queuing {
                self.queuing(queuing, path["queuing"], &errors)
            } else {
                errors.required(path["queuing"], "must not be empty if limited.limitResponse.type is Limited")
            }
        case let type: errors.notSupported(path["type"], type, ["Queue", "Reject"])
        }
    }

    private static func queuing(_ queuing: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let (queues, hand) = (queuing["queues"]?.int ?? 0, queuing["handSize"]?.int ?? 0)
        let length = queuing["queueLengthLimit"]?.int ?? 0
        if length <= 0 { errors.invalid(path["queueLengthLimit"], length, "must be positive") }
        if queues <= 0 {
            errors.invalid(path["queues"], queues, "must be positive")
        } else if queues > queuesMax {
            errors.invalid(path["queues"], queues, "must not be greater than \(queuesMax)")
        }
        if hand <= 0 {
            errors.invalid(path["handSize"], hand, "must be positive")
        } else if hand > queues {
            errors.invalid(path["handSize"], hand, "should not be greater than queues (\(queues))")
        } else if entropyBits(queues, hand) > hashBits {
            errors.invalid(
                path["handSize"], hand,
                "required entropy bits of deckSize \(queues) and handSize \(hand) should not be greater than "
                    + "\(hashBits)")
        }
    }

    /// Bits that dealing so many cards takes: a hand is dealt card by card from the whole deck.
    private static func entropyBits(_ deck: Int64, _ hand: Int64) -> Int {
        Int((Double(deck).binaryLogarithm * Double(hand)).rounded(.up))
    }
}

extension Double {
    /// By squaring; exact enough to count bits.
    fileprivate var binaryLogarithm: Double {
        guard self > 1 else { return 0 }
        var (rest, result, bit) = (significand, Double(exponent), 0.5)
        for _ in 0..<52 {
            rest *= rest
            if rest >= 2 {
                rest /= 2
                result += bit
            }
            bit /= 2
        }
        return result
    }
}
