internal import APIMachinery
internal import Storage

/// Holds pods and claims to the LimitRanges of their namespace, and fills in the requests and limits these give.
struct LimitRanger: AdmissionPlugin {
    let store: any Store
    /// `/registry/limitranges/`
    let prefix: String

    private static let annotation = "kubernetes.io/limit-ranger"

    func concerns(_ resource: Resource) -> Bool {
        resource.id.group.isEmpty && ["pods", "persistentvolumeclaims"].contains(resource.id.plural)
    }

    func mutate(_ request: inout AdmissionRequest) async throws(APIError) {
        guard applies(request), request.isFor("", "pods") else { return }
        for range in ranges(request.namespace) { Self.applyDefaults(&request.object, of: range) }
    }

    func validate(_ request: inout AdmissionRequest) async throws(APIError) {
        guard applies(request) else { return }
        for range in ranges(request.namespace) {
            let found =
                request.isFor("", "pods")
                ? Self.podViolations(request.object, range) : Self.claimViolations(request.object, range)
            if !found.isEmpty { throw request.forbidden(AggregateText.join(found)) }
        }
    }

    /// Containers cannot change but through `resize`; what is being deleted is left alone.
    private func applies(_ request: AdmissionRequest) -> Bool {
        guard request.operation == .create || request.operation == .update else { return false }
        if let old = request.old, old.isBeingDeleted { return false }
        if request.isFor("", "pods") {
            return request.operation == .create ? request.subresource.isEmpty : request.subresource == "resize"
        }
        return request.subresource.isEmpty
    }

    private func ranges(_ namespace: String) -> [Value] {
        guard let list = try? store.list(prefix: prefix + namespace + "/", startKey: nil, limit: 0, at: nil) else {
            return []
        }
        return list.objects.compactMap { try? Value(json: $0.value) }
    }

    // MARK: Defaults

    private static func applyDefaults(_ pod: inout Value, of range: Value) {
        var requests: [(key: String, value: Value)] = []
        var limits: [(key: String, value: Value)] = []
        for item in range["spec"]?.list("limits") ?? [] where item.text("type") == "Container" {
            requests += item.entries("defaultRequest")
            limits += item.entries("default")
        }
        guard !requests.isEmpty || !limits.isEmpty else { return }
        var notes: [String] = []
        pod.edit("spec") { spec in
            for (list, word) in [("containers", "container"), ("initContainers", "init container")] {
                spec.editEach(list) { container in
                    let name = container.text("name")
                    // Limits first: requests that a limit would give were set when the pod was decoded.
                    let limited = fill(&container, "limits", limits)
                    let requested = fill(&container, "requests", requests)
                    if !requested.isEmpty {
                        notes.append(requested.joined(separator: ", ") + " request for \(word) \(name)")
                    }
                    if !limited.isEmpty { notes.append(limited.joined(separator: ", ") + " limit for \(word) \(name)") }
                }
            }
        }
        guard !notes.isEmpty else { return }
        pod.editMetadata { metadata in
            metadata.editObject("annotations") {
                $0[annotation] = .string("LimitRanger plugin set: " + notes.joined(separator: "; "))
            }
        }
    }

    /// The names of the resources that were missing and are set now, sorted.
    private static func fill(
        _ container: inout Value, _ list: String, _ defaults: [(key: String, value: Value)]
    ) -> [String] {
        var set: [String] = []
        container.editObject("resources") { resources in
            for (name, quantity) in defaults where resources[list]?[name] == nil {
                resources.editObject(list) { $0[name] = quantity }
                set.append(name)
            }
        }
        return set.sorted()
    }

    // MARK: Limits

    private static func podViolations(_ pod: Value, _ range: Value) -> [String] {
        let spec = pod["spec"] ?? [:]
        var found: [String] = []
        for item in range["spec"]?.list("limits") ?? [] {
            switch item.text("type") {
            case "Container":
                for container in spec.list("containers") + spec.list("initContainers") {
                    let resources = container["resources"] ?? [:]
                    found += Self.violations(
                        item, requests: PodResources.list(resources, "requests"),
                        limits: PodResources.list(resources, "limits"))
                }
            case "Pod":
                found += Self.violations(
                    item, requests: PodResources.total(spec, "requests"), limits: PodResources.total(spec, "limits"))
            default: break
            }
        }
        return found
    }

