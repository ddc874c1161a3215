internal import APIMachinery

/// Published types that are no objects with fields: the tables know them as field types.
enum SharedSchema: String {
    case quantity = "io.k8s.apimachinery.pkg.api.resource.Quantity"
    case time = "io.k8s.apimachinery.pkg.apis.meta.v1.Time"
    case microTime = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime"
    case duration = "io.k8s.apimachinery.pkg.apis.meta.v1.Duration"
    case intOrString = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
    case rawExtension = "io.k8s.apimachinery.pkg.runtime.RawExtension"
    case fieldsV1 = "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1"
    case json = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON"
    case patch = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch"
    case versionInfo = "io.k8s.apimachinery.pkg.version.Info"

    func value(in dialect: OpenAPIDialect) -> Value {
        let form: [(String, Value)]
        switch (self, dialect) {
        case (.quantity, .v3): form = [("oneOf", .array([.typed("string"), .typed("number")]))]
        case (.quantity, .v2), (.duration, _): form = [("type", .string("string"))]
        case (.time, _), (.microTime, _): form = [("type", .string("string")), ("format", .string("date-time"))]
        case (.intOrString, .v3):
            form = [
                ("format", .string("int-or-string")), ("oneOf", .array([.typed("integer"), .typed("string")])),
            ]
        case (.intOrString, .v2): form = [("type", .string("string")), ("format", .string("int-or-string"))]
        case (.rawExtension, _), (.fieldsV1, _), (.patch, _): form = [("type", .string("object"))]
        case (.json, _): form = []
        case (.versionInfo, _): form = Self.versionInfoForm(dialect)
        }
        return .ordered([("description", .string(description))] + form)
    }

    private var description: String {
        switch self {
        case .quantity:
            "A number with an optional unit: 500m is a half, k M G T P E are powers of 1000, and Ki Mi Gi Ti Pi Ei "
                + "powers of 1024. An exponent, as in 1e3, may stand instead of the unit. At most three decimals are "
                + "kept, rounded up. Answers use the canonical form: no fraction, and the largest unit."
        case .time: "A time as in RFC 3339, to the second: 2006-01-02T15:04:05Z."
        case .microTime: "A time as in RFC 3339, to the microsecond: 2006-01-02T15:04:05.000000Z."
        case .duration: "A length of time: 1h30m, 10s, 250ms."
        case .intOrString: "A whole number or a text."
        case .rawExtension: "An object of any kind, with its apiVersion and kind."
        case .fieldsV1:
            "A set of fields as a tree. f:NAME is a member, k:{KEYS} an element of a list by its keys, v:VALUE one by "
                + "its value, i:INDEX one by its position, and . the thing itself."
        case .json: "Any JSON value."
        case .patch: "A change to an object, in the form that the Content-Type of the request names."
        case .versionInfo: "The version of the server, and of the API it serves."
        }
    }

    private static func versionInfoForm(_ dialect: OpenAPIDialect) -> [(String, Value)] {
        let required: [(String, String)] = [
            ("major", "Major version of the API."), ("minor", "Minor version of the API."),
            ("gitVersion", "Version of the API and the server."), ("gitCommit", "Commit that the server was made of."),
            ("gitTreeState", "Whether all was committed: clean or dirty."),
            ("buildDate", "When the server was made."), ("goVersion", "Version of the compiler."),
            ("compiler", "Name of the compiler."), ("platform", "Operating system and processor architecture."),
        ]
        let optional: [(String, String)] = [
            ("emulationMajor", "Major version that the server behaves as."),
            ("emulationMinor", "Minor version that the server behaves as."),
            ("minCompatibilityMajor", "Major version of the oldest server that this one can work beside."),
            ("minCompatibilityMinor", "Minor version of the oldest server that this one can work beside."),
        ]
        let zero: [(String, Value)] = [("default", .string(""))]
        func property(_ text: String, _ more: [(String, Value)]) -> Value {
            .ordered([("description", .string(text)), ("type", .string("string"))] + more)
        }
        let properties =
            required.map { ($0.0, property($0.1, dialect == .v3 ? zero : [])) }
            + optional.map { ($0.0, property($0.1, [])) }
        return [
            ("type", .string("object")), ("required", .strings(required.map(\.0))),
            ("properties", .ordered(properties)),
        ]
    }
}
