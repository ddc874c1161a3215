internal import APIMachinery
internal import KubeAPI
internal import PKI
internal import Storage
package import Transport

/// The Kubernetes API over a store: an `HTTPHandler` for the network's server and for clients in this process alike.
package final class APIServer: HTTPHandler {
    let configuration: APIServerConfiguration
    let store: any Store
    let schema: Schema
    package let registry: ResourceRegistry
    let codec: StorageCodec
    let fieldManager: FieldManager
    let decoder: BodyDecoder
    let authenticator: Authenticator
    let authorizer: AuthorizerChain
    let admission: AdmissionChain
    let quotas: QuotaLedger
    let fairness: Fairness
    let documents: [any DocumentHandler]
    let tables: (any TableRenderer)?
    let watches = WatchClock()
    let metrics = RequestMetrics()
    let readiness: Readiness

    /// `documents`: discovery and OpenAPI.
    /// `tables`: printer of server-side tables; without one they are refused with 406.
    package init(
        configuration: APIServerConfiguration, documents: [any DocumentHandler], tables: (any TableRenderer)?
    ) {
        self.configuration = configuration
        let address = "https://\(configuration.advertiseAddress):\(configuration.advertisePort)"
        self.documents =
            documents + (configuration.tokens.map { [IssuerDocuments(tokens: $0, serverURL: address)] } ?? [])
        self.tables = tables
        store = configuration.store
        schema = configuration.schema
        registry = ResourceRegistry(schema: configuration.schema, definitions: configuration.resources)
        codec = StorageCodec(schema: configuration.schema)
        fieldManager = FieldManager(schema: configuration.schema, registry: registry)
        decoder = BodyDecoder(schema: configuration.schema)
        authenticator = Authenticator(
            tokens: TokenAuthenticator(
                tokens: configuration.tokens, store: configuration.store, clock: configuration.clock),
            certificates: configuration.clientCAPEM.flatMap { try? CertificateVerifier(authoritiesPEM: $0) },
            clock: configuration.clock)
        authorizer = AuthorizerChain(store: configuration.store, registry: registry)
        quotas = QuotaLedger(configuration, registry)
        fairness = Fairness(configuration, registry)
        admission = AdmissionChain.standard(configuration, registry, authorizer, quotas, fairness)
        readiness = Readiness(checks: configuration.readyChecks)
    }

    package func handle(_ request: HTTPRequest, _ responder: any HTTPResponder) {
        RequestPipeline(server: self, request: request, responder: responder).run()
    }

    /// Ends all watches, so that connections can close. Requests after this are still answered.
    package func shutDown() { watches.expireAll() }
}

extension AdmissionChain {
    /// Upstream's order. Quotas come last of all, webhooks before them.
    static func standard(
        _ configuration: APIServerConfiguration, _ registry: ResourceRegistry, _ authorizer: AuthorizerChain,
        _ ledger: QuotaLedger, _ fairness: Fairness
    ) -> AdmissionChain {
        func prefix(_ group: String, _ plural: String) -> String {
            registry.resource(group, plural)?.keyPrefix ?? "/registry/\(plural)/"
        }
        let store = configuration.store
        let nodes = prefix("", "nodes")
        let classes = prefix("storage.k8s.io", "storageclasses")
        let plugins: [any AdmissionPlugin] = [
            NamespaceLifecycle(store: store, prefix: prefix("", "namespaces")),
            LimitRanger(store: store, prefix: prefix("", "limitranges")),
            ServiceAccountAdmission(store: store, prefix: prefix("", "serviceaccounts")),
            NodeRestriction(store: store, pods: prefix("", "pods"), nodes: nodes),
            TaintNodesByCondition(),
            PodSecurity(store: store, namespaces: prefix("", "namespaces"), pods: prefix("", "pods")),
            PriorityAdmission(store: store, prefix: prefix("scheduling.k8s.io", "priorityclasses")),
            DefaultTolerationSeconds(),
            DefaultStorageClass(store: store, prefix: classes),
            StorageObjectInUseProtection(),
            PersistentVolumeClaimResize(store: store, prefix: classes),
            RuntimeClassAdmission(store: store, prefix: prefix("node.k8s.io", "runtimeclasses")),
            CertificateSubject(),
            CertificateRights(authorizer: authorizer),
            CertificateSubjectRestriction(),
            DefaultIngressClass(store: store, prefix: prefix("networking.k8s.io", "ingressclasses")),
            ServiceAddresses(
                configuration: configuration, prefix: prefix("", "services"),
                ranges: ServiceRanges(
                    store: store, prefix: prefix("networking.k8s.io", "servicecidrs"),
                    addressPrefix: prefix("networking.k8s.io", "ipaddresses"), initial: configuration.serviceCIDR)),
            EscalationCheck(authorizer: authorizer),
            PodTopologyLabels(store: store, nodes: nodes),
            PodResizeValidator(store: store, nodes: nodes),
            // Mutating admission policies and webhooks join here, then validating ones.
            ResourceQuotaAdmission(ledger: ledger),
            FairnessRefresh(fairness: fairness),
        ]
        return AdmissionChain(plugins: plugins, resources: registry.all)
    }
}
