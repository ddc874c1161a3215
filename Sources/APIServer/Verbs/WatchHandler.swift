internal import APIMachinery
internal import Storage
internal import Transport

/// WATCH: what a client sees of changes, from when on.
extension APIServer {
    func watch(_ context: RequestContext) throws(APIError) -> Answer {
        let resource = context.resource
        let options = try ListOptions(context.query, resource: resource, isWatch: true, name: context.name)
        let encoder = try WatchEncoder(server: self, context: context)
        let prefix = resource.prefix(namespace: context.namespace)
        let contentType = context.format.watchContentType
        let source: WatchSource
        do {
            source = try watchSource(prefix: prefix, options)
        } catch .compacted(let requested, let compacted) {
            // The answer is a stream with one ERROR event, so that clients find out on the path they already have.
            let error = APIError.gone("too old resource version: \(requested) (\(compacted))")
            return .raw(status: 200, contentType: contentType, .bytes(encoder.error(error)))
        } catch {
            throw APIError(error)
        }
        let stream = WatchStream(source: source, selector: options.selector, encoder: encoder, options: options)
        watches.add(stream, timeoutSeconds: options.timeoutSeconds, wantsBookmarks: options.allowsBookmarks)
        return .stream(contentType: contentType, stream)
    }

    /// Upstream's rules for where a watch begins.
    private func watchSource(prefix: String, _ options: ListOptions) throws(StoreError) -> WatchSource {
        let version = options.resourceVersion
        if options.sendsInitialEvents == true {
            let (list, watcher) = try store.listAndWatch(prefix: prefix)
            return WatchSource(initial: list.objects, revision: list.revision, marksEnd: true, watcher: watcher)
        }
        if options.sendsInitialEvents == false, version ?? 0 == 0 {
            let revision = store.revision
            return WatchSource(
                initial: [], revision: revision, marksEnd: false,
                watcher: try store.watch(prefix: prefix, after: revision))
        }
        if let version, version > 0 {
            let revision = min(version, store.revision)
            return WatchSource(
                initial: [], revision: revision, marksEnd: false,
                watcher: try store.watch(prefix: prefix, after: revision))
        }
        let (list, watcher) = try store.listAndWatch(prefix: prefix)
        return WatchSource(initial: list.objects, revision: list.revision, marksEnd: false, watcher: watcher)
    }
}

/// What a watch begins with.
struct WatchSource: Sendable {
    /// Sent as ADDED first.
    var initial: [StoredObject]
    /// The revision of `initial`.
    var revision: Int64
    /// A bookmark that says so follows the initial events.
    var marksEnd: Bool
    var watcher: StoreWatcher
}
