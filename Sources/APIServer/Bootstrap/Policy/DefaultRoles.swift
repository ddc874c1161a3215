/// The roles every cluster has from the start.
///
/// One rule a line: verbs, then the API groups (`core` for the one without a name), the resources and, if the rule is
/// about certain objects only, their names; for paths `verbs urls paths`. Words stand for common lists: `read`,
/// `write`, `all` for verbs, `events` for the right to report.
struct DefaultRole: Sendable {
    let name: String
    let rules: [PolicyRule]
    /// `view`, `edit` or `admin`: its rules become part of that ClusterRole.
    var aggregatesTo: String?
    /// Gathers the roles that are labelled for `view`, `edit` or `admin`.
    var aggregates: String?

    init(_ name: String, aggregatesTo: String? = nil, aggregates: String? = nil, _ rules: String = "") {
        self.name = name
        self.rules = rules.split(separator: "\n").map { Self.rule($0) }
        self.aggregatesTo = aggregatesTo
        self.aggregates = aggregates
    }

    private static let verbs: [Substring: [String]] = [
        "read": ["get", "list", "watch"],
        "write": ["create", "delete", "deletecollection", "patch", "update"],
        "all": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
        "readupdate": ["get", "list", "patch", "update", "watch"],
    ]

    static let events = PolicyRule(
        verbs: ["create", "patch", "update"], apiGroups: ["", "events.k8s.io"], resources: ["events"])

    /// Lists are sorted, as upstream's are.
    private static func rule(_ line: Substring) -> PolicyRule {
        let words = line.split(separator: " ")
        guard words.count >= 3 else { return events }
        func list(_ word: Substring) -> [String] { word.split(separator: ",").map(String.init).sorted() }
        let verbs = verbs[words[0]] ?? list(words[0])
        if words[1] == "urls" { return PolicyRule(verbs: verbs, nonResourceURLs: list(words[2])) }
        return PolicyRule(
            verbs: verbs, apiGroups: list(words[1]).map { $0 == "core" ? "" : $0 }.sorted(),
            resources: list(words[2]), resourceNames: words.count > 3 ? list(words[3]) : [])
    }
}

enum DefaultRoles {
    static let nodeRules = node.rules

    static var clusterRoles: [DefaultRole] { users + system + certificates + ControllerRoles.all }

    private static let users = [
        DefaultRole("cluster-admin", "* * *\n* urls *"),
        DefaultRole("admin", aggregates: "admin"),
        DefaultRole("edit", aggregatesTo: "admin", aggregates: "edit"),
        DefaultRole("view", aggregatesTo: "edit", aggregates: "view"),
        DefaultRole(
            "system:aggregate-to-admin", aggregatesTo: "admin",
            """
            create authorization.k8s.io localsubjectaccessreviews
            all rbac.authorization.k8s.io roles,rolebindings
            """),
        DefaultRole(
            "system:aggregate-to-edit", aggregatesTo: "edit",
            """
            read core pods/attach,pods/proxy,pods/exec,pods/portforward,secrets,services/proxy
            impersonate core serviceaccounts
            write core pods,pods/attach,pods/proxy,pods/exec,pods/portforward
            create core pods/eviction
            write core \
            replicationcontrollers,replicationcontrollers/scale,serviceaccounts,services,services/proxy,\
            persistentvolumeclaims,configmaps,secrets
            write core,events.k8s.io events
            create core serviceaccounts/token
            write apps \
            statefulsets,statefulsets/scale,daemonsets,deployments,deployments/scale,deployments/rollback,\
            replicasets,replicasets/scale
            write autoscaling horizontalpodautoscalers
            write batch jobs,cronjobs
            write extensions \
            daemonsets,deployments,deployments/scale,deployments/rollback,ingresses,replicasets,replicasets/scale,\
            replicationcontrollers/scale,networkpolicies
            write policy poddisruptionbudgets
            write networking.k8s.io networkpolicies,ingresses
            all coordination.k8s.io leases
            write resource.k8s.io resourceclaims,resourceclaimtemplates
            """),
        DefaultRole(
            "system:aggregate-to-view", aggregatesTo: "view",
            """
            read core \
            pods,replicationcontrollers,replicationcontrollers/scale,serviceaccounts,services,services/status,\
            endpoints,persistentvolumeclaims,persistentvolumeclaims/status,configmaps
            read core \
            limitranges,resourcequotas,bindings,pods/status,resourcequotas/status,namespaces/status,\
            replicationcontrollers/status,pods/log
            read core namespaces
            read core,events.k8s.io events
            read discovery.k8s.io endpointslices
            read apps \
            controllerrevisions,statefulsets,statefulsets/status,statefulsets/scale,daemonsets,daemonsets/status,\
            deployments,deployments/status,deployments/scale,replicasets,replicasets/status,replicasets/scale
            read autoscaling horizontalpodautoscalers,horizontalpodautoscalers/status
            read batch jobs,cronjobs,cronjobs/status,jobs/status
            read extensions \
            daemonsets,daemonsets/status,deployments,deployments/scale,deployments/status,ingresses,\
            ingresses/status,replicasets,replicasets/scale,replicasets/status,replicationcontrollers/scale,\
            networkpolicies
            read policy poddisruptionbudgets,poddisruptionbudgets/status
            read networking.k8s.io networkpolicies,ingresses,ingresses/status
            read resource.k8s.io resourceclaims,resourceclaims/status,resourceclaimtemplates
            """),
    ]

