internal import APIMachinery
internal import Storage
internal import Transport

/// GET of one object and LIST: synchronous, from memory, splicing stored bytes.
extension APIServer {
    func get(_ context: RequestContext) throws(APIError) -> Answer {
        let wanted: Int64?
        do throws(ListOptions.RefusedVersion) {
            wanted = try ListOptions.resourceVersion(context.query["resourceVersion"])
        } catch {
            throw .plain(error.text)
        }
        if let wanted, wanted > store.revision {
            throw .tooLargeResourceVersion(wanted, current: store.revision)
        }
        if isComponentStatus(context.resource) { return try componentStatus(context) }
        guard let object = store.get(context.key) else { throw .notFound(context.resource.id, context.name) }
        return .object(status: 200, json: codec.json(object, as: context.resource), warnings: [])
    }

    func list(_ context: RequestContext) throws(APIError) -> Answer {
        let options = try ListOptions(context.query, resource: context.resource, isWatch: false)
        if isComponentStatus(context.resource) { return try encode(componentStatuses(options), context) }
        let page = try page(of: context.resource, namespace: context.namespace, options)
        return try encode(page, context)
    }

    /// One page of a list: the objects that match and where the next page begins.
    func page(
        of resource: Resource, namespace: String, _ options: ListOptions
    ) throws(APIError) -> ListPage {
        let prefix = resource.prefix(namespace: namespace)
        var start: String?
        var revision: Int64?
        if !options.continueToken.isEmpty {
            let token = try ContinueToken(options.continueToken)
            if let version = options.resourceVersion, version != 0 {
                throw .badRequest("specifying resource version is not allowed when using continue")
            }
            start = prefix + token.start
            revision = token.revision > 0 ? token.revision : nil
        } else if let version = options.resourceVersion {
            guard version <= store.revision else {
                throw .tooLargeResourceVersion(version, current: store.revision)
            }
            if options.match == .exact || (options.match == nil && options.limit > 0 && version > 0) {
                revision = version
            }
        }
        do {
            return try collect(resource, prefix: prefix, start: start, revision: revision, options)
        } catch {
            throw listError(error, prefix: prefix, start: start, options)
        }
    }

    private func collect(
        _ resource: Resource, prefix: String, start: String?, revision: Int64?, _ options: ListOptions
    ) throws(StoreError) -> ListPage {
        if let name = options.selector.requiredName, options.limit == 0, revision == nil,
            prefix != resource.keyPrefix
                || !resource.isNamespaced
        {
            let now = store.revision
            let found = store.get(prefix + name).map { [$0] } ?? []
            return ListPage(objects: found.filter(options.selector.matches), revision: now)
        }
        guard options.limit > 0, !options.selector.isEmpty else {
            let list = try store.list(prefix: prefix, startKey: start, limit: options.limit, at: revision)
            var page = ListPage(objects: list.objects, revision: list.revision)
            if !options.selector.isEmpty { page.objects = page.objects.filter(options.selector.matches) }
            if list.remaining > 0, let last = list.objects.last {
                page.next = ContinueToken(revision: list.revision, start: last.key.dropFirst(prefix.count) + "\0")
                page.remaining = list.remaining
            }
            return page
        }
        return try collectMatching(prefix: prefix, start: start, revision: revision, options)
    }

    /// With both a limit and a selector, goes on until enough objects match.
    private func collectMatching(
        prefix: String, start: String?, revision: Int64?, _ options: ListOptions
    ) throws(StoreError) -> ListPage {
        let list = try store.list(prefix: prefix, startKey: start, limit: 0, at: revision)
        var page = ListPage(objects: [], revision: list.revision)
        for (index, object) in list.objects.enumerated() where options.selector.matches(object) {
            page.objects.append(object)
            guard page.objects.count == options.limit else { continue }
            if index + 1 < list.objects.count {
                page.next = ContinueToken(revision: list.revision, start: object.key.dropFirst(prefix.count) + "\0")
            }
            break
        }
        return page
    }

    private func listError(
        _ error: StoreError, prefix: String, start: String?, _ options: ListOptions
    ) -> APIError {
        guard case .compacted(let requested, let compacted) = error else { return APIError(error) }
        guard let start else {
            return .gone("The resourceVersion for the provided list is too old.")
        }
        // A client that can live with a gap goes on with this token at the newest revision.
        let inconsistent = ContinueToken(revision: -1, start: String(start.dropFirst(prefix.count))).text
        var gone = APIError.gone(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list "
                + "without the continue parameter, or use the continue token in this response to retrieve the "
                + "remainder of the results. Continuing with the provided token results in an inconsistent list - "
                + "objects that were created, modified, or deleted between the time the first chunk was returned and "
                + "now may show up in the list.")
        gone.listContinue = inconsistent
        _ = (requested, compacted)
        return gone
    }
}

/// What a list found.
struct ListPage: Sendable {
    var objects: [StoredObject]
    var revision: Int64
    var next: ContinueToken?
    /// Objects after this page; 0 where it is not known, as with selectors.
    var remaining = 0

    /// `metadata` of the list, as JSON text.
    func metadata(isFiltered: Bool) -> String {
        var text = "{\"resourceVersion\":\"\(revision)\""
        if let next { text += ",\"continue\":\"\(next.text)\"" }
        if next != nil, remaining > 0, !isFiltered { text += ",\"remainingItemCount\":\(remaining)" }
        return text + "}"
    }
}
