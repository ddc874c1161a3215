/// A role's default holders.
struct DefaultBinding: Sendable {
    enum Subject: Sendable {
        case user(String)
        case group(String)
        /// Of `kube-system`.
        case account(String)
    }

    let name: String
    let roleKind: String
    let roleName: String
    let subjects: [Subject]

    init(_ name: String, of roleName: String? = nil, kind: String = "ClusterRole", _ subjects: [Subject]) {
        self.name = name
        self.roleKind = kind
        self.roleName = roleName ?? name
        self.subjects = subjects
    }
}

enum DefaultBindings {
    private static let controllerManager = DefaultBinding.Subject.user("system:kube-controller-manager")
    private static let scheduler = DefaultBinding.Subject.user("system:kube-scheduler")

    static let cluster: [DefaultBinding] =
        [
            DefaultBinding("cluster-admin", [.group("system:masters")]),
            DefaultBinding("system:monitoring", [.group("system:monitoring")]),
            DefaultBinding("system:discovery", [.group("system:authenticated")]),
            DefaultBinding("system:basic-user", [.group("system:authenticated")]),
            DefaultBinding(
                "system:public-info-viewer", [.group("system:authenticated"), .group("system:unauthenticated")]),
            DefaultBinding("system:node-proxier", [.user("system:kube-proxy")]),
            DefaultBinding("system:kube-controller-manager", [controllerManager]),
            DefaultBinding("system:kube-dns", [.account("kube-dns")]),
            DefaultBinding("system:kube-scheduler", [scheduler]),
            DefaultBinding("system:volume-scheduler", [scheduler]),
            // Nodes have their own authorizer; the binding stays for those who add subjects to it.
            DefaultBinding("system:node", []),
            DefaultBinding("system:service-account-issuer-discovery", [.group("system:serviceaccounts")]),
        ]
        + ControllerRoles.all.map {
            DefaultBinding($0.name, [.account(String($0.name.dropFirst(ControllerRoles.prefix.count)))])
        }

    static let roles: [(namespace: String, role: DefaultRole)] = [
        (
            "kube-system",
            DefaultRole(
                "extension-apiserver-authentication-reader",
                "read core configmaps extension-apiserver-authentication")
        ),
        ("kube-system", DefaultRole("system:controller:bootstrap-signer", "read core secrets")),
        (
            "kube-system",
            DefaultRole("system:controller:cloud-provider", "create,get,list,watch core configmaps")
        ),
        (
            "kube-system",
            DefaultRole("system:controller:token-cleaner", "get,list,watch,delete core secrets\nevents")
        ),
        ("kube-system", leaderLocking("kube-controller-manager")),
        ("kube-system", leaderLocking("kube-scheduler")),
        (
            "kube-public",
            DefaultRole(
                "system:controller:bootstrap-signer",
                "read core configmaps\nupdate core configmaps cluster-info\nevents")
        ),
    ]

    private static func leaderLocking(_ component: String) -> DefaultRole {
        DefaultRole(
            "system::leader-locking-\(component)",
            "watch core configmaps\nget,update core configmaps \(component)")
    }

    static let namespaced: [(namespace: String, binding: DefaultBinding)] = [
        (
            "kube-system",
            DefaultBinding(
                "system::extension-apiserver-authentication-reader", of: "extension-apiserver-authentication-reader",
                kind: "Role", [controllerManager, scheduler])
        ),
        (
            "kube-system",
            DefaultBinding(
                "system::leader-locking-kube-controller-manager", kind: "Role",
                [controllerManager, .account("kube-controller-manager")])
        ),
        (
            "kube-system",
            DefaultBinding(
                "system::leader-locking-kube-scheduler", kind: "Role", [scheduler, .account("kube-scheduler")])
        ),
        (
            "kube-system",
            DefaultBinding("system:controller:bootstrap-signer", kind: "Role", [.account("bootstrap-signer")])
        ),
        (
            "kube-system",
            DefaultBinding("system:controller:cloud-provider", kind: "Role", [.account("cloud-provider")])
        ),
        (
            "kube-system",
            DefaultBinding("system:controller:token-cleaner", kind: "Role", [.account("token-cleaner")])
        ),
        (
            "kube-public",
            DefaultBinding("system:controller:bootstrap-signer", kind: "Role", [.account("bootstrap-signer")])
        ),
    ]
}
