internal import APIMachinery
internal import APIServer
internal import Glibc
internal import KubeAPI
internal import KubeClient
internal import Logging
internal import Storage
internal import Testing
internal import Transport

@testable import Scheduler

/// A real API server on a real store in a temporary directory, with the scheduler and no node agent.
struct SchedulingCluster: Sendable {
    let client: Client
    private let informers: InformerFactory

    /// Runs `body` against a fresh cluster that has the default service account, and takes everything down after it.
    static func run(_ body: @escaping @Sendable (SchedulingCluster) async throws -> Void) async throws {
        var template = Array("/tmp/skiff-scheduler-XXXXXX".utf8CString)
        let directory = try #require(mkdtemp(&template).map { String(cString: $0) })
        var logger = Logger(label: "test")
        logger.logLevel = .warning
        let store = try await SQLiteStore.open(directory: directory, logger: logger)
        let server = APIServer(configuration: APIServerConfiguration(store: store))
        try await server.bootstrap()
        let user = UserInfo(name: "system:kube-scheduler", groups: ["system:masters"])
        let connection = HTTPConnection(remoteAddress: "in-process", attachment: user)
        let client = Client(transport: InProcessTransport(handler: server, connection: connection))
        let informers = InformerFactory(client: client, logger: logger)
        let scheduler = SchedulerService(client: client, informers: informers, logger: logger)
        let cluster = SchedulingCluster(client: client, informers: informers)
        let outcome = await withTaskGroup(of: Result<Void, any Error>?.self) { group in
            group.addTask {
                await informers.run()
                return nil
            }
            group.addTask {
                try? await scheduler.run()
                return nil
            }
            group.addTask {
                do {
                    try await cluster.createServiceAccount()
                    try await body(cluster)
                    return .success(())
                } catch {
                    return .failure(error)
                }
            }
            // Only the body ends by itself.
            var outcome: Result<Void, any Error>?
            while outcome == nil, let next = await group.next() { outcome = next }
            group.cancelAll()
            return outcome
        }
        await store.close()
        for name in ["", "-wal", "-shm", "-lock", "-journal"] { unlink(directory + "/state.db" + name) }
        rmdir(directory)
        try outcome?.get()
    }

    private func createServiceAccount() async throws {
        var account = ServiceAccount()
        account.metadata.name = "default"
        account.metadata.namespace = "default"
        try await client.create(account)
    }

    func createNode(_ name: String, cpu: String) async throws {
        var node = Node()
        node.metadata.name = name
        let status: [String: Quantity] = [
            "cpu": Quantity(cpu) ?? .zero, "memory": Quantity("8Gi") ?? .zero, "pods": Quantity(110),
        ]
        // Admission taints every new node as not ready; the node life cycle controller is not there to lift it.
        node = try await client.create(node)
        node.spec.taints = []
        node = try await client.update(node)
        node.status.capacity = status
        node.status.allocatable = status
        try await client.updateStatus(node)
    }

    /// Waits until the pod is as it should be; fails after ten seconds.
    func eventually(
        _ name: String, _ comment: Comment, _ holds: @escaping @Sendable (Pod) -> Bool
    ) async throws {
        let pods = informers.informer(for: Pod.self)
        let (changes, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        pods.addHandler { _ in continuation.yield() }
        continuation.yield()
        let key = ObjectKey(namespace: "default", name: name)
        let isTrue = await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                for await _ in changes where pods.lister[key].map(holds) ?? false { return true }
                return false
            }
            group.addTask {
                try? await Task.sleep(for: .seconds(10))
                return false
            }
            let first = await group.next() ?? false
            group.cancelAll()
            return first
        }
        #expect(isTrue, comment)
    }
}
