import APIMachinery
import APIServer
import Glibc
import KubeAPI
import KubeClient
import Logging
import Storage
import Testing
import Transport

@testable import Controllers

/// A real API server on a real store in a temporary directory, with all controllers, and a stand-in for a kubelet.
struct ControlPlane: Sendable {
    let client: Client
    let informers: InformerFactory

    /// Runs `body` against a fresh cluster, and takes everything down after it.
    static func run(
        kubelet: Bool = true, _ body: @escaping @Sendable (ControlPlane) async throws -> Void
    ) async throws {
        var template = Array("/tmp/skiff-controllers-XXXXXX".utf8CString)
        let directory = try #require(mkdtemp(&template).map { String(cString: $0) })
        defer { removeTree(directory) }
        var logger = Logger(label: "test")
        logger.logLevel = .warning
        let store = try await SQLiteStore.open(directory: directory, logger: logger)
        let server = APIServer(configuration: APIServerConfiguration(store: store))
        try await server.bootstrap()
        func client(_ name: String) -> Client {
            let user = UserInfo(name: name, groups: ["system:masters"])
            let connection = HTTPConnection(remoteAddress: "in-process", attachment: user)
            return Client(transport: InProcessTransport(handler: server, connection: connection), userAgent: name)
        }
        let informers = InformerFactory(client: client("system:kube-controller-manager"), logger: logger)
        let controllers = ControllersService(
            client: informers.client, informers: informers, configuration: .init(clusterCAPEM: "PEM"), logger: logger)
        let plane = ControlPlane(client: client("system:admin"), informers: informers)
        let kubeletInformers = InformerFactory(client: client("system:node:n1"), logger: logger)
        let outcome = await withTaskGroup(of: Result<Void, any Error>.self) { group in
            group.addTask {
                try? await controllers.run()
                return .success(())
            }
            group.addTask {
                await informers.run()
                return .success(())
            }
            if kubelet {
                group.addTask {
                    await StandInKubelet(informers: kubeletInformers).run()
                    return .success(())
                }
            }
            group.addTask {
                do {
                    try await body(plane)
                    return .success(())
                } catch {
                    return .failure(error)
                }
            }
            // Only the body ends by itself.
            let first = await group.next() ?? .success(())
            group.cancelAll()
            return first
        }
        await store.close()
        try outcome.get()
    }

    /// Waits until the informer's objects satisfy the condition; fails after ten seconds.
    func eventually<T: APIObject>(
        _ type: T.Type, _ comment: Comment, sourceLocation: SourceLocation = #_sourceLocation,
        _ holds: @escaping @Sendable ([T]) -> Bool
    ) async throws {
        let informer = informers.informer(for: type)
        let (changes, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        informer.addHandler { _ in continuation.yield() }
        continuation.yield()
        let isTrue = await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                for await _ in changes where holds(informer.lister.all) { return true }
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
        #expect(isTrue, comment, sourceLocation: sourceLocation)
        if !isTrue { throw TimedOut() }
    }

    struct TimedOut: Error {}
}

/// Makes every pod Ready as soon as it is there, and lets go of those that are deleted.
struct StandInKubelet: Sendable {
    let informers: InformerFactory

    func run() async {
        let pods = informers.informer(for: Pod.self)
        let (keys, continuation) = AsyncStream.makeStream(of: ObjectKey.self)
        pods.addHandler { continuation.yield($0.key) }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await informers.run() }
            group.addTask {
                for await key in keys { await sync(pods.lister[key]) }
            }
        }
    }

    private func sync(_ pod: Pod?) async {
        guard let pod else { return }
        if pod.isBeingDeleted {
            var options = DeleteOptions()
            options.gracePeriodSeconds = 0
            try? await informers.client.delete(Pod.self, pod.key, options: options)
            return
        }
        // An image that never starts.
        guard pod.status.phase != "Running", pod.spec.containers.first?.image != "broken" else { return }
        var running = pod
        running.status.phase = "Running"
        var condition = PodCondition()
        condition.type = "Ready"
        condition.status = "True"
        condition.lastTransitionTime = .now()
        running.status.conditions.append(condition)
        _ = try? await informers.client.updateStatus(running)
    }
}

private func removeTree(_ path: String) {
    guard let directory = opendir(path) else { return }
    defer {
        closedir(directory)
        rmdir(path)
    }
    while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { unlink(path + "/" + name) }
    }
}
