internal import APIMachinery

/// Events of both groups. `events.k8s.io` has other names for the same fields and stricter rules; messages have the
/// names of core Events.
struct EventValidation {
    private static let textMax = 128
    private static let noteMax = 1024

    private let event: Value
    private let isNew: Bool

    init(_ event: Value) {
        self.event = event
        isNew = event.text("apiVersion").hasPrefix("events.k8s.io")
    }

    private func member(_ core: String, _ new: String) -> Value? { event.present(isNew ? new : core) }
    private var involved: Value { member("involvedObject", "regarding") ?? [:] }
    private var controller: String { member("reportingComponent", "reportingController")?.string ?? "" }
    private var message: String { member("message", "note")?.string ?? "" }

    /// Rules for Events of both groups.
    func shared() -> [FieldError] {
        var errors = FieldErrors()
        if event.present("eventTime") == nil {
            place(emptyIsFor: ["", "default"], &errors)
        } else {
            placeOfTimed(&errors)
            reporter(&errors)
            for (name, text) in [("action", event.text("action")), ("reason", event.text("reason"))] {
                if text.isEmpty { errors.required(.root(name)) }
                limit(name, text, Self.textMax, &errors)
            }
            limit("message", message, Self.noteMax, &errors)
        }
        errors.subdomain(.root("namespace"), event.namespace)
        return errors.list
    }

    private func place(emptyIsFor namespaces: [String], _ errors: inout FieldErrors) {
        let namespace = involved.text("namespace")
        let fits = namespace.isEmpty ? namespaces.contains(event.namespace) : namespace == event.namespace
        if !fits { errors.invalid(.root("involvedObject.namespace"), namespace, "does not match event.namespace") }
    }

    /// Events about objects without a namespace live in one of two.
    private func placeOfTimed(_ errors: inout FieldErrors) {
        guard involved.text("namespace").isEmpty, !["default", "kube-system"].contains(event.namespace) else { return }
        errors.invalid(.root("involvedObject.namespace"), "", "does not match event.namespace")
    }

    private func reporter(_ errors: inout FieldErrors) {
        let path = FieldPath.root(isNew ? "reportingController" : "reportingComponent")
        if controller.isEmpty { errors.required(path) }
        errors.qualifiedName(path, controller)
        let instance = event.text("reportingInstance")
        if instance.isEmpty { errors.required(.root("reportingInstance")) }
        limit("reportingInstance", instance, Self.textMax, &errors)
    }

    private func limit(_ name: String, _ text: String, _ max: Int, _ errors: inout FieldErrors) {
        if text.utf8.count > max { errors.invalid(.root(name), "", "can have at most \(max) characters") }
    }

    /// Rules for those who write `events.k8s.io`.
    func strictCreate() -> [FieldError] {
        guard isNew else { return [] }
        var errors = FieldErrors()
        let name = event.name
        errors.subdomain(.root("metadata.name"), name)
        series(&errors)
        if event.present("eventTime") == nil { errors.required(.root("eventTime")) }
        let type = event.text("type")
        if type != "Normal", type != "Warning" { errors.invalid(.root("type"), "", "has invalid value: \(type)") }
        let old: [(String, Bool)] = [
            ("firstTimestamp", event.present("deprecatedFirstTimestamp") != nil),
            ("lastTimestamp", event.present("deprecatedLastTimestamp") != nil),
            ("count", event["deprecatedCount"]?.int ?? 0 != 0),
            ("source", !(event["deprecatedSource"] ?? [:]).isEmptyValue),
        ]
        for (name, isSet) in old where isSet { errors.invalid(.root(name), "", "needs to be unset") }
        return errors.list
    }

    private func series(_ errors: inout FieldErrors) {
        guard let series = event.present("series") else { return }
        if series["count"]?.int ?? 0 < 2 { errors.invalid(.root("series.count"), "", "should be at least 2") }
        if series.present("lastObservedTime") == nil { errors.required(.root("series.lastObservedTime")) }
    }

    private static let immutable: [(shown: String, new: String)] = [
        ("involvedObject", "regarding"), ("reason", "reason"), ("message", "note"), ("source", "deprecatedSource"),
        ("firstTimestamp", "deprecatedFirstTimestamp"), ("lastTimestamp", "deprecatedLastTimestamp"),
        ("count", "deprecatedCount"), ("type", "type"), ("eventTime", "eventTime"), ("action", "action"),
        ("related", "related"), ("reportingController", "reportingController"),
        ("reportingInstance", "reportingInstance"),
    ]

    /// Only the series may change, and metadata.
    func strictUpdate(from old: EventValidation) -> [FieldError] {
        guard isNew else { return [] }
        var errors = FieldErrors()
        if event.present("series") != old.event.present("series") { series(&errors) }
        for (shown, name) in Self.immutable { errors.immutable(.root(shown), event[name], old.event[name]) }
        return errors.list
    }
}
