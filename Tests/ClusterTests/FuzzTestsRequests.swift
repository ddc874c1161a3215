internal import APIMachinery
internal import Transport

/// Random requests: nearly right ones, mostly, since plain noise is refused at the door.
struct RequestMaker {
    private var mutator: Mutator
    private let seeds: [Seed]

    /// A valid object and the collection that it belongs to.
    struct Seed: Sendable {
        let collection: String
        let object: Value
    }

    /// `examples`: manifests of the repository, besides the built-in objects.
    init(seed: UInt64, examples: [Value]) {
        mutator = Mutator(random: SeededGenerator(seed: seed))
        seeds = (Self.objects + examples).compactMap { object in
            let kind = object["kind"]?.string ?? ""
            guard let collection = Self.collections[kind] else { return nil }
            return Seed(collection: collection, object: object)
        }
    }

    mutating func next() -> HTTPClientRequest {
        let seed = mutator.random.pick(seeds)
        let name = "fuzz-\(mutator.random.below(40))"
        var object = seed.object
        object.set(.string(name), at: ["metadata", "name"])
        let (method, isOnObject) = mutator.random.pick(Self.verbs)
        var target = seed.collection
        if isOnObject { target += "/" + name }
        if isOnObject, mutator.random.isHit(oneIn: 5) { target += "/" + mutator.random.pick(Self.subresources) }
        if mutator.random.isHit(oneIn: 20) { target = mutator.random.pick(Self.paths) }
        if mutator.random.isHit(oneIn: 10) { target = mutator.mutated(text: target) }
        target = Self.sendable(target) + query()
        let isPlain = !mutator.random.isHit(oneIn: 4)
        var headers: HTTPFields = ["Accept": isPlain ? "application/json" : mutator.random.pick(Self.accepted)]
        var body: [UInt8] = []
        if ["POST", "PUT", "PATCH", "DELETE"].contains(method) {
            let type = mutator.random.pick(
                method == "PATCH" ? Self.patchTypes : isPlain ? Self.plainTypes : Self.bodyTypes)
            headers.add("Content-Type", type)
            body = self.body(object, type: type, method: method)
        }
        if mutator.random.isHit(oneIn: 15) {
            let (name, value) = mutator.random.pick(Self.headers)
            headers.add(name, value)
        }
        return HTTPClientRequest(method: method, target: target, headers: headers, body: body)
    }

