internal import APIMachinery
internal import Transport

/// Reads the object in a request's body, strictly or not, and checks that it is of the kind the path says.
struct BodyDecoder: Sendable {
    let schema: Schema

    enum Format: Sendable { case json, yaml, protobuf }

    /// An object and what is odd about it.
    struct Decoded: Sendable {
        var object: Value
        /// Unknown and duplicate fields, for `Warning` headers.
        var warnings: [String] = []
    }

    static func format(of request: HTTPRequest) throws(APIError) -> Format {
        guard let header = request.headers["content-type"], !header.isEmpty else { return .json }
        // `a, b` is one value that is no media type.
        guard !header.contains(",") else { throw .unknownBodyFormat }
        switch MediaRange(header).type {
        case "application/json": return .json
        case "application/yaml": return .yaml
        case "application/vnd.kubernetes.protobuf": return .protobuf
        default: throw .unknownBodyFormat
        }
    }

    /// `kind`: what the path expects; a body without `kind` and `apiVersion` is taken to be that.
    /// `internalGroup`: for upstream's words about a wrong kind.
    func decode(
        _ request: HTTPRequest, as kind: GroupVersionKind, type: TypeID, internalGroup: String,
        validation: FieldValidation
    ) throws(APIError) -> Decoded {
        let format = try Self.format(of: request)
        var duplicates: [String] = []
        var object = try parse(request.body, format, kind, &duplicates)
        if object.isNull { object = [:] }
        guard object.fields != nil else {
            throw unrecognized(kind, Self.rootRefusal(object), request.body)
        }
        try checkKind(&object, kind, internalGroup, request.body)
        guard format != .protobuf else { return Decoded(object: object) }
        var report = schema.check(object, as: type)
        // What is unknown must not count as set when defaults are filled in.
        if !report.warnings.isEmpty, report.typeError == nil { object = schema.normalisedIfPossible(object, as: type) }
        if format == .yaml {
            report.addWarnings(duplicates)
        } else if report.typeError != nil || !duplicates.isEmpty {
            report = schema.check(sourceOf: request.body, as: type)
        }
        if let wrong = report.typeError { throw cannotBeHandled(object, kind, wrong) }
        switch validation {
        case .ignore: return Decoded(object: object)
        case .warn: return Decoded(object: object, warnings: report.warnings)
        case .strict:
            if let text = report.strictText { throw cannotBeHandled(object, kind, text) }
            return Decoded(object: object)
        }
    }

    private func parse(
        _ body: [UInt8], _ format: Format, _ kind: GroupVersionKind, _ duplicates: inout [String]
    ) throws(APIError) -> Value {
        switch format {
        case .json:
            do {
                return try Value.parse(json: body, duplicates: &duplicates)
            } catch {
                if let wrong = numberRefusal(body, kind) { throw wrong }
                throw unrecognized(kind, "couldn't get version/kind; json parse error: " + error.message, body)
            }
        case .yaml:
            do {
                return try Value.parse(yaml: body, duplicates: &duplicates)
            } catch {
                throw unrecognized(kind, error.description, body)
            }
        case .protobuf:
            return try parseProtobuf(body, kind)
        }
    }

    /// A number that no type holds is refused for its field's type, where the field is known.
    private func numberRefusal(_ body: [UInt8], _ kind: GroupVersionKind) -> APIError? {
        guard let type = schema.type(of: kind), let wrong = schema.check(sourceOf: body, as: type).typeError else {
            return nil
        }
        return cannotBeHandled(
            ["kind": .string(kind.kind), "apiVersion": .string(kind.apiVersion)], kind, wrong)
    }

    private func parseProtobuf(_ body: [UInt8], _ kind: GroupVersionKind) throws(APIError) -> Value {
        guard body.starts(with: [0x6b, 0x38, 0x73, 0]) else {
            throw unrecognized(
                kind,
                "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]", body)
        }
        do {
            let envelope = try ProtobufEnvelope(decoding: body)
            let version = envelope.apiVersion.split(separator: "/", omittingEmptySubsequences: false)
            let actual = GroupVersionKind(
                group: version.count > 1 ? String(version[0]) : "", version: String(version.last ?? ""),
                kind: envelope.kind)
            guard let type = schema.type(of: actual.kind.isEmpty ? kind : actual) else {
                throw APIError.badRequest(
                    "no kind \(quoted(actual.kind)) is registered for version \(quoted(actual.apiVersion)) "
                        + "in scheme \"pkg/api/legacyscheme/scheme.go:30\"")
            }
            return try schema.decodeProtobuf(body, as: type)
        } catch let error as APIError {
            throw error
        } catch {
            throw unrecognized(kind, "\(error)", body)
        }
    }

