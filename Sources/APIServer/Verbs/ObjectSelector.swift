internal import APIMachinery
internal import Storage

/// Label and field selector of a list or watch, resolved against one resource.
struct ObjectSelector: Sendable {
    private var labels = LabelRequirements.everything
    private var fields: [Field] = []
    private var name: String?

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

    mutating func require(name: String) { self.name = name }

    var isEmpty: Bool { labels.isEmpty && fields.isEmpty && name == nil }

    /// The one name that can match, if the selector says so: such a list is a get.
    var requiredName: String? {
        name ?? fields.first { $0.isEqual && $0.path == ["metadata", "name"] }?.value
    }

    func matches(_ object: StoredObject) -> Bool { isEmpty || matches(json: object.value) }

    func matches(json: [UInt8]) -> Bool {
        let scanner = MetadataScanner(json: json)
        if let name, scanner.string(at: ["metadata", "name"]) != name { return false }
        if !labels.isEmpty {
            let actual = scanner.labels
            guard labels.matches(actual) else { return false }
        }
        return fields.allSatisfy { field in
            var found = scanner.string(at: field.path) ?? ""
            if found.isEmpty { found = field.absent }
            return (found == field.value) == field.isEqual
        }
    }
}
