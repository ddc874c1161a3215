internal import APIMachinery
internal import Storage

/// POST: a new object.
extension APIServer {
    func create(_ context: RequestContext) async throws(APIError) -> Answer {
        let options = try WriteOptions(context.query, kind: "CreateOptions")
        let resource = context.resource
        let decoded = try decoder.decode(
            context.request, as: resource.kind, type: resource.type, internalGroup: resource.internalGroup,
            validation: options.validation)
        return try await create(decoded, context, options)
    }

    /// Also where PUT of a missing object goes, for the kinds that allow it.
    func create(
        _ decoded: BodyDecoder.Decoded, _ context: RequestContext, _ options: WriteOptions
    ) async throws(APIError) -> Answer {
        let resource = context.resource
        var draft = decoded.object
        try checkNamespace(&draft, context)
        guard resource.strategy.durability == .batched || draft.resourceVersion.isEmpty else {
            throw .plain("resourceVersion should not be set on objects to be created")
        }
        let generatesName = draft.name.isEmpty && !draft.metadata.text("generateName").isEmpty
        var attempt = 1
        while true {
            do throws(APIError) {
                let (json, warnings) = try await createOnce(draft, context, options)
                return .object(status: 201, json: json, warnings: decoded.warnings + warnings)
            } catch {
                // A generated name was taken: try another.
                guard generatesName, error.reason == "AlreadyExists",
                    attempt < RequestLimits.generateNameAttemptsMax
                else { throw error.warned(decoded.warnings) }
                attempt += 1
            }
        }
    }

    private func createOnce(
        _ draft: Value, _ context: RequestContext, _ options: WriteOptions
    ) async throws(APIError) -> (json: [UInt8], warnings: [String]) {
        let resource = context.resource
        let strategy = resource.strategy
        var object = draft
        wipeSystemFields(&object)
        let advice = OwnerReferences.deduplicate(&object)
        strategy.applyDefaults(&object)
        var normal = options.isManaged ? draft : .null
        if !options.isManaged {
            let sent = object.metadata["managedFields"]
            object = try normalised(object, resource)
            normal = object
            fieldManager.create(&object, sent: sent, write(context, options, subresource: ""))
        }
        let owners = object.metadata["managedFields"]
        var admitted = AdmissionRequest(
            operation: .create, resource: resource, subresource: "", namespace: context.namespace, name: object.name,
            object: object, old: nil, user: context.user, isDryRun: options.isDryRun)
        admitted.warnings = advice
        try await admission.mutate(&admitted)
        do throws(APIError) {
            object = admitted.object
            strategy.applyDefaults(&object)
            if resource.hasStatus, !strategy.keepsStatusOnCreate { object["status"] = nil }
            fillSystemFields(&object, resource, owners)
            strategy.prepareForCreate(&object)
            object = try normalised(object, resource, known: normal)
            let errors = ObjectMetaValidation.validateCreate(object, resource) + strategy.validateCreate(object)
            guard errors.isEmpty else { throw .invalid(resource.storedKind, object.name, errors) }
            admitted.object = object
            admitted.warnings += strategy.warnings(object, from: nil)
            try await admission.validate(&admitted)
            strategy.prepareForStorage(&object)
            let bytes = try await insert(object, context, options)
            admission.commit(admitted)
            if options.isDryRun { admission.rollBack(admitted) }
            return (bytes, admitted.warnings)
        } catch {
            admission.rollBack(admitted)
            throw error
        }
    }

