internal import APIMachinery
internal import Storage

/// DELETE of one object and of a collection.
extension APIServer {
    func delete(_ context: RequestContext) async throws(APIError) -> Answer {
        let options = try DeleteRequestOptions(context)
        let outcome = try await deleted(context, options)
        if outcome.isGone, !context.resource.strategy.returnsDeletedObject {
            return .other(status: 200, success(outcome.uid, context), warnings: [])
        }
        return .object(status: 200, json: outcome.json, warnings: [])
    }

    private func success(_ uid: String, _ context: RequestContext) -> Value {
        var details = APIError.Details()
        details.name = context.name
        details.group = context.resource.id.group
        details.kind = context.resource.id.plural
        details.uid = uid
        return [
            "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success", "details": details.value,
        ]
    }

    struct DeleteOutcome: Sendable {
        var json: [UInt8]
        var uid: String
        /// False: marked, and kept by a finalizer or a grace period.
        var isGone: Bool
    }

    func deleted(
        _ context: RequestContext, _ options: DeleteRequestOptions
    ) async throws(APIError) -> DeleteOutcome {
        let resource = context.resource
        for _ in 0..<RequestLimits.writeAttemptsMax {
            guard let stored = store.get(context.key) else { throw .notFound(resource.id, context.name) }
            let old = try codec.decode(stored, as: resource)
            try check(options, stored, old, resource)
            var admitted = AdmissionRequest(
                operation: .delete, resource: resource, subresource: "", namespace: context.namespace,
                name: context.name, object: .null, old: old, user: context.user, isDryRun: options.isDryRun)
            try await admission.validate(&admitted)
            if let outcome = try await deleteOnce(stored, old, context, options) { return outcome }
        }
        throw .conflict(resource.id, context.name, APIError.staleWrite)
    }

    private func check(
        _ options: DeleteRequestOptions, _ stored: StoredObject, _ old: Value, _ resource: Resource
    ) throws(APIError) {
        let named = ResourceID(group: resource.id.group, plural: resource.kind.kind)
        if let uid = options.uid, uid != old.uid {
            throw .conflict(
                named, old.name,
                "the UID in the precondition (\(uid)) does not match the UID in record (\(old.uid)). "
                    + "The object might have been deleted and then recreated")
        }
        if let version = options.resourceVersion, version != String(stored.revision) {
            throw .conflict(
                named, old.name,
                "the ResourceVersion in the precondition (\(version)) does not match the ResourceVersion in record "
                    + "(\(stored.revision)). The object might have been modified")
        }
    }

    /// One attempt. `nil`: another write came between.
    private func deleteOnce(
        _ stored: StoredObject, _ old: Value, _ context: RequestContext, _ options: DeleteRequestOptions
    ) async throws(APIError) -> DeleteOutcome? {
        let resource = context.resource
        let marked = try normalised(mark(old, resource, options), resource)
        let isGoing = Deletion.mayGo(marked, resource)
        let value = codec.encode(marked, as: resource)
        if !isGoing, StorageCodec.revised(value, stored.revision) == stored.value {
            return DeleteOutcome(json: codec.json(stored, as: resource), uid: old.uid, isGone: false)
        }
        guard !options.isDryRun else {
            return DeleteOutcome(json: marked.jsonBytes(), uid: old.uid, isGone: isGoing)
        }
        // An object that goes at once is shown as it last was, as upstream does.
        let wasMarked = old.isBeingDeleted || resource.strategy.gracePeriodSeconds(old, requested: nil) != nil
        let operation: StoreWrite.Operation =
            isGoing ? .delete(final: wasMarked ? value : nil) : .put(value)
        do {
            let written = try await store.write(
                StoreWrite(
                    key: context.key, operation: operation, precondition: .revision(stored.revision),
                    durability: resource.strategy.durability, timeToLive: isGoing ? nil : resource.strategy.timeToLive))
            if isGoing { didDelete(marked, context) }
            return DeleteOutcome(json: codec.json(written, as: resource), uid: old.uid, isGone: isGoing)
        } catch .conflict {
            return nil
        } catch .notFound {
            throw .notFound(resource.id, context.name)
        } catch {
            throw APIError(error)
        }
    }

    /// The object as a deletion leaves it: marked, with the finalizers that the propagation policy asks for.
    private func mark(_ old: Value, _ resource: Resource, _ options: DeleteRequestOptions) -> Value {
        var object = old
        let finalizers = Deletion.finalizers(old, options)
        let wanted = resource.strategy.gracePeriodSeconds(old, requested: options.gracePeriodSeconds) ?? 0
        let grace = min(max(0, wanted), Deletion.graceSecondsMax)
        let due = configuration.clock() + .seconds(grace)
        object.editMetadata { metadata in
            metadata["finalizers"] = finalizers.isEmpty ? nil : .strings(finalizers)
            if old.isBeingDeleted {
                // A second delete may only shorten the wait.
                let current = metadata["deletionGracePeriodSeconds"]?.int ?? 0
                guard grace < current else { return }
                metadata["deletionGracePeriodSeconds"] = .int(grace)
                metadata["deletionTimestamp"] = .string(due.description)
                return
            }
            metadata["deletionTimestamp"] = .string(due.description)
            metadata["deletionGracePeriodSeconds"] = .int(grace)
            if let generation = metadata["generation"]?.int, generation > 0 {
                metadata["generation"] = .int(generation + 1)
            }
        }
        resource.strategy.prepareForDeletion(&object)
        return object
    }

    /// DELETE of what a selector names; answers the list of what was deleted.
    func deleteCollection(_ context: RequestContext) async throws(APIError) -> Answer {
        let options = try DeleteRequestOptions(context)
        let listOptions = try ListOptions(context.query, resource: context.resource, isWatch: false)
        let page = try page(of: context.resource, namespace: context.namespace, listOptions)
        for object in page.objects {
            let scanned = MetadataScanner(json: object.value).metadata
            var info = context.info
            info.name = scanned.name
            info.namespace = scanned.namespace
            let one = RequestContext(
                request: context.request, info: info, query: context.query, user: context.user,
                resource: context.resource, format: context.format, schema: schema)
            do throws(APIError) {
                _ = try await deleted(one, options)
            } catch {
                // Somebody else deleted it first: that was the aim.
                guard error.code == 404 else { throw error }
            }
        }
        return try encode(page, context)
    }
}
