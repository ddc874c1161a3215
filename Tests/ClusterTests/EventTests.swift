import Foundation
import TestSupport
import Testing

/// What `kubectl describe` and `kubectl get events` tell of pods and the node.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"), .runningCluster(16),
    .timeLimit(.minutes(5)))
struct `Events` {
    struct Event: Decodable {
        struct Subject: Decodable {
            var fieldPath: String?
        }
        var type: String
        var reason: String
        var message: String
        var count: Int?
        var involvedObject: Subject
    }

    private struct List: Decodable { var items: [Event] }

    private func events(_ kind: String, _ name: String) async throws -> [Event] {
        let json = try await cluster().check(
            "get", "events", "-o", "json", "--field-selector",
            "involvedObject.kind=\(kind),involvedObject.name=\(name)")
        return try JSONDecoder().decode(List.self, from: Data(json.utf8)).items
    }

    @Test
    func `a pod's life is told in upstream's words`() async throws {
        let cluster = try cluster()
        try await cluster.check("apply", "-f", "-", input: Self.pods)
        try await cluster.check("wait", "--for=condition=Ready", "pod/lives", "--timeout=60s")
        let node = try await cluster.check("get", "node", "-o", "jsonpath={.items[0].metadata.name}")
        let image =
            "Container image \"skiff.example/hello:1\" already present on machine and can be accessed by the pod"
        try await eventually("its start is told") {
            let told = try await events("Pod", "lives").map { "\($0.type) \($0.reason): \($0.message)" }
            return [
                "Normal Scheduled: Successfully assigned default/lives to \(node)", "Normal Pulled: \(image)",
                "Normal Created: Container created", "Normal Started: Container started",
            ].allSatisfy(told.contains)
        }
        let created = try await events("Pod", "lives").first { $0.reason == "Created" }
        #expect(created?.involvedObject.fieldPath == "spec.containers{main}")
        try await cluster.check("delete", "pod", "lives", "--now")
        try await eventually("its end is told") {
            try await events("Pod", "lives").contains {
                $0.reason == "Killing" && $0.message == "Stopping container main"
            }
        }
        try await eventually("what fails is told") {
            let crash = try await events("Pod", "crashes")
            let mount = try await events("Pod", "mounts")
            let nowhere = try await events("Pod", "nowhere")
            return crash.contains {
                $0.type == "Warning" && $0.reason == "BackOff"
                    && $0.message.hasPrefix("Back-off restarting failed container main in pod crashes_default(")
            }
                && mount.contains {
                    $0.type == "Warning" && $0.reason == "FailedMount"
                        && $0.message.contains(
                            #"MountVolume.SetUp failed for volume "missing" : configmap "missing" not found"#)
                }
                && nowhere.contains {
                    $0.type == "Warning" && $0.reason == "FailedScheduling"
                        && $0.message.hasPrefix(
                            "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.")
                }
        }
        try await cluster.check("delete", "pod", "crashes", "mounts", "nowhere", "--now", "--wait=false")
    }

    @Test
    func `many different words for one thing become one event, and the node's start is told`() async throws {
        let cluster = try cluster()
        try await cluster.check("apply", "-f", "-", input: Self.unready)
        let node = try await cluster.check("get", "node", "-o", "jsonpath={.items[0].metadata.name}")
        let reasons = try await events("Node", node).map(\.reason)
        for reason in [
            "Starting", "NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID",
            "NodeAllocatableEnforced", "NodeReady", "RegisteredNode",
        ] {
            #expect(reasons.contains(reason), "\(reason) in \(reasons)")
        }
        try await eventually("they are combined, and counted", timeout: .seconds(40)) {
            try await events("Pod", "unready").contains {
                $0.reason == "Unhealthy" && ($0.count ?? 0) > 2
                    && $0.message.hasPrefix("(combined from similar events): Readiness probe failed: try ")
            }
        }
        let unhealthy = try await events("Pod", "unready").filter { $0.reason == "Unhealthy" }
        #expect(unhealthy.count == 10, "\(unhealthy.map(\.message))")
        try await cluster.check("delete", "pod", "unready", "--now", "--wait=false")
    }

    private static let pods = """
        apiVersion: v1
        kind: Pod
        metadata: {name: lives}
        spec:
          terminationGracePeriodSeconds: 1
          containers: [{name: main, image: "skiff.example/hello:1", command: [sleep, "1000"]}]
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: crashes}
        spec:
          containers: [{name: main, image: "skiff.example/hello:1", command: ["false"]}]
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: mounts}
        spec:
          containers:
          - {name: main, image: "skiff.example/hello:1", volumeMounts: [{name: missing, mountPath: /m}]}
          volumes: [{name: missing, configMap: {name: missing}}]
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: nowhere}
        spec:
          nodeSelector: {of: nobody}
          containers: [{name: main, image: "skiff.example/hello:1"}]
        """

    private static let unready = """
        apiVersion: v1
        kind: Pod
        metadata: {name: unready}
        spec:
          terminationGracePeriodSeconds: 0
          containers:
          - name: main
            image: skiff.example/hello:1
            command: [sleep, "1000"]
            readinessProbe:
              periodSeconds: 1
              exec: {command: [sh, -c, "echo try $(cat /proc/uptime); exit 1"]}
        """
}