    /// What a client says of these is not even remembered as having been said.
    private func wipeSystemFields(_ object: inout Value) {
        object.editMetadata { metadata in
            for key in ["creationTimestamp", "uid", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"]
            where metadata[key] != nil {
                metadata[key] = nil
            }
        }
    }

    private func insert(
        _ object: Value, _ context: RequestContext, _ options: WriteOptions
    ) async throws(APIError) -> [UInt8] {
        let resource = context.resource
        let key = resource.key(namespace: context.namespace, name: object.name)
        if let existing = store.get(key) { throw alreadyExists(existing, object.name, resource) }
        guard !options.isDryRun else { return object.jsonBytes() }
        let write = StoreWrite(
            key: key, operation: .put(codec.encode(object, as: resource)), precondition: .absent,
            durability: resource.strategy.durability, timeToLive: resource.strategy.timeToLive)
        do {
            return codec.json(try await store.write(write), as: resource)
        } catch .alreadyExists, .conflict {
            throw .alreadyExists(resource.id, object.name)
        } catch {
            throw APIError(error)
        }
    }

    private func alreadyExists(_ existing: StoredObject, _ name: String, _ resource: Resource) -> APIError {
        var error = APIError.alreadyExists(resource.id, name)
        if MetadataScanner(json: existing.value).metadata.hasDeletionTimestamp {
            error.message = "object is being deleted: " + error.message
        }
        return error
    }

    /// What only the server sets.
    private func fillSystemFields(_ object: inout Value, _ resource: Resource, _ owners: Value?) {
        let now = configuration.clock().description
        object.editMetadata { metadata in
            metadata["deletionTimestamp"] = nil
            metadata["deletionGracePeriodSeconds"] = nil
            metadata["selfLink"] = nil
            metadata["resourceVersion"] = nil
            metadata["managedFields"] = owners
            metadata["generation"] = resource.strategy.tracksGeneration ? 1 : nil
            metadata["creationTimestamp"] = .string(now)
            metadata["uid"] = .string(UUIDText.random())
        }
        let prefix = object.metadata.text("generateName")
        guard object.name.isEmpty, !prefix.isEmpty else { return }
        object.editMetadata { $0["name"] = .string(GeneratedName.make(prefix: prefix)) }
    }

    /// The object's namespace is the path's; another one is refused.
    func checkNamespace(_ object: inout Value, _ context: RequestContext) throws(APIError) {
        let actual = object.namespace
        if context.resource.isNamespaced {
            if actual.isEmpty {
                object.editMetadata { $0["namespace"] = .string(context.namespace) }
            } else if actual != context.namespace {
                throw .badRequest(
                    "the namespace of the provided object does not match the namespace sent on the request")
            }
        } else if !actual.isEmpty, context.resource.kind.kind != "Namespace" {
            throw .badRequest("the namespace of the provided object does not match the namespace sent on the request")
        }
    }

    /// `known`: an earlier state of the object that was normalised.
    func normalised(_ object: Value, _ resource: Resource, known: Value = .null) throws(APIError) -> Value {
        do {
            return try schema.normalised(object, as: resource.type, known: known)
        } catch {
            throw .badRequest(
                "\(resource.kind.kind) in version \(quoted(resource.kind.version)) cannot be handled as a "
                    + "\(resource.kind.kind): \(error.description)")
        }
    }
}

/// RFC 9562 version 4, lower case.
enum UUIDText {
    static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return text(generator.next(), generator.next())
    }

    /// 122 of the given bits, with version and variant in their places.
    static func text(_ first: UInt64, _ second: UInt64) -> String {
        let high: UInt64 = (first & 0xffff_ffff_ffff_0fff) | 0x4000
        let low: UInt64 = (second & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000
        var text: [UInt8] = []
        text.reserveCapacity(36)
        for (index, byte) in (bytes(high) + bytes(low)).enumerated() {
            if index == 4 || index == 6 || index == 8 || index == 10 { text.append(UInt8(ascii: "-")) }
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static let digits = Array("0123456789abcdef".utf8)

    private static func bytes(_ word: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) }
    }
}

/// Names made from `metadata.generateName`, as upstream makes them.
enum GeneratedName {
    static let prefixBytesMax = 58
    static let suffixLength = 5
    /// No vowels and no look-alikes, so that no words arise.
    private static let alphabet = Array("bcdfghjklmnpqrstvwxz2456789".utf8)

    static func make(prefix: String) -> String {
        String(prefix.utf8.prefix(prefixBytesMax)).map { $0 + suffix() } ?? ""
    }

    static func suffix() -> String {
        let letters = (0..<suffixLength).map { _ in alphabet[Int.random(in: 0..<alphabet.count)] }
        return String(decoding: letters, as: UTF8.self)
    }
}
