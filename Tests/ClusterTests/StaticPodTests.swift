import Foundation
import TestSupport
import Testing

/// Pods that a node runs from files of its own.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"), .runningCluster(17),
    .timeLimit(.minutes(5)))
struct `Static pods` {
    @Test
    func `a file makes a pod with a mirror, which comes back when it is deleted`() async throws {
        let files = try await Manifests()
        defer { files.removeAll() }
        let (cluster, name) = (files.cluster, "web-" + files.node)
        try files.write("web.yaml", Self.web(greeting: "one"))
        try await cluster.check("wait", "--for=create", "pod/\(name)", "--timeout=30s")
        try await cluster.check("wait", "--for=condition=Ready", "pod/\(name)", "--timeout=60s")
        let pod = try await files.pod(name)
        let annotations = pod.metadata.annotations
        #expect(annotations["kubernetes.io/config.source"] == "file")
        #expect(annotations["kubernetes.io/config.hash"]?.count == 32)
        #expect(annotations["kubernetes.io/config.mirror"] == annotations["kubernetes.io/config.hash"])
        #expect(annotations["kubernetes.io/config.seen"] != nil)
        let owner = try #require(pod.metadata.ownerReferences?.first)
        #expect(owner.kind == "Node" && owner.name == files.node && owner.controller == true)
        #expect(pod.metadata.ownerReferences?.count == 1)

        let hello = try await cluster.check("exec", name, "--", "sh", "-c", "echo $GREETING")
        #expect(hello == "one\n")
        try await eventually("the log is shown") {
            try await cluster.check("logs", name).contains("greets one")
        }
        let described = try await cluster.check("describe", "pod", name)
        for text in ["Controlled By:  Node/\(files.node)", "Container created", "Container started"] {
            #expect(described.contains(text), "\(described)")
        }
        try await eventually("top shows it", timeout: .seconds(15)) {
            try await cluster.check("top", "pod", name, "--no-headers").contains(name)
        }

        let started = pod.status.containerStatuses?.first?.state.running?.startedAt
        let before = pod.metadata.uid
        try await cluster.check("delete", "pod", name, "--wait=false")
        try await eventually("another mirror stands for the same containers") {
            let now = try await files.pod(name)
            return now.metadata.uid != before && now.status.phase == "Running"
                && now.status.containerStatuses?.first?.state.running?.startedAt == started
        }
        files.remove("web.yaml")
        try await cluster.check("wait", "--for=delete", "pod/\(name)", "--timeout=30s")
    }

    @Test
    func `a changed file is another pod, and a removed one ends it`() async throws {
        let files = try await Manifests()
        defer { files.removeAll() }
        let (cluster, name) = (files.cluster, "web-" + files.node)
        try files.write("web.yaml", Self.web(greeting: "one"))
        try await eventually("the first runs") { try await files.pod(name).status.phase == "Running" }
        let first = try await files.pod(name).metadata.annotations["kubernetes.io/config.hash"]
        try files.write("web.yaml", Self.web(greeting: "two"))
        try await eventually("the second runs in its place") {
            let pod = try await files.pod(name)
            return pod.metadata.annotations["kubernetes.io/config.hash"] != first && pod.status.phase == "Running"
        }
        #expect(try await cluster.check("exec", name, "--", "sh", "-c", "echo $GREETING") == "two\n")
        // A worse version of the file changes nothing, and is told of.
        try files.write("web.yaml", "kind: Pod\napiVersion: v1\nmetadata: {name: web}\nspec: {containers: []}\n")
        try files.write("broken.yaml", "kind: [Pod\n")
        try files.write("token.json", Self.withSecret)
        for text in ["web.yaml cannot be used", "broken.yaml cannot be used", "static pods may not reference secrets"] {
            try await eventually("an event tells: \(text)") {
                try await cluster.check("get", "events", "--field-selector", "reason=InvalidStaticPod").contains(text)
            }
        }
        #expect(try await files.pod(name).status.phase == "Running")
        files.remove("web.yaml")
        try await cluster.check("wait", "--for=delete", "pod/\(name)", "--timeout=30s")
        let containers = try await files.logs("default_web")
        #expect(containers == "", "\(containers)")
    }

