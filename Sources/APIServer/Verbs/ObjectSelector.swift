internal import APIMachinery
internal import Storage

/// Label and field selector of a list or watch, resolved against one resource.
struct ObjectSelector: Sendable {
    private var labels = LabelRequirements.everything
    private var fields: [Field] = []
    private var name: String?
    /// The same, as it is compared with stored bytes.
    private var compiled = ByteSelector(labels: .everything, fields: [])

    private struct Field: Sendable {
        let path: [String]
        let absent: String
        let isEqual: Bool
        let value: String
    }

    init() {}

    init(labels: String, fields: String, resource: Resource) throws(APIError) {
        do {
            if !labels.isEmpty { self.labels = try LabelRequirements.parse(labels) }
            if !fields.isEmpty { self.fields = try Self.resolve(FieldRequirements.parse(fields), resource) }
        } catch let error as SelectorError {
            throw .badRequest(error.description)
        } catch let error as APIError {
            throw error
        } catch {
            throw .badRequest("\(error)")
        }
        compile()
    }

    private mutating func compile() {
        var compared = fields.map {
            ByteSelector.Field(path: $0.path, absent: $0.absent, isEqual: $0.isEqual, value: $0.value)
        }
        if let name {
            compared.insert(.init(path: ["metadata", "name"], absent: "", isEqual: true, value: name), at: 0)
        }
        compiled = ByteSelector(labels: labels, fields: compared)
    }

    private static func resolve(_ parsed: FieldRequirements, _ resource: Resource) throws -> [Field] {
        let known = resource.strategy.selectableFields
        var fields: [Field] = []
        for requirement in parsed.requirements {
            // `fieldSelector==` is a requirement without a field and a value; upstream lets it match everything.
            if requirement.field.isEmpty, requirement.value.isEmpty { continue }
            guard let path = known.paths[requirement.field] else {
                throw APIError.badRequest(known.refusalText(requirement.field))
            }
            fields.append(
                Field(
                    path: path, absent: known.absent[requirement.field] ?? "", isEqual: requirement.isEqual,
                    value: requirement.value))
        }
        return fields
    }

    mutating func require(name: String) {
        self.name = name
        compile()
    }

    var isEmpty: Bool { compiled.isEmpty }

    /// The one name that can match, if the selector says so: such a list is a get.
    var requiredName: String? {
        name ?? fields.first { $0.isEqual && $0.path == ["metadata", "name"] }?.value
    }

    func matches(_ object: StoredObject) -> Bool { isEmpty || compiled.matches(object.value) }
}
