internal import APIMachinery
internal import Transport

/// PATCH: JSON patch, merge patch and strategic merge patch.
extension APIServer {
    func patch(_ context: RequestContext) async throws(APIError) -> Answer {
        let patch = try RequestPatch(context)
        let options = try WriteOptions(context.query, kind: "PatchOptions")
        if options.force != nil {
            throw .invalid(
                group: "meta.k8s.io", kind: "PatchOptions", "",
                [.forbidden("force", "may not be specified for non-apply patch")])
        }
        let schema = schema
        let resource = context.resource
        let warnings = Guarded<[String]>([])
        let answer = try await modified(context, options, subresource: context.info.subresource) {
            (old) throws(APIError) in
            let (object, found) = try patch.apply(
                to: old, type: resource.type, kind: resource.kind, schema: schema, validation: options.validation)
            warnings.withLock { $0 = found }
            try self.checkName(object, context)
            return object
        }
        return .object(status: 200, json: answer.json, warnings: warnings.withLock { $0 } + answer.warnings)
    }
}

/// A patch as sent, parsed once and applied as often as the write has to be tried.
struct RequestPatch: Sendable {
    private enum Content: Sendable {
        case json(JSONPatch)
        case merge(Value)
        case strategic(Value)
    }

    private let content: Content
    private let duplicates: [String]

    static let mediaTypes = [
        "application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json",
    ]

    init(_ context: RequestContext) throws(APIError) {
        let type = MediaRange(context.request.headers["content-type"] ?? "").type
        let body = context.request.body
        do throws(PatchError) {
            switch type {
            case "application/json-patch+json": content = .json(try JSONPatch(json: body))
            case "application/merge-patch+json": content = .merge(try MergePatch.parse(json: body))
            case "application/strategic-merge-patch+json":
                content = .strategic(try StrategicMergePatch.parse(json: body))
            case "application/apply-patch+yaml":
                throw PatchError.malformed("")
            default: throw PatchError.malformed("")
            }
        } catch {
            if type == "application/apply-patch+yaml" {
                throw APIError(
                    code: 415, reason: "UnsupportedMediaType",
                    message: "server-side apply is not served yet: use kubectl apply without --server-side",
                    details: APIError.Details())
            }
            guard Self.mediaTypes.contains(type) else { throw .unsupportedPatchType }
            throw APIError(error)
        }
        var duplicates: [String] = []
        _ = try? Value.parse(json: body, duplicates: &duplicates)
        self.duplicates = duplicates
    }

    func apply(
        to old: Value, type: TypeID, kind: GroupVersionKind, schema: Schema, validation: FieldValidation
    ) throws(APIError) -> (object: Value, warnings: [String]) {
        var object: Value
        do throws(PatchError) {
            switch content {
            case .json(let patch): object = try patch.apply(to: old)
            case .merge(let patch): object = MergePatch.apply(patch, to: old)
            case .strategic(let patch):
                object = try StrategicMergePatch.apply(patch, to: old, as: type, schema: schema)
            }
        } catch {
            throw APIError(error)
        }
        var report = schema.check(object, as: type)
        if let wrong = report.typeError { throw refusal(object, wrong) }
        if object.text("kind") != kind.kind || object.text("apiVersion") != kind.apiVersion {
            let found = object.text("kind")
            throw refusal(
                object,
                found.isEmpty
                    ? "Object 'Kind' is missing in '\(object.jsonText)'"
                    : "no kind \(quoted(found)) is registered for version \(quoted(object.text("apiVersion")))")
        }
        if !report.warnings.isEmpty { object = schema.normalisedIfPossible(object, as: type) }
        if case .json(let patch) = content {
            report.addWarnings(patch.warnings)
        } else {
            report.addDuplicates(duplicates)
        }
        switch validation {
        case .ignore: return (object, [])
        case .warn: return (object, report.warnings)
        case .strict:
            if let text = report.strictText { throw refusal(object, text) }
            return (object, [])
        }
    }

    /// Upstream shows the whole patched object, or the patch itself where it was strategic.
    private func refusal(_ object: Value, _ why: String) -> APIError {
        let shown: String
        if case .strategic(let patch) = content {
            shown = GoText.map(patch)
        } else {
            shown = object.jsonText
        }
        return .invalid(group: "", kind: "", "", [.invalid("patch", shown, why)])
    }
}

extension APIError {
    init(_ error: PatchError) {
        switch error {
        case .malformed(let text): self = .badRequest(text)
        case .invalid:
            // Upstream keeps the reason to itself here.
            self = APIError(
                code: 422, reason: "Invalid", message: "the server rejected our request due to an error in our request",
                details: Details())
        case .internalError(let text): self = .plain(text)
        case .tooLarge(let text):
            self = APIError(code: 413, reason: "RequestEntityTooLarge", message: text)
        }
    }
}

/// Go's `%v` of a decoded JSON value: `map[spec:map[bogus:1]]`.
enum GoText {
    static func map(_ value: Value) -> String {
        switch value {
        case .null: "<nil>"
        case .bool(let bool): bool ? "true" : "false"
        case .int(let int): String(int)
        case .double(let double): String(double)
        case .string(let string): string
        case .array(let array): "[" + array.map(map).joined(separator: " ") + "]"
        case .object(let fields):
            "map[" + fields.sorted().entries.map { $0.key + ":" + map($0.value) }.joined(separator: " ") + "]"
        }
    }
}