    @Test
    func `it runs where the API server refuses its mirror, and over a restart of Skiff`() async throws {
        let files = try await Manifests()
        defer { files.removeAll() }
        let cluster = files.cluster
        try await cluster.check("create", "namespace", "closed")
        try await cluster.check("label", "namespace", "closed", "pod-security.kubernetes.io/enforce=restricted")
        try files.write("closed.yaml", Self.web(greeting: "unseen", namespace: "closed"))
        try files.write("open.yaml", Self.web(greeting: "seen", name: "open"))
        try await eventually("the refused pod's container runs") {
            try await files.logs("closed_").contains("greets unseen")
        }
        #expect(try await cluster.check("get", "pods", "-n", "closed", "-o", "name") == "")
        let name = "open-" + files.node
        try await eventually("the other runs") { try await files.pod(name).status.phase == "Running" }
        let before = try await files.pod(name)
        let container = try await files.logs("closed_")

        let down = try #require(cluster.serverPID)
        kill(down, SIGKILL)
        let up = try await cluster.up()
        #expect(up.isSuccess, "\(up)")
        try await eventually("its pod is the one it was, and the namespace opens") {
            let after = try await files.pod(name)
            return after.metadata.uid == before.metadata.uid && after.status.phase == "Running"
        }
        let after = try await files.pod(name)
        #expect(
            after.status.containerStatuses?.first?.state.running?.startedAt
                == before.status.containerStatuses?.first?.state.running?.startedAt)
        #expect(try await files.logs("closed_") == container)
        try await cluster.check("label", "namespace", "closed", "pod-security.kubernetes.io/enforce-")
        try await eventually("the mirror comes once it may", timeout: .seconds(60)) {
            try await cluster.check("get", "pods", "-n", "closed", "-o", "name").contains("web-")
        }
        files.removeAll()
        try await cluster.check("wait", "--for=delete", "pod/\(name)", "--timeout=30s")
        try await eventually("nothing of them runs") { try await files.logs("closed_") == "" }
    }

    private static func web(greeting: String, name: String = "web", namespace: String = "default") -> String {
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: \(name), namespace: \(namespace), labels: {app: \(name)}}
        spec:
          terminationGracePeriodSeconds: 1
          containers:
          - name: web
            image: skiff.example/hello:1
            command: [sh, -c, "echo greets $GREETING; exec sleep 1000"]
            env: [{name: GREETING, value: \(greeting)}]
        """
    }

    private static let withSecret = """
        {"apiVersion":"v1","kind":"Pod","metadata":{"name":"token"},"spec":{"containers":[{"name":"a","image":"b",
        "envFrom":[{"secretRef":{"name":"s"}}]}]}}
        """
}

/// The directory of manifests of the suite's cluster.
struct Manifests {
    struct Pod: Decodable {
        struct Metadata: Decodable {
            struct Owner: Decodable {
                var kind: String
                var name: String
                var controller: Bool?
            }
            var uid: String
            var annotations: [String: String]
            var ownerReferences: [Owner]?
        }
        struct Status: Decodable {
            struct Container: Decodable {
                struct State: Decodable {
                    struct Running: Decodable { var startedAt: String }
                    var running: Running?
                }
                var state: State
            }
            var phase: String
            var containerStatuses: [Container]?
        }
        var metadata: Metadata
        var status: Status
    }

    let cluster: SkiffInstance
    let node: String
    private let directory: String

    init() async throws {
        cluster = try ClusterTests.cluster()
        node = try await cluster.check("get", "node", "-o", "jsonpath={.items[0].metadata.name}")
        directory = cluster.dataDirectory + "/agent/pod-manifests"
    }

    func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: directory + "/" + name), options: .atomic)
    }

    func remove(_ name: String) { try? FileManager.default.removeItem(atPath: directory + "/" + name) }

    func removeAll() {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] { remove(name) }
    }

    func pod(_ name: String) async throws -> Pod {
        let json = try await cluster.check("get", "pod", name, "-o", "json")
        return try JSONDecoder().decode(Pod.self, from: Data(json.utf8))
    }

    /// The logs of the pods whose namespace and name begin so, with what is in them: one for each start of a container,
    /// none once the pod is gone.
    func logs(_ prefix: String) async throws -> String {
        let pattern = "\(cluster.dataDirectory)/pod-logs/\(prefix)*/*/*.log"
        return try await Command.run(["sh", "-c", "grep -H greets \(pattern) 2>/dev/null || true"]).output
    }
}
