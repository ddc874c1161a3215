internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging
internal import PKI

/// Fills Secrets of type `kubernetes.io/service-account-token` with a token that has no end, and removes them with
/// their account.
struct TokenSecretController: Reconciler {
    private static let type = "kubernetes.io/service-account-token"
    private static let nameAnnotation = "kubernetes.io/service-account.name"
    private static let uidAnnotation = "kubernetes.io/service-account.uid"

    let secrets: Lister<Secret>
    let accounts: Lister<ServiceAccount>
    let client: Client
    let tokens: ServiceAccountTokens
    let certificatePEM: String

    func reconcile(_ key: ObjectKey) async throws(APIError) -> Requeue {
        guard var secret = secrets[key], secret.metadata.deletionTimestamp == nil else { return .never }
        guard let account = try await account(of: secret) else {
            do throws(APIError) {
                try await client.delete(Secret.self, key)
            } catch {
                guard error.isNotFound else { throw error }
            }
            return .never
        }
        var wanted = ["ca.crt": Array(certificatePEM.utf8), "namespace": Array(key.namespace.utf8)]
        if secret.data["token", default: []].isEmpty {
            var claims = ServiceAccountClaims(
                namespace: key.namespace,
                serviceAccount: .init(name: account.metadata.name ?? "", uid: account.metadata.uid ?? ""))
            claims.secret = .init(name: key.name, uid: "")
            claims.isLegacy = true
            wanted["token"] = Array(tokens.sign(claims).utf8)
        }
        let isComplete =
            wanted.allSatisfy { secret.data[$0.key] == $0.value }
            && secret.metadata.annotations[Self.uidAnnotation] == account.metadata.uid
        guard !isComplete else { return .never }
        secret.data.merge(wanted) { $1 }
        secret.metadata.annotations[Self.uidAnnotation] = account.metadata.uid
        try await client.update(secret)
        return .never
    }

    /// `nil`: there is none, or another one of the same name. The cache may lag: the server decides.
    private func account(of secret: Secret) async throws(APIError) -> ServiceAccount? {
        let key = ObjectKey(
            namespace: secret.key.namespace, name: secret.metadata.annotations[Self.nameAnnotation] ?? "")
        guard !key.name.isEmpty else { return nil }
        var account = accounts[key]
        if account == nil {
            do throws(APIError) {
                account = try await client.get(ServiceAccount.self, key)
            } catch {
                guard error.isNotFound else { throw error }
            }
        }
        let uid = secret.metadata.annotations[Self.uidAnnotation] ?? ""
        guard uid.isEmpty || uid == account?.metadata.uid else { return nil }
        return account
    }

    /// The controller on the shared informers, ready to run.
    static func makeRunner(
        client: Client, informers: InformerFactory, tokens: ServiceAccountTokens, certificatePEM: String, workers: Int,
        logger: Logger
    ) -> ControllerRunner<TokenSecretController> {
        let secrets = informers.informer(for: Secret.self, fieldSelector: "type=\(type)")
        let accounts = informers.informer(for: ServiceAccount.self)
        let queue = WorkQueue<ObjectKey>()
        secrets.addHandler { queue.add($0.key) }
        let lister = secrets.lister
        accounts.addHandler(onDelete: { account in
            for secret in lister.list(namespace: account.key.namespace)
            where secret.metadata.annotations[nameAnnotation] == account.key.name {
                queue.add(secret.key)
            }
        })
        let controller = TokenSecretController(
            secrets: lister, accounts: accounts.lister, client: client, tokens: tokens, certificatePEM: certificatePEM)
        return ControllerRunner(
            name: "service-account-token-controller", reconciler: controller, queue: queue, workers: workers,
            logger: logger)
    }
}
