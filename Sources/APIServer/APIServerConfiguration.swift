package import APIMachinery
package import KubeAPI
package import PKI
package import Storage
package import Transport

/// What `APIServer` is built from.
package struct APIServerConfiguration: Sendable {
    package var store: any Store
    package var schema: Schema
    package var resources: [ResourceDefinition]
    /// Signs and verifies service-account tokens; `nil` where the server has no key.
    package var tokens: ServiceAccountTokens?
    /// Who may issue client certificates (PEM); `nil` where none are accepted.
    package var clientCAPEM: [UInt8]?
    /// Where requests are written down; `nil` where they are not.
    package var audit: AuditLog?
    /// Service addresses, e.g. `10.96.0.0/12`.
    package var serviceCIDR: String
    package var nodePorts: ClosedRange<Int>
    /// Where the `kubernetes` Service leads: the server's own address and port.
    package var advertiseAddress: String
    package var advertisePort: Int
    /// The node agent's handler for logs, exec, attach and port-forward on that node; `nil` if it is not reachable.
    package var nodeHandler: @Sendable (_ node: String) -> (any HTTPHandler)?
    /// Who answers for whole groups, after authentication and authorisation: the place of API aggregation.
    package var delegates: [String: any HTTPHandler] = [:]
    /// Whether a node can make volumes of its own directories: then the cluster has the class `local-path`.
    package var offersLocalPath = true
    /// `v1.36.2+skiff`.
    package var version: String
    package var clock: @Sendable () -> Time
    /// Names of parts that `/readyz` also waits for, with whether each is ready.
    package var readyChecks: [(name: String, isReady: @Sendable () -> Bool)]

    package init(
        store: any Store, schema: Schema = .kubernetes, resources: [ResourceDefinition] = ResourceTable.all,
        tokens: ServiceAccountTokens? = nil, clientCAPEM: [UInt8]? = nil, audit: AuditLog? = nil,
        serviceCIDR: String = "10.96.0.0/12",
        nodePorts: ClosedRange<Int> = 30000...32767, advertiseAddress: String = "192.0.2.1",
        advertisePort: Int = 6443, nodeHandler: @escaping @Sendable (String) -> (any HTTPHandler)? = { _ in nil },
        version: String = "v1.36.2+skiff", clock: @escaping @Sendable () -> Time = { Time.now() },
        readyChecks: [(name: String, isReady: @Sendable () -> Bool)] = []
    ) {
        self.store = store
        self.schema = schema
        self.resources = resources
        self.tokens = tokens
        self.clientCAPEM = clientCAPEM
        self.audit = audit
        self.serviceCIDR = serviceCIDR
        self.nodePorts = nodePorts
        self.advertiseAddress = advertiseAddress
        self.advertisePort = advertisePort
        self.nodeHandler = nodeHandler
        self.version = version
        self.clock = clock
        self.readyChecks = readyChecks
    }
}