    private func checkKind(
        _ object: inout Value, _ kind: GroupVersionKind, _ internalGroup: String, _ body: [UInt8]
    ) throws(APIError) {
        let version = object.text("apiVersion")
        guard version.split(separator: "/", omittingEmptySubsequences: false).count <= 2 else {
            throw unrecognized(kind, "unexpected GroupVersion string: \(version)", body)
        }
        if version.isEmpty { object["apiVersion"] = .string(kind.apiVersion) }
        if object.text("kind").isEmpty { object["kind"] = .string(kind.kind) }
        // Clients before 1.22 evict in this version, which is the same.
        if kind.kind == "Eviction", object.text("apiVersion") == "policy/v1beta1" {
            object["apiVersion"] = .string(kind.apiVersion)
        }
        let (actualVersion, actualKind) = (object.text("apiVersion"), object.text("kind"))
        guard actualVersion != kind.apiVersion || actualKind != kind.kind else { return }
        if let why = otherKindRefusal(object, kind, internalGroup) {
            throw actualKind == kind.kind ? versionMismatch(actualVersion, kind) : cannotBeHandled(object, kind, why)
        }
        if Self.formerVersions.contains(actualVersion), actualKind == kind.kind {
            throw versionMismatch(actualVersion, kind)
        }
        throw cannotBeHandled(
            object, kind,
            "no kind \(quoted(actualKind)) is registered for version \(quoted(actualVersion)) "
                + "in scheme \"pkg/api/legacyscheme/scheme.go:30\"")
    }

    /// Versions that upstream still knows though it does not serve them.
    private static let formerVersions: Set<String> = [
        "__internal", "extensions/v1beta1", "apps/v1beta1", "apps/v1beta2", "batch/v1beta1", "policy/v1beta1",
        "autoscaling/v2beta1", "autoscaling/v2beta2", "networking.k8s.io/v1beta1", "storage.k8s.io/v1beta1",
        "rbac.authorization.k8s.io/v1beta1", "rbac.authorization.k8s.io/v1alpha1", "events.k8s.io/v1beta1",
        "discovery.k8s.io/v1beta1", "coordination.k8s.io/v1beta1", "scheduling.k8s.io/v1beta1",
        "certificates.k8s.io/v1beta1", "admissionregistration.k8s.io/v1beta1", "node.k8s.io/v1beta1",
    ]

    /// What upstream says of an object of another kind that it knows: it is decoded before the kinds are compared.
    /// `nil` for kinds that are not known.
    func otherKindRefusal(_ object: Value, _ kind: GroupVersionKind, _ internalGroup: String) -> String? {
        let (version, actual) = (object.text("apiVersion"), object.text("kind"))
        let type = schema.type(ofObject: object)
        guard type != nil || (version == kind.apiVersion && isList(object)) else { return nil }
        if let type, let wrong = schema.check(object, as: type).typeError { return wrong }
        let goVersion = version.split(separator: "/").last.map(String.init) ?? kind.version
        return "converting (\(goVersion).\(actual)) to (\(internalGroup).\(kind.kind)): unknown conversion"
    }

    private func isList(_ object: Value) -> Bool { object.text("kind").hasSuffix("List") }

    private func versionMismatch(_ actual: String, _ kind: GroupVersionKind) -> APIError {
        .badRequest(
            "the API version in the data (\(actual)) does not match the expected API version (\(kind.apiVersion))")
    }

    private func cannotBeHandled(_ object: Value, _ kind: GroupVersionKind, _ why: String) -> APIError {
        let version = object.text("apiVersion").split(separator: "/").last.map(String.init) ?? kind.version
        return .badRequest(
            "\(object.text("kind")) in version \(quoted(version)) cannot be handled as a \(kind.kind): \(why)")
    }

    /// Why a document that is no object has no kind.
    static func rootRefusal(_ value: Value) -> String {
        "couldn't get version/kind; json parse error: json: cannot unmarshal \(value.kindName) into Go value of type "
            + "struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; "
            + "Kind string \"json:\\\"kind,omitempty\\\"\" }"
    }

    private func unrecognized(_ kind: GroupVersionKind, _ why: String, _ body: [UInt8]) -> APIError {
        .badRequest(
            "the object provided is unrecognized (must be of type \(kind.kind)): \(why) (\(Self.summary(body)))")
    }

    /// The beginning of a body as upstream quotes it: text if it looks like JSON, else hexadecimal.
    private static func summary(_ body: [UInt8]) -> String {
        let max = 30
        guard let first = body.first else { return "<empty>" }
        let head = body.prefix(max)
        let tail = body.count > max ? " ..." : ""
        if first == UInt8(ascii: "{") { return String(decoding: head, as: UTF8.self) + tail }
        return head.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + tail
    }
}

/// `?fieldValidation=`
enum FieldValidation: String, Sendable {
    case ignore = "Ignore"
    case warn = "Warn"
    case strict = "Strict"
}
