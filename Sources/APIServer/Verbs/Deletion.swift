internal import APIMachinery
internal import Transport

/// When a marked object goes, and what marking it means.
enum Deletion {
    /// Longer waits are cut to this: times must stay within what RFC 3339 can say.
    static let graceSecondsMax: Int64 = 10 * 365 * 86_400
    static let orphanFinalizer = "orphan"
    static let foregroundFinalizer = "foregroundDeletion"

    /// Nothing keeps the marked object any longer.
    static func mayGo(_ object: Value, _ resource: Resource) -> Bool {
        object.isBeingDeleted && object.finalizers.isEmpty
            && (object.metadata["deletionGracePeriodSeconds"]?.int ?? 0) == 0 && !resource.strategy.isHeld(object)
    }

    /// `metadata.finalizers` after the propagation policy was applied.
    static func finalizers(_ object: Value, _ options: DeleteRequestOptions) -> [String] {
        var finalizers = object.finalizers
        guard let propagation = options.propagation else { return finalizers }
        finalizers.removeAll { $0 == orphanFinalizer || $0 == foregroundFinalizer }
        switch propagation {
        case .orphan: finalizers.append(orphanFinalizer)
        case .foreground: finalizers.append(foregroundFinalizer)
        case .background: break
        }
        return finalizers
    }
}

/// `DeleteOptions`, from the body or the query.
struct DeleteRequestOptions: Sendable {
    enum Propagation: String, Sendable {
        case orphan = "Orphan"
        case background = "Background"
        case foreground = "Foreground"
    }

    var isDryRun = false
    var gracePeriodSeconds: Int64?
    /// `nil`: the kind's default, which is background.
    var propagation: Propagation?
    var uid: String?
    var resourceVersion: String?

    init() {}

    init(_ context: RequestContext) throws(APIError) {
        if let body = try Self.body(context) {
            try read(body)
        } else {
            try read(try Self.fromQuery(context.query))
        }
    }

    private mutating func read(_ value: Value) throws(APIError) {
        var errors: [FieldError] = []
        let dryRun = value.list("dryRun").compactMap(\.string)
        if !dryRun.allSatisfy({ $0 == "All" }) { errors.append(.notSupported("dryRun", .strings(dryRun), ["All"])) }
        isDryRun = !dryRun.isEmpty
        gracePeriodSeconds = value["gracePeriodSeconds"]?.int
        let policy = value.text("propagationPolicy")
        propagation = Propagation(rawValue: policy)
        if !policy.isEmpty, propagation == nil {
            errors.append(
                FieldError(
                    kind: .notSupported, field: "propagationPolicy",
                    body: "Unsupported value: \(quoted(policy)): supported values: "
                        + "\"Foreground\", \"Background\", \"Orphan\", \"nil\""))
        }
        if let orphans = value["orphanDependents"]?.bool {
            if !policy.isEmpty {
                errors.append(
                    .invalid(
                        "propagationPolicy", policy, "orphanDependents and deletionPropagation cannot be both set"))
            }
            propagation = orphans ? .orphan : .background
        }
        uid = value[path: "preconditions", "uid"]?.string
        resourceVersion = value[path: "preconditions", "resourceVersion"]?.string
        guard errors.isEmpty else { throw .invalid(group: "meta.k8s.io", kind: "DeleteOptions", "", errors) }
    }

    /// `nil` where the request has no body.
    private static func body(_ context: RequestContext) throws(APIError) -> Value? {
        let body = context.request.body
        guard !body.isEmpty else { return nil }
        var value: Value
        switch try BodyDecoder.format(of: context.request) {
        case .json:
            do {
                value = try Value(json: body)
            } catch {
                throw .badRequest("couldn't get version/kind; json parse error: " + error.message)
            }
        case .yaml:
            do {
                value = try Value(yaml: body)
            } catch {
                throw .badRequest(error.description)
            }
        case .protobuf:
            value = try protobuf(body, context)
        }
        if value.isNull { value = [:] }
        guard value.fields != nil else { throw .badRequest(BodyDecoder.rootRefusal(value)) }
        let kind = value.text("kind")
        guard kind.isEmpty || kind == "DeleteOptions" else {
            throw .badRequest(
                "no kind \(quoted(kind)) is registered for version \(quoted(value.text("apiVersion"))) in scheme "
                    + "\"pkg/apis/meta/internalversion/scheme/register.go:27\"")
        }
        if let type = context.deleteOptionsType, let wrong = context.schema.check(value, as: type).typeError {
            throw .badRequest(wrong)
        }
        return value
    }

    private static func protobuf(_ body: [UInt8], _ context: RequestContext) throws(APIError) -> Value {
        guard let type = context.deleteOptionsType, let value = try? context.schema.decodeProtobuf(body, as: type)
        else { throw .badRequest("the body is not a DeleteOptions message") }
        return value
    }

    private static func fromQuery(_ query: Query) throws(APIError) -> Value {
        var value: Value = [:]
        let dryRun = query.values("dryRun")
        if !dryRun.isEmpty { value["dryRun"] = .strings(dryRun) }
        if let text = query["gracePeriodSeconds"] {
            guard let seconds = Int64(text) else {
                throw .badRequest("strconv.ParseInt: parsing \(quoted(text)): invalid syntax")
            }
            value["gracePeriodSeconds"] = .int(seconds)
        }
        if let policy = query["propagationPolicy"] { value["propagationPolicy"] = .string(policy) }
        if let orphans = query.bool("orphanDependents") { value["orphanDependents"] = .bool(orphans) }
        return value
    }
}