    private mutating func body(_ object: Value, type: String, method: String) -> [UInt8] {
        var object = object
        // One in three stays right, so that there is something to change, to list and to control.
        for _ in 0..<mutator.random.below(3) { object = mutator.mutated(object) }
        var bytes = object.jsonBytes()
        if type.hasPrefix("application/json-patch") {
            bytes = Array(
                #"[{"op":"\#(mutator.random.pick(["add", "remove", "replace", "move", "copy", "test", "x"]))","#.utf8)
            bytes += Array(#""path":"\#(mutator.random.pick(Self.pointers))","from":"/metadata","value":"#.utf8)
            bytes += object.jsonBytes() + Array("}]".utf8)
        } else if type.contains("protobuf") {
            bytes = Array("k8s\u{0}".utf8) + [0x0a, 0x0f] + mutator.random.bytes(mutator.random.below(200))
        } else if type.contains("yaml"), mutator.random.isHit(oneIn: 2) {
            bytes = Array(object.yaml().utf8)
        } else if method == "DELETE" {
            bytes = Array(#"{"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0}"#.utf8)
        }
        return mutator.random.isHit(oneIn: 5) ? mutator.mutated(bytes) : bytes
    }

    private mutating func query() -> String {
        guard mutator.random.isHit(oneIn: 3) else { return "" }
        var text = "?"
        for _ in 0...mutator.random.below(3) { text += mutator.random.pick(Self.queries) + "&" }
        return mutator.random.isHit(oneIn: 5) ? "?" + Self.sendable(mutator.mutated(text: text)) : text
    }

    /// A request line with blanks or control bytes is for the raw connections to send.
    private static func sendable(_ text: String) -> String {
        let kept = text.utf8.filter { $0 > 0x20 && $0 < 0x7f }
        return "/" + String(decoding: kept.drop { $0 == UInt8(ascii: "/") }, as: UTF8.self)
    }

    // MARK: Material

    private static let verbs = [
        ("GET", false), ("GET", true), ("GET", true), ("POST", false), ("POST", false), ("POST", false), ("PUT", true),
        ("PUT", true), ("PATCH", true), ("PATCH", true), ("PATCH", true), ("DELETE", true), ("DELETE", false),
        ("OPTIONS", false), ("HEAD", true), ("POST", true), ("PUT", false),
    ]
    private static let subresources = [
        "status", "scale", "log", "exec", "attach", "portforward", "binding", "eviction", "token", "finalize",
        "ephemeralcontainers", "resize", "proxy", "nothing", "approval",
    ]
    private static let accepted = [
        "application/json", "application/json", "application/json", "application/yaml", "*/*", "text/html", "",
        "application/vnd.kubernetes.protobuf", "application/vnd.kubernetes.protobuf;stream=watch",
        "application/json;as=Table;v=v1;g=meta.k8s.io", "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
        "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json", ";;;,,,=", "a/b;q=x",
    ]
    private static let plainTypes = ["application/json", "application/json", "application/yaml"]
    private static let bodyTypes = [
        "application/json", "application/json", "application/json", "application/json", "application/yaml",
        "application/vnd.kubernetes.protobuf", "text/plain", "", "application/json; charset=utf-8", "a",
    ]
    private static let patchTypes = [
        "application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json",
        "application/strategic-merge-patch+json", "application/apply-patch+yaml", "application/json", "",
    ]
    private static let queries = [
        "watch=true&timeoutSeconds=1", "watch=1&timeoutSeconds=1&resourceVersion=0", "limit=1", "limit=-1", "limit=x",
        "continue=abc", "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MX0", "resourceVersion=0", "resourceVersion=-1",
        "resourceVersionMatch=Exact", "labelSelector=a%3Db", "labelSelector=a+in+(b,c),!d", "labelSelector=((((",
        "fieldSelector=metadata.name%3Dx", "fieldSelector=spec.nodeName!%3Dx", "fieldSelector==", "dryRun=All",
        "fieldValidation=Strict", "fieldValidation=Warn", "fieldManager=f", "force=true", "propagationPolicy=Orphan",
        "propagationPolicy=Foreground", "gracePeriodSeconds=0", "gracePeriodSeconds=-1", "sendInitialEvents=true",
        "allowWatchBookmarks=true", "pretty=true", "timeout=1s", "timeoutSeconds=-5", "container=x", "command=a",
        "follow=true", "tailLines=-1", "%", "%00=%ff", "a=b=c",
    ]
    private static let paths = [
        "/", "/api", "/apis", "/apis/apps", "/apis/apps/v1", "/version", "/healthz", "/readyz?verbose", "/livez/x",
        "/metrics", "/openapi/v2", "/openapi/v3", "/openapi/v3/apis/apps/v1", "/api/v1/namespaces/default/pods/../x",
        "/api/v1/namespaces//pods", "/api/v1/watch/pods?timeoutSeconds=1", "/apis/a/b/c/d/e/f/g/h", "/api/v1/nodes",
        "/api/v1/proxy/x", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "//", "/api/v1/events", "/%2e%2e",
        "/apis/authentication.k8s.io/v1/tokenreviews", "/api/v1/pods", "/api/v1/componentstatuses",
    ]
    private static let pointers = [
        "", "/", "/metadata", "/metadata/labels/a~1b", "/metadata/labels", "/spec", "/spec/containers/0", "/data/a",
        "/spec/containers/-", "/spec/containers/99999999999", "/~", "/~2", "/metadata/name", "a",
    ]
    private static let headers = [
        ("Accept-Encoding", "gzip"), ("Content-Encoding", "gzip"), ("Upgrade", "websocket"), ("Upgrade", "SPDY/3.1"),
        ("Connection", "Upgrade"), ("Impersonate-User", "somebody"), ("Impersonate-Group", ""),
        ("Expect", "100-continue"),
        ("Authorization", "Basic YTpi"), ("If-None-Match", "*"), ("Range", "bytes=0-1"), ("X-Long", longHeader),
        ("Sec-WebSocket-Protocol", "v5.channel.k8s.io"), ("Sec-WebSocket-Key", "x"), ("Host", "a b"),
    ]
    private static let longHeader = String(repeating: "z", count: 12_000)

    private static let collections = [
        "ConfigMap": "/api/v1/namespaces/default/configmaps", "Secret": "/api/v1/namespaces/default/secrets",
        "Pod": "/api/v1/namespaces/default/pods", "Service": "/api/v1/namespaces/default/services",
        "Namespace": "/api/v1/namespaces", "Deployment": "/apis/apps/v1/namespaces/default/deployments",
        "StatefulSet": "/apis/apps/v1/namespaces/default/statefulsets",
        "DaemonSet": "/apis/apps/v1/namespaces/default/daemonsets",
        "ReplicaSet": "/apis/apps/v1/namespaces/default/replicasets", "Job": "/apis/batch/v1/namespaces/default/jobs",
        "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles", "Node": "/api/v1/nodes",
        "Lease": "/apis/coordination.k8s.io/v1/namespaces/default/leases",
        "Event": "/api/v1/namespaces/default/events", "ServiceAccount": "/api/v1/namespaces/default/serviceaccounts",
    ]

    private static let objects: [Value] = manifests.compactMap { try? Value(json: Array($0.utf8)) }

    private static let template =
        #"{"metadata":{"labels":{"a":"b"}},"spec":{"nodeSelector":{"no":"where"},"containers":[{"name":"c","image":"i"}]}}"#

    private static let manifests = [
        #"{"apiVersion":"v1","kind":"ConfigMap","metadata":{},"data":{"a":"b"},"binaryData":{"c":"AAEC"}}"#,
        #"{"apiVersion":"v1","kind":"Secret","metadata":{"labels":{"a":"b"}},"type":"Opaque","data":{"a":"YQ=="}}"#,
        #"{"apiVersion":"v1","kind":"Namespace","metadata":{"finalizers":["example.com/x"]}}"#,
        #"{"apiVersion":"v1","kind":"ServiceAccount","metadata":{}}"#,
        #"{"apiVersion":"v1","kind":"Service","metadata":{},"spec":{"type":"NodePort","selector":{"a":"b"},"#
            + #""ports":[{"name":"h","port":80,"targetPort":"http","protocol":"TCP"}]}}"#,
        #"{"apiVersion":"v1","kind":"Node","metadata":{"labels":{"x":"y"}},"spec":{"taints":[{"key":"a","effect":"NoSchedule"}],"unschedulable":true}}"#,
        #"{"apiVersion":"v1","kind":"Event","metadata":{},"involvedObject":{"kind":"Pod","namespace":"default","name":"p"},"reason":"R","message":"m","type":"Normal","firstTimestamp":"2026-01-01T00:00:00Z","count":1}"#,
        #"{"apiVersion":"v1","kind":"Pod","metadata":{"labels":{"a":"b"},"annotations":{"c":"d"},"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"o","uid":"u"}]},"spec":{"nodeSelector":{"no":"where"},"#
            + #""tolerations":[{"operator":"Exists"}],"volumes":[{"name":"v","emptyDir":{"sizeLimit":"1Gi"}},{"name":"w","configMap":{"name":"m"}}],"#
            + #""affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"k","operator":"In","values":["v"]}]}]}}},"#
            + #""containers":[{"name":"c","image":"i","env":[{"name":"N","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}],"ports":[{"containerPort":80}],"#
            + #""resources":{"requests":{"cpu":"100m","memory":"1Gi"}},"volumeMounts":[{"name":"v","mountPath":"/v"}],"livenessProbe":{"httpGet":{"path":"/","port":"h"},"periodSeconds":5}}]}}"#,
        #"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{},"spec":{"replicas":2,"strategy":{"rollingUpdate":{"maxSurge":"25%","maxUnavailable":1}},"selector":{"matchLabels":{"a":"b"}},"template":\#(template)}}"#,
        #"{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{},"spec":{"replicas":1,"selector":{"matchExpressions":[{"key":"a","operator":"In","values":["b"]}]},"template":\#(template)}}"#,
        #"{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{},"spec":{"serviceName":"s","replicas":1,"selector":{"matchLabels":{"a":"b"}},"template":\#(template),"volumeClaimTemplates":[{"metadata":{"name":"d"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}]}}"#,
        #"{"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":\#(template)}}"#,
        #"{"apiVersion":"batch/v1","kind":"Job","metadata":{},"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"i"}]}}}}"#,
        #"{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role","metadata":{},"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}]}"#,
        #"{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{},"spec":{"holderIdentity":"h","leaseDurationSeconds":40,"renewTime":"2026-01-01T00:00:00.000000Z"}}"#,
    ]
}