    private static func claimViolations(_ claim: Value, _ range: Value) -> [String] {
        let requests = PodResources.list(claim[path: "spec", "resources"] ?? [:], "requests")
        var found: [String] = []
        for item in range["spec"]?.list("limits") ?? [] where item.text("type") == "PersistentVolumeClaim" {
            for (name, bound) in PodResources.sorted(item, "min") {
                found += LimitRule.minimum.violations(item, name, bound, requests: requests, limits: [:])
            }
            for (name, bound) in PodResources.sorted(item, "max") {
                found += LimitRule.maximumRequest.violations(item, name, bound, requests: requests, limits: [:])
            }
        }
        return found
    }

    private static func violations(
        _ item: Value, requests: [String: Quantity], limits: [String: Quantity]
    ) -> [String] {
        var found: [String] = []
        for (field, rule) in [("min", LimitRule.minimum), ("max", .maximum), ("maxLimitRequestRatio", .ratio)] {
            for (name, bound) in PodResources.sorted(item, field) {
                found += rule.violations(item, name, bound, requests: requests, limits: limits)
            }
        }
        return found
    }
}

/// One bound of a LimitRange and what it says of a resource that is past it.
enum LimitRule {
    case minimum, maximum, maximumRequest, ratio

    func violations(
        _ item: Value, _ name: String, _ bound: Quantity, requests: [String: Quantity], limits: [String: Quantity]
    ) -> [String] {
        let per = item.text("type")
        let request = requests[name]
        let limit = limits[name]
        switch self {
        case .minimum:
            let text = "minimum \(name) usage per \(per) is \(bound)"
            guard let request else { return [text + ".  No request is specified"] }
            if request < bound { return [text + ", but request is \(request)"] }
            if let limit, limit < bound { return [text + ", but limit is \(limit)"] }
        case .maximum:
            let text = "maximum \(name) usage per \(per) is \(bound)"
            guard let limit else { return [text + ".  No limit is specified"] }
            if limit > bound { return [text + ", but limit is \(limit)"] }
            if let request, request > bound { return [text + ", but request is \(request)"] }
        case .maximumRequest:
            let text = "maximum \(name) usage per \(per) is \(bound)"
            guard let request else { return [text + ".  No request is specified"] }
            if request > bound { return [text + ", but request is \(request)"] }
        case .ratio:
            let text = "\(name) max limit to request ratio per \(per) is \(bound), but "
            guard let request, !request.isZero else { return [text + "no request is specified or request is 0"] }
            guard let limit, !limit.isZero else { return [text + "no limit is specified or limit is 0"] }
            let ratio = Self.units(limit, request)
            if ratio > bound.approximateDouble { return [text + "provided ratio is \(Self.sixDecimals(ratio))"] }
        }
        return []
    }

    /// Upstream divides thousandths while they fit, and whole units else.
    private static func units(_ limit: Quantity, _ request: Quantity) -> Double {
        let milliMax = Int64.max / 1000
        return limit.value <= milliMax && request.value <= milliMax
            ? Double(limit.milliValue) / Double(request.milliValue) : Double(limit.value) / Double(request.value)
    }

    /// C's `%f`.
    private static func sixDecimals(_ value: Double) -> String {
        let scaled = (value * 1_000_000).rounded()
        guard scaled.magnitude < 9e18 else { return String(value) }
        let micros = Int64(scaled)
        let fraction = String(micros % 1_000_000)
        return "\(micros / 1_000_000)." + String(repeating: "0", count: 6 - fraction.utf8.count) + fraction
    }
}

/// How upstream prints several errors at once.
enum AggregateText {
    static func join(_ texts: [String]) -> String {
        var seen = Set<String>()
        let unique = texts.filter { seen.insert($0).inserted }
        return unique.count == 1 ? unique[0] : "[" + unique.joined(separator: ", ") + "]"
    }
}
