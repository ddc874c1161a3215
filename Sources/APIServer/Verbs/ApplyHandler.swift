internal import APIMachinery
internal import Storage
internal import Transport

/// PATCH with `application/apply-patch+yaml`: server-side apply.
extension APIServer {
    static let applyMediaType = "application/apply-patch+yaml"

    static func isApply(_ context: RequestContext) -> Bool {
        MediaRange(context.request.headers["content-type"] ?? "").type == applyMediaType
    }

    func apply(_ context: RequestContext) async throws(APIError) -> Answer {
        let options = try WriteOptions(context.query, kind: WriteOptions.applyKind)
        let patch = try AppliedPatch(context.request.body)
        let write = write(context, options, subresource: context.info.subresource)
        let isForced = options.force ?? false
        for _ in 0..<RequestLimits.writeAttemptsMax {
            guard context.info.subresource.isEmpty, store.get(context.key) == nil else {
                return try await applyToStored(patch, context, options, write, force: isForced)
            }
            do throws(APIError) {
                return try await applyToNothing(patch, context, options, write)
            } catch {
                // Somebody else made it meanwhile: apply to that.
                guard error.reason == "AlreadyExists", store.get(context.key) != nil else { throw error }
            }
        }
        throw .conflict(context.resource.id, context.name, APIError.staleWrite)
    }

    private func applyToNothing(
        _ patch: AppliedPatch, _ context: RequestContext, _ options: WriteOptions, _ write: FieldManager.Write
    ) async throws(APIError) -> Answer {
        var object = try fieldManager.apply(patch.object, to: write.empty, write, force: true)
        let warnings = try patch.warnings(options.validation)
        try checkName(object, context)
        object.editMetadata { $0["resourceVersion"] = nil }
        object["kind"] = .string(context.resource.kind.kind)
        object["apiVersion"] = .string(context.resource.kind.apiVersion)
        return try await create(.init(object: object, warnings: warnings), context, options.managed)
    }

    private func applyToStored(
        _ patch: AppliedPatch, _ context: RequestContext, _ options: WriteOptions, _ write: FieldManager.Write,
        force: Bool
    ) async throws(APIError) -> Answer {
        let manager = fieldManager
        let answer = try await modified(context, options.managed, subresource: context.info.subresource) {
            (old) throws(APIError) in
            var object = try manager.apply(patch.object, to: old, write, force: force)
            _ = try patch.warnings(options.validation)
            try self.checkName(object, context)
            try self.checkNamespace(&object, context)
            return object
        }
        return .object(
            status: 200, json: answer.json, warnings: try patch.warnings(options.validation) + answer.warnings)
    }
}

/// The body of an apply, parsed once and applied as often as the write has to be tried.
struct AppliedPatch: Sendable {
    let object: Value
    /// In the words of upstream's YAML library.
    private let duplicates: [String]

    init(_ body: [UInt8]) throws(APIError) {
        var duplicates: [String] = []
        // Most bodies are JSON, which reads faster; lines for what is odd in it are YAML's.
        if body.first == UInt8(ascii: "{"), let value = try? Value.parse(json: body, duplicates: &duplicates),
            duplicates.isEmpty
        {
            object = value
            self.duplicates = []
            return
        }
        duplicates = []
        do {
            let value = try Value.parse(yaml: body, duplicates: &duplicates)
            object = value.isNull ? [:] : value
        } catch {
            throw .badRequest("error decoding YAML: \(Self.conversion)\(error.description)")
        }
        guard object.fields != nil else {
            throw .badRequest(
                "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal "
                    + "\(object.array != nil ? "array" : object.string != nil ? "string" : "number") into Go value of "
                    + "type map[string]interface {}")
        }
        self.duplicates = duplicates
    }

    private static let conversion = "error converting YAML to JSON: "

    /// What strict decoding says: a refusal or a warning.
    func warnings(_ validation: FieldValidation) throws(APIError) -> [String] {
        guard !duplicates.isEmpty, validation != .ignore else { return [] }
        let text =
            Self.conversion + "yaml: unmarshal errors:\n" + duplicates.map { "  " + $0 }.joined(separator: "\n")
        if validation == .strict { throw .badRequest("error strict decoding YAML: " + text) }
        return [text]
    }
}
