internal import APIMachinery

/// Where a field is. Spelled only when there is something to say about it: most fields of most objects are right.
indirect enum FieldPath: Sendable {
    case root(String)
    case member(FieldPath, String)
    case element(FieldPath, Int)
    case entry(FieldPath, String)

    /// `spec.containers`
    subscript(name: String) -> FieldPath { .member(self, name) }
    /// `containers[0]`
    subscript(index: Int) -> FieldPath { .element(self, index) }
    /// `limits[cpu]`
    func key(_ key: String) -> FieldPath { .entry(self, key) }

    var text: String {
        switch self {
        case .root(let text): text
        case .member(let parent, let name): parent.isEmptyRoot ? name : parent.text + "." + name
        case .element(let parent, let index): "\(parent.text)[\(index)]"
        case .entry(let parent, let key): "\(parent.text)[\(key)]"
        }
    }

    private var isEmptyRoot: Bool {
        if case .root("") = self { true } else { false }
    }
}

/// Gathers what is wrong, in the order it was found.
struct FieldErrors: Sendable {
    private(set) var list: [FieldError] = []

    var isEmpty: Bool { list.isEmpty }
    var count: Int { list.count }

    mutating func append(_ error: FieldError) { list.append(error) }
    mutating func append(_ errors: [FieldError]) { list += errors }

    mutating func required(_ path: FieldPath, _ detail: String = "") {
        list.append(.required(path.text, detail))
    }

    mutating func invalid(_ path: FieldPath, _ value: Value?, _ detail: String) {
        list.append(.invalid(path.text, value, detail))
    }

    mutating func invalid(_ path: FieldPath, _ value: String, _ detail: String) {
        list.append(.invalid(path.text, value, detail))
    }

    mutating func invalid(_ path: FieldPath, _ value: Int64, _ detail: String) {
        list.append(.invalid(path.text, value, detail))
    }

    mutating func duplicate(_ path: FieldPath, _ value: String) { list.append(.duplicate(path.text, value)) }
    mutating func duplicate(_ path: FieldPath, _ value: Value) { list.append(.duplicate(path.text, value)) }
    mutating func notFound(_ path: FieldPath, _ value: String) { list.append(.notFound(path.text, value)) }
    mutating func forbidden(_ path: FieldPath, _ detail: String) { list.append(.forbidden(path.text, detail)) }

    /// `supported` is listed as given: upstream sorts some of these lists and leaves others as they are.
    mutating func notSupported(_ path: FieldPath, _ value: String, _ supported: [String]) {
        list.append(.notSupported(path.text, value, ordered: supported))
    }

    /// One error for each violation of a rule for names.
    mutating func violations(_ path: FieldPath, _ value: String, _ violations: [String]) {
        for violation in violations { list.append(.invalid(path.text, value, violation)) }
    }

    mutating func nonnegative(_ path: FieldPath, _ value: Int64?) {
        guard let value, value < 0 else { return }
        invalid(path, value, "must be greater than or equal to 0")
    }

    /// A value that must be one of `supported`.
    mutating func oneOf(_ supported: [String], _ path: FieldPath, _ value: String) {
        if !supported.contains(value) { notSupported(path, value, supported) }
    }

    /// The same, where leaving it out is an error of its own.
    mutating func requiredOneOf(_ supported: [String], _ path: FieldPath, _ value: String) {
        if value.isEmpty { required(path) } else { oneOf(supported, path, value) }
    }
}
