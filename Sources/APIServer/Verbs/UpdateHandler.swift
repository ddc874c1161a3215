internal import APIMachinery
internal import Storage

/// PUT, and the part that PATCH and the subresources share with it.
extension APIServer {
    func update(_ context: RequestContext) async throws(APIError) -> Answer {
        let options = try WriteOptions(context.query, kind: "UpdateOptions")
        let resource = context.resource
        let decoded = try decoder.decode(
            context.request, as: resource.kind, type: resource.type, internalGroup: resource.internalGroup,
            validation: options.validation)
        var object = decoded.object
        try checkName(object, context)
        try checkNamespace(&object, context)
        if context.info.subresource.isEmpty, resource.strategy.allowsCreateOnUpdate, store.get(context.key) == nil {
            object.editMetadata { $0["resourceVersion"] = nil }
            return try await create(.init(object: object, warnings: decoded.warnings), context, options)
        }
        let wanted = object
        return try await modify(context, options, warnings: decoded.warnings, checksUID: true) {
            (_) throws(APIError) in wanted
        }
    }

    func checkName(_ object: Value, _ context: RequestContext) throws(APIError) {
        let name = object.name
        guard !name.isEmpty else {
            throw .badRequest(
                "the name of the object (\(context.name) based on URL) was undeterminable: name must be provided")
        }
        guard name == context.name else {
            throw .badRequest("the name of the object (\(name)) does not match the name on the URL (\(context.name))")
        }
    }

    /// Reads, changes and writes an object, again if somebody else was faster and the client did not say which state
    /// it had seen.
    ///
    /// `checksUID`: a `uid` in the wanted state must be the stored one (PUT; a patch may not change it either, but
    /// is told so by validation).
    /// `wanted`: from the stored object to what the client wants it to be.
    func modify(
        _ context: RequestContext, _ options: WriteOptions, warnings: [String] = [], checksUID: Bool = false,
        subresource: String? = nil,
        wanted: @Sendable (_ old: Value) throws(APIError) -> Value
    ) async throws(APIError) -> Answer {
        do throws(APIError) {
            let json = try await modified(
                context, options, checksUID: checksUID, subresource: subresource ?? context.info.subresource,
                wanted: wanted)
            return .object(status: 200, json: json.json, warnings: warnings + json.warnings)
        } catch {
            throw error.warned(warnings)
        }
    }

    func modified(
        _ context: RequestContext, _ options: WriteOptions, checksUID: Bool = false, subresource: String,
        wanted: @Sendable (_ old: Value) throws(APIError) -> Value
    ) async throws(APIError) -> (json: [UInt8], warnings: [String]) {
        let resource = context.resource
        for _ in 0..<RequestLimits.writeAttemptsMax {
            guard let stored = store.get(context.key) else { throw .notFound(resource.id, context.name) }
            let old = try codec.decode(stored, as: resource)
            var object = try wanted(old)
            try checkPreconditions(object, stored, old, context, checksUID: checksUID)
            object.editMetadata { $0["resourceVersion"] = .string(String(stored.revision)) }
            if let done = try await modifyOnce(&object, old, stored, context, options, subresource) { return done }
        }
        throw .conflict(resource.id, context.name, APIError.staleWrite)
    }

    private func checkPreconditions(
        _ object: Value, _ stored: StoredObject, _ old: Value, _ context: RequestContext, checksUID: Bool
    ) throws(APIError) {
        let resource = context.resource
        let version = object.resourceVersion
        if version.isEmpty || version == "0" {
            guard resource.strategy.allowsUnconditionalUpdate else {
                throw .invalid(
                    group: resource.id.group, kind: resource.id.plural, context.name,
                    [.invalid("metadata.resourceVersion", 0, "must be specified for an update")])
            }
        } else if version != String(stored.revision) {
            guard UInt64(version) != nil else {
                throw .plain("strconv.ParseUint: parsing \(quoted(version)): invalid syntax")
            }
            throw .conflict(resource.id, context.name, APIError.staleWrite)
        }
        if checksUID, !object.uid.isEmpty, object.uid != old.uid {
            throw .conflict(
                resource.id, context.name,
                "StorageError: invalid object, Code: 4, Key: \(context.upstreamKey), ResourceVersion: 0, "
                    + "AdditionalErrorMsg: Precondition failed: UID in precondition: \(object.uid), "
                    + "UID in object meta: \(old.uid)")
        }
    }

    /// One attempt. `nil`: another write came between.
    private func modifyOnce(
        _ object: inout Value, _ old: Value, _ stored: StoredObject, _ context: RequestContext,
        _ options: WriteOptions, _ subresource: String
    ) async throws(APIError) -> (json: [UInt8], warnings: [String])? {
        let resource = context.resource
        // What an apply made is normalised, and so is what is stored.
        var normal = options.isManaged ? object : resource.conversion == nil ? old : .null
        let advice = OwnerReferences.deduplicate(&object)
        keepUnwritable(&object, old, resource, subresource)
        resource.strategy.applyDefaults(&object)
        if !options.isManaged {
            let sent = object.metadata["managedFields"]
            object = try normalised(object, resource, known: normal)
            normal = object
            fieldManager.update(&object, from: old, sent: sent, write(context, options, subresource: subresource))
        }
        let owners = object.metadata["managedFields"]
        var admitted = AdmissionRequest(
            operation: .update, resource: resource, subresource: subresource, namespace: context.namespace,
            name: context.name, object: object, old: old, user: context.user, isDryRun: options.isDryRun)
        admitted.warnings = advice
        try await admission.mutate(&admitted)
        do throws(APIError) {
            object = admitted.object
            resource.strategy.applyDefaults(&object)
            object.editMetadata { $0["managedFields"] = owners }
            try prepare(&object, old, resource, subresource, normal: normal)
            keepTimes(&object, old)
            admitted.object = object
            admitted.warnings += resource.strategy.warnings(object, from: old)
            try await admission.validate(&admitted)
            let json = try await replace(object, old, stored, context, options)
            if json == nil || options.isDryRun { admission.rollBack(admitted) } else { admission.commit(admitted) }
            return json.map { ($0, admitted.warnings) }
        } catch {
            admission.rollBack(admitted)
            throw error
        }
    }

