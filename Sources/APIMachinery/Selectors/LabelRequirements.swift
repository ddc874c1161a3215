/// Why a selector was refused, in upstream's words.
package struct SelectorError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(description: String) {
        self.description = description
    }
}

/// A parsed label selector: all requirements must hold.
package struct LabelRequirements: Hashable, Sendable {
    /// One condition on one label.
    package struct Requirement: Hashable, Sendable {
        package enum Operator: String, Hashable, Sendable {
            case equals = "="
            case doubleEquals = "=="
            case notEquals = "!="
            case `in`
            case notIn = "notin"
            case exists
            case doesNotExist = "!"
            case greaterThan = "gt"
            case lessThan = "lt"
        }

        package let key: String
        package let `operator`: Operator
        /// Sorted, without repetitions.
        package let values: [String]

        func matches(_ value: String?) -> Bool {
            switch `operator` {
            case .equals, .doubleEquals, .in: value.map(values.contains) ?? false
            case .notEquals, .notIn: value.map { !values.contains($0) } ?? true
            case .exists: value != nil
            case .doesNotExist: value == nil
            case .greaterThan, .lessThan: compares(value)
            }
        }

        private func compares(_ value: String?) -> Bool {
            guard let value = value.flatMap({ Int64($0) }), let bound = values.first.flatMap({ Int64($0) }) else {
                return false
            }
            return `operator` == .greaterThan ? value > bound : value < bound
        }
    }

    package let requirements: [Requirement]
    /// Matches no object at all, whatever the requirements: what an absent selector of some kinds means.
    private let isNothing: Bool

    /// Selects every object.
    package static let everything = LabelRequirements([])
    /// Selects no object.
    package static let nothing = LabelRequirements([], isNothing: true)

    package init(_ requirements: [Requirement]) {
        self.init(requirements, isNothing: false)
    }

    private init(_ requirements: [Requirement], isNothing: Bool) {
        self.requirements = requirements
        self.isNothing = isNothing
    }

    /// Every given label with exactly that value.
    package init(labels: [String: String]) {
        self.init(
            labels.sorted { $0.key < $1.key }.map { Requirement(key: $0.key, operator: .equals, values: [$0.value]) })
    }

    /// Whether it selects everything.
    package var isEmpty: Bool { requirements.isEmpty && !isNothing }

    package func matches(_ labels: [String: String]) -> Bool {
        !isNothing && requirements.allSatisfy { $0.matches(labels[$0.key]) }
    }

    /// Matches against labels held elsewhere; `lookup` gives the value of a label.
    package func matches(_ lookup: (String) -> String?) -> Bool {
        !isNothing && requirements.allSatisfy { $0.matches(lookup($0.key)) }
    }
}

extension LabelRequirements: CustomStringConvertible {
    /// The text form, as `status.selector` of a Scale shows it: `app=a,tier in (x,y)`.
    package var description: String {
        requirements.map { requirement in
            let values = requirement.values.joined(separator: ",")
            return switch requirement.operator {
            case .equals, .doubleEquals, .notEquals: requirement.key + requirement.operator.rawValue + values
            case .in, .notIn: "\(requirement.key) \(requirement.operator.rawValue) (\(values))"
            case .exists: requirement.key
            case .doesNotExist: "!" + requirement.key
            case .greaterThan: requirement.key + ">" + values
            case .lessThan: requirement.key + "<" + values
            }
        }.joined(separator: ",")
    }
}

extension LabelRequirements {
    /// From the structured selector of a workload. An empty one selects everything.
    package init(_ selector: LabelSelector) throws(SelectorError) {
        var requirements = LabelRequirements(labels: selector.matchLabels).requirements
        for expression in selector.matchExpressions {
            let symbol = try Self.symbol(expression.operator)
            requirements.append(try Requirement(key: expression.key, operator: symbol, checking: expression.values))
        }
        self.init(requirements.sorted { $0.key < $1.key })
    }

    /// From a structured selector as a JSON tree; `nil` and null select nothing.
    package init(value: Value?) throws(SelectorError) {
        guard let value, !value.isNull else {
            self = .nothing
            return
        }
        var selector = LabelSelector()
        for (key, member) in value["matchLabels"]?.fields?.entries ?? [] {
            selector.matchLabels[key] = member.string ?? ""
        }
        for member in value["matchExpressions"]?.array ?? [] {
            var expression = LabelSelectorRequirement()
            expression.key = member["key"]?.string ?? ""
            expression.operator = member["operator"]?.string ?? ""
            expression.values = member["values"]?.array?.compactMap(\.string) ?? []
            selector.matchExpressions.append(expression)
        }
        try self.init(selector)
    }

    private static func symbol(_ name: String) throws(SelectorError) -> Requirement.Operator {
        switch name {
        case "In": return .in
        case "NotIn": return .notIn
        case "Exists": return .exists
        case "DoesNotExist": return .doesNotExist
        default: throw SelectorError(description: "\"\(name)\" is not a valid label selector operator")
        }
    }
}

extension LabelRequirements.Requirement {
    /// Checks key, number of values and values, as upstream does for every requirement.
    init(key: String, operator symbol: Operator, checking values: [String]) throws(SelectorError) {
        try Self.checkKey(key)
        let list = "[" + values.map { "\"\($0)\"" }.joined(separator: ",") + "]"
        func invalid(_ text: String) -> SelectorError {
            SelectorError(description: "values: Invalid value: \(list): \(text)")
        }
        switch symbol {
        case .in, .notIn:
            if values.isEmpty { throw invalid("for 'in', 'notin' operators, values set can't be empty") }
        case .equals, .doubleEquals, .notEquals:
            if values.count != 1 { throw invalid("exact-match compatibility requires one single value") }
        case .exists, .doesNotExist:
            if !values.isEmpty { throw invalid("values set must be empty for exists and does not exist") }
        case .greaterThan, .lessThan:
            if values.count != 1 { throw invalid("for 'Gt', 'Lt' operators, exactly one value is required") }
            for (index, value) in values.enumerated() where Int64(value) == nil {
                throw SelectorError(
                    description: "values[\(index)]: Invalid value: \"\(value)\": "
                        + "for 'Gt', 'Lt' operators, the value must be an integer")
            }
        }
        for (index, value) in values.enumerated() {
            let problems = NameValidation.labelValue(value)
            guard problems.isEmpty else {
                throw SelectorError(
                    description: "values[\(index)][\(key)]: Invalid value: \"\(value)\": "
                        + problems.joined(separator: "; "))
            }
        }
        self.init(key: key, operator: symbol, values: values)
    }

    static func checkKey(_ key: String) throws(SelectorError) {
        let problems = NameValidation.qualifiedName(key)
        guard !problems.isEmpty else { return }
        throw SelectorError(
            description: "<nil>: Invalid value: \"\(key)\": " + problems.joined(separator: "; "))
    }
}