    private static let node = DefaultRole(
        "system:node",
        """
        create authentication.k8s.io tokenreviews
        create authorization.k8s.io subjectaccessreviews,localsubjectaccessreviews
        read core services
        create,get,list,watch core nodes
        update,patch core nodes/status
        update,patch core nodes
        events
        read core pods
        create,delete core pods
        update,patch core pods/status
        create core pods/eviction
        read core secrets,configmaps
        get core persistentvolumeclaims,persistentvolumes
        get core endpoints
        create,get,list,watch certificates.k8s.io certificatesigningrequests
        get,create,update,patch,delete coordination.k8s.io leases
        get storage.k8s.io volumeattachments
        create core serviceaccounts/token
        get,update,patch core persistentvolumeclaims/status
        read storage.k8s.io csidrivers
        get,create,update,patch,delete storage.k8s.io csinodes
        read node.k8s.io runtimeclasses
        get resource.k8s.io resourceclaims
        deletecollection resource.k8s.io resourceslices
        get core serviceaccounts
        """)

    private static let system = [
        DefaultRole(
            "system:discovery",
            "get urls /livez,/readyz,/healthz,/version,/version/,/openapi,/openapi/*,/api,/api/*,/apis,/apis/*"),
        DefaultRole(
            "system:monitoring",
            "get urls /metrics,/metrics/slis,/livez,/readyz,/healthz,/livez/*,/readyz/*,/healthz/*"),
        DefaultRole(
            "system:basic-user",
            """
            create authorization.k8s.io selfsubjectaccessreviews,selfsubjectrulesreviews
            create authentication.k8s.io selfsubjectreviews
            """),
        DefaultRole("system:public-info-viewer", "get urls /livez,/readyz,/healthz,/version,/version/"),
        DefaultRole(
            "system:heapster",
            """
            read core events,pods,nodes,namespaces
            read extensions deployments
            """),
        node,
        DefaultRole("system:node-problem-detector", "get core nodes\npatch core nodes/status\nevents"),
        DefaultRole(
            "system:kubelet-api-admin",
            """
            read core nodes
            proxy core nodes
            * core nodes/proxy,nodes/metrics,nodes/stats,nodes/log
            * core nodes/configz,nodes/healthz,nodes/pods
            """),
        DefaultRole(
            "system:node-bootstrapper", "create,get,list,watch certificates.k8s.io certificatesigningrequests"),
        DefaultRole(
            "system:auth-delegator",
            """
            create authentication.k8s.io tokenreviews
            create authorization.k8s.io subjectaccessreviews
            """),
        DefaultRole("system:kube-aggregator", "read core services,endpoints"),
        DefaultRole(
            "system:kube-controller-manager",
            """
            events
            create coordination.k8s.io leases
            get,update coordination.k8s.io leases kube-controller-manager
            create core secrets,serviceaccounts
            delete core secrets
            get core namespaces,secrets,serviceaccounts,configmaps
            update core secrets,serviceaccounts
            create authentication.k8s.io tokenreviews
            create authorization.k8s.io subjectaccessreviews
            list,watch * *
            create core serviceaccounts/token
            """),
        DefaultRole("system:kube-dns", "list,watch core endpoints,services"),
        DefaultRole(
            "system:persistent-volume-provisioner",
            """
            get,list,watch,create,delete core persistentvolumes
            get,list,watch,update core persistentvolumeclaims
            read storage.k8s.io storageclasses
            watch core events
            events
            """),
        DefaultRole(
            "system:volume-scheduler",
            """
            readupdate core persistentvolumes
            read storage.k8s.io storageclasses
            readupdate core persistentvolumeclaims
            """),
        DefaultRole(
            "system:service-account-issuer-discovery",
            """
            get urls /.well-known/openid-configuration,/.well-known/openid-configuration/,\
            /openid/v1/jwks,/openid/v1/jwks/
            """),
        DefaultRole(
            "system:node-proxier",
            """
            list,watch core services,endpoints
            read core nodes
            events
            list,watch networking.k8s.io servicecidrs
            list,watch discovery.k8s.io endpointslices
            """),
        scheduler,
    ]

    private static let scheduler = DefaultRole(
        "system:kube-scheduler",
        """
        events
        create coordination.k8s.io leases
        get,list,update,watch coordination.k8s.io leases kube-scheduler
        all coordination.k8s.io leasecandidates
        read core nodes
        get,list,watch,delete core pods
        create core pods/binding,bindings
        patch,update core pods/status
        read core services,replicationcontrollers
        read apps,extensions replicasets
        read apps statefulsets
        read policy poddisruptionbudgets
        read core persistentvolumeclaims,persistentvolumes
        create authentication.k8s.io tokenreviews
        create authorization.k8s.io subjectaccessreviews
        read storage.k8s.io csinodes
        read storage.k8s.io volumeattachments
        read core namespaces
        read storage.k8s.io csidrivers
        read storage.k8s.io csistoragecapacities
        read resource.k8s.io deviceclasses
        readupdate resource.k8s.io resourceclaims
        readupdate resource.k8s.io resourceclaims/status
        patch,update resource.k8s.io resourceclaims/binding
        readupdate core pods/finalizers
        read resource.k8s.io resourceslices
        """)

    private static let certificates =
        [
            DefaultRole(
                "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
                "create certificates.k8s.io certificatesigningrequests/nodeclient"),
            DefaultRole(
                "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
                "create certificates.k8s.io certificatesigningrequests/selfnodeclient"),
        ]
        + ["legacy-unknown", "kubelet-serving", "kube-apiserver-client", "kube-apiserver-client-kubelet"].map {
            DefaultRole(
                "system:certificates.k8s.io:\($0)-approver", "approve certificates.k8s.io signers kubernetes.io/\($0)")
        }
}