    /// The main resource may not write status; `/status` may write nothing else.
    private func keepUnwritable(_ object: inout Value, _ old: Value, _ resource: Resource, _ subresource: String) {
        if subresource == "status" {
            var kept = old
            kept["status"] = object["status"]
            kept["metadata"] = object["metadata"]
            if resource.strategy.statusResetsLabels {
                let labels = old.metadata["labels"]
                kept.editMetadata { $0["labels"] = labels }
            }
            object = kept
        } else if resource.hasStatus, subresource.isEmpty {
            object["status"] = old["status"]
        } else {
            resource.strategy.limit(&object, from: old, to: subresource)
        }
    }

    private func prepare(
        _ object: inout Value, _ old: Value, _ resource: Resource, _ subresource: String, normal: Value
    ) throws(APIError) {
        let strategy = resource.strategy
        ObjectMetaValidation.keepSystemFields(&object, old)
        if subresource == "status" {
            strategy.prepareForStatusUpdate(&object, from: old)
        } else if subresource.isEmpty {
            strategy.prepareForUpdate(&object, from: old)
        }
        object = try normalised(object, resource, known: normal)
        if subresource.isEmpty { strategy.settle(&object, from: old) }
        if strategy.tracksGeneration, subresource != "status" {
            let isSame = strategy.generationIsFixed || isSameWithoutMetadata(object, old)
            let labelsChanged =
                strategy.generationCountsLabels && object.metadata["labels"] != old.metadata["labels"]
            let generation = old.generation + (isSame && !labelsChanged ? 0 : 1)
            object.editMetadata { $0["generation"] = .int(generation) }
        }
        // Upstream checks the metadata for all kinds and each kind's own rules check it again: each cause comes twice.
        let metadata = ObjectMetaValidation.validateUpdate(object, old)
        var errors = metadata.common
        if subresource == "status" {
            errors += metadata.repeated(.update) + strategy.validateStatusUpdate(object, from: old)
        } else if let own = strategy.validateSubresource(object, from: old, subresource) {
            errors += metadata.repeated(.update) + own
        } else {
            errors += metadata.repeated(strategy.metadataOnUpdate)
            let kept = errors.count
            errors += strategy.validate(object)
            // A subresource writes what the object's own rules forbid (`binding`: the node); it has its own checks.
            if subresource.isEmpty || subresource == "scale" {
                let changes = strategy.validateUpdate(object, from: old)
                errors.insert(contentsOf: changes, at: strategy.checksUpdateFirst ? kept : errors.count)
            }
        }
        guard errors.isEmpty else { throw .invalid(resource.storedKind, object.name, errors) }
    }

    /// A write that would change nothing but the times of managed fields leaves those too.
    private func keepTimes(_ object: inout Value, _ old: Value) {
        guard let new = object.metadata["managedFields"]?.array, let kept = old.metadata["managedFields"]?.array,
            new.count == kept.count, new != kept
        else { return }
        for (entry, stored) in zip(new, kept) {
            var timed = entry
            timed["time"] = stored["time"]
            guard timed == stored else { return }
        }
        var restored = object
        restored.editMetadata { $0["managedFields"] = .array(kept) }
        if restored == old { object = restored }
    }

    private func isSameWithoutMetadata(_ object: Value, _ old: Value) -> Bool {
        func rest(_ value: Value) -> [(key: String, value: Value)] {
            (value.fields?.entries ?? []).filter { $0.key != "metadata" && $0.key != "status" }
        }
        return OrderedFields(rest(StorageCodec.settled(object))) == OrderedFields(rest(old))
    }

    private func replace(
        _ object: Value, _ old: Value, _ stored: StoredObject, _ context: RequestContext, _ options: WriteOptions
    ) async throws(APIError) -> [UInt8]? {
        let resource = context.resource
        let value = codec.encode(object, as: resource)
        let isGoing = Deletion.mayGo(object, resource)
        // A write that changes nothing is none: no revision, no event, no disk.
        if !isGoing, StorageCodec.revised(value, stored.revision) == stored.value {
            return codec.json(stored, as: resource)
        }
        guard !options.isDryRun else { return object.jsonBytes() }
        var write = StoreWrite(
            key: context.key, operation: isGoing ? .delete(final: value) : .put(value),
            precondition: .revision(stored.revision), durability: resource.strategy.durability)
        write.timeToLive = resource.strategy.timeToLive
        do {
            let written = try await store.write(write)
            if isGoing { didDelete(object, context) }
            return codec.json(written, as: resource)
        } catch .conflict, .notFound {
            return nil
        } catch {
            throw APIError(error)
        }
    }

    /// The last finalizer is gone, or somebody deleted the object.
    func didDelete(_ object: Value, _ context: RequestContext) {
        admission.commit(
            AdmissionRequest(
                operation: .delete, resource: context.resource, subresource: "", namespace: context.namespace,
                name: context.name, object: .null, old: object, user: context.user, isDryRun: false))
    }
}
