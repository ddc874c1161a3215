internal import APIMachinery
internal import Storage
internal import Transport

/// PATCH: JSON patch, merge patch and strategic merge patch.
extension APIServer {
    func patch(_ context: RequestContext) async throws(APIError) -> Answer {
        if Self.isApply(context) { return try await apply(context) }
        try RequestPatch.checkMediaType(context)
        let options = try WriteOptions(context.query, kind: "PatchOptions")
        // Upstream reads the patch when it has the object.
        guard store.get(context.key) != nil else { throw .notFound(context.resource.id, context.name) }
        let patch = try RequestPatch(context)
        let schema = schema
        let resource = context.resource
        let warnings = Guarded<[String]>([])
        do throws(APIError) {
            let answer = try await modified(context, options, subresource: context.info.subresource) {
                (old) throws(APIError) in
                let (object, found) = try patch.apply(
                    to: old, type: resource.type, kind: resource.kind, schema: schema, validation: options.validation)
                warnings.withLock { $0 = found }
                try self.checkPatched(object, context)
                return object
            }
            return .object(status: 200, json: answer.json, warnings: warnings.withLock { $0 } + answer.warnings)
        } catch {
            throw error.warned(warnings.withLock { $0 })
        }
    }

    /// A patch renames nothing and moves nothing.
    func checkPatched(_ object: Value, _ context: RequestContext) throws(APIError) {
        try checkName(object, context)
        let namespace = object.namespace
        guard namespace.isEmpty || !context.resource.isNamespaced || namespace == context.namespace else {
            throw .badRequest(
                "the namespace of the object (\(namespace)) does not match the namespace on the request "
                    + "(\(context.namespace))")
        }
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

    static func checkMediaType(_ context: RequestContext) throws(APIError) {
        let type = MediaRange(context.request.headers["content-type"] ?? "").type
        guard mediaTypes.contains(type) else { throw .unsupportedPatchType }
    }

    init(_ context: RequestContext) throws(APIError) {
        let type = MediaRange(context.request.headers["content-type"] ?? "").type
        let body = context.request.body
        do throws(PatchError) {
            switch type {
            case "application/json-patch+json": content = .json(try JSONPatch(json: body))
            case "application/merge-patch+json": content = .merge(try MergePatch.parse(json: body))
            case "application/strategic-merge-patch+json":
                content = .strategic(try StrategicMergePatch.parse(json: body))
            default: throw PatchError.malformed("")
            }
        } catch {
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
        if case .strategic = content {
            if let wrong = UnstructuredMismatch(schema: schema).text(object, as: type) {
                throw refusal(object, wrong, type, schema)
            }
            // Upstream fills the kind's struct in; what the patch calls it does not matter.
            report.sort()
            if object.fields?.isEmpty == false {
                object["kind"] = .string(kind.kind)
                object["apiVersion"] = .string(kind.apiVersion)
            }
        } else if let wrong = kindRefusal(object, kind, schema) ?? report.typeError {
            throw refusal(object, wrong, type, schema)
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
            if let text = report.strictText { throw refusal(object, text, type, schema) }
            return (object, [])
        }
    }

    /// Why the patched object is no longer of its kind.
    private func kindRefusal(_ object: Value, _ kind: GroupVersionKind, _ schema: Schema) -> String? {
        let (found, version) = (object.text("kind"), object.text("apiVersion"))
        if found == kind.kind, version == kind.apiVersion { return nil }
        if found.isEmpty { return "Object 'Kind' is missing in '\(object.jsonText)'" }
        if version.isEmpty { return "Object 'apiVersion' is missing in '\(object.jsonText)'" }
        let internalGroup = kind.group.split(separator: ".").first.map(String.init) ?? "core"
        return BodyDecoder(schema: schema).otherKindRefusal(object, kind, internalGroup)
            ?? "no kind \(quoted(found)) is registered for version \(quoted(version)) "
            + "in scheme \"pkg/api/legacyscheme/scheme.go:30\""
    }

    /// Upstream shows the whole patched object, or the patch itself where it was strategic.
    private func refusal(_ object: Value, _ why: String, _ type: TypeID, _ schema: Schema) -> APIError {
        let shown: String
        switch content {
        case .strategic(let patch): shown = patch.goText
        case .merge(let patch):
            shown = schema.patchOrdered(object, as: type) { patch[path: $0]?.fields != nil }.jsonText
        case .json(let patch):
            let touched = patch.touchedPaths
            shown = schema.patchOrdered(object, as: type) { touched.contains($0) }.jsonText
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
            self = .requestTooLarge(text)
        }
    }
}
